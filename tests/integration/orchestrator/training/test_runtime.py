"""Several workers in one group: what they share, and what each does alone."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed
import torch.multiprocessing
from torch import nn

from models.interface import Output
from orchestrator.training.evaluation import evaluate
from orchestrator.training.runtime import Distributed, SingleProcess

SAMPLES = 11
"""No multiple of the workers."""


@dataclass(frozen=True)
class Numbered:
    """Samples whose picture says their number; `metrics` hears the predictions."""

    count: int
    size: tuple[int, int] = (1, 1)

    def __len__(self) -> int:
        return self.count

    def __getitems__(self, keys: Any) -> Any:
        numbers = torch.tensor([index for _, index in keys])
        zeros = torch.zeros(len(keys), 1, 2)
        image = numbers.to(torch.uint8)[:, None, None, None].expand(-1, 1, 1, 3)
        return _batch(image, zeros, numbers + 100)


def _batch(image: Any, target: Any, ids: Any) -> Any:
    from datasets.contract import Batch

    return Batch(image, target, torch.ones_like(target), ids)


@dataclass(frozen=True)
class Counted:
    """Data that tells how often it was asked for metrics, and of what."""

    val: Numbered
    train: Any = None
    flip_pairs: Any = None
    heard: list[Any] = field(default_factory=list)

    def metrics(self, predictions: Any) -> dict[str, float]:
        self.heard.append(sorted(zip(predictions.id.tolist(), predictions.mu[:, 0, 0].tolist(), strict=True)))
        return {"AP": float(len(predictions.id))}


class Reads(nn.Module):
    """Says the number in the picture."""

    def forward(self, image: Any) -> Output:
        return Output(image[:, :1, 0, :2].float(), None)


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    runtime = Distributed(torch.device("cpu"), rank, 2)
    norm = nn.BatchNorm1d(3)
    norm.running_mean.fill_(rank + 1.0)  # type: ignore[union-attr]
    norm.num_batches_tracked.fill_(rank + 5)  # type: ignore[union-attr]
    runtime.align(norm)
    data = Counted(Numbered(SAMPLES))
    found = {
        "state": runtime.agree({"epoch": rank, "weights": torch.full((2,), rank)})["weights"].tolist(),
        "nothing": runtime.agree(None if rank == 0 else 1),
        "statistics": norm.running_mean.tolist(),  # type: ignore[union-attr]
        "batches": int(norm.num_batches_tracked),  # type: ignore[arg-type]
        "metrics": evaluate(Reads(), data, runtime)[0],
        "heard": data.heard,
    }
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of two workers found."""
    folder = tmp_path_factory.mktemp("workers")
    torch.multiprocessing.spawn(work, (str(folder),), nprocs=2)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


def test_all_workers_go_on_from_the_state_that_the_first_one_read(workers: list[dict[str, Any]]) -> None:
    assert [worker["state"] for worker in workers] == [[0, 0], [0, 0]]
    assert [worker["nothing"] for worker in workers] == [None, None]


def test_all_workers_evaluate_with_the_statistics_that_the_checkpoint_holds(
    workers: list[dict[str, Any]],
) -> None:
    assert [worker["statistics"] for worker in workers] == [[1.0] * 3] * 2
    assert [worker["batches"] for worker in workers] == [5, 5]


def test_every_sample_is_evaluated_once_and_by_one_worker(workers: list[dict[str, Any]]) -> None:
    alone = Counted(Numbered(SAMPLES))
    assert evaluate(Reads(), alone, SingleProcess())[0] == {"AP": SAMPLES}
    assert workers[0]["metrics"] == {"AP": SAMPLES}
    assert workers[1]["metrics"] == {}
    assert [[tuple(one) for one in heard] for heard in workers[0]["heard"]] == alone.heard
    assert [number for number, _ in alone.heard[0]] == list(range(100, 100 + SAMPLES))
    assert workers[1]["heard"] == []


def test_alone_nothing_is_shared() -> None:
    value = object()
    assert SingleProcess().agree(value) is value
    assert Distributed(torch.device("cpu"), 0, 1).agree(value) is value
    norm = nn.BatchNorm1d(2)
    SingleProcess().align(norm)
    Distributed(torch.device("cpu"), 0, 1).align(norm)
    assert norm.running_mean is not None
    assert norm.running_mean.tolist() == [0, 0]
