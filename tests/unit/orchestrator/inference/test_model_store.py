"""A checkpoint alone is a model, and a user finds it by whatever they know of it."""

import json
import pickle
from pathlib import Path

import pytest
import torch

from models.objectives import DLE, RLE
from models.realnvp import RealNVP
from orchestrator.config.vary import vary
from orchestrator.inference.model_store import find, load
from orchestrator.training.checkpoint import CheckpointError, Checkpoints
from orchestrator.training.module import TrainingModule
from orchestrator.training.runtime import SingleProcess
from orchestrator.training.trainer import fit
from tests.support.errors import refused


def test_a_loaded_model_is_the_one_that_was_trained(experiment, toy, tmp_path: Path) -> None:
    fit(experiment, toy, SingleProcess(), Checkpoints(str(tmp_path)))
    found = load(find(experiment.fingerprint(), str(tmp_path)))
    kept = Checkpoints(str(tmp_path)).load_finished(experiment)
    trainee = TrainingModule(experiment, pretrained=False)
    trainee.load_state_dict(kept.weights)
    image = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    expected, output = trainee.eval().model(image), found.net(image)
    assert found.experiment == experiment
    assert found.finished
    assert torch.equal(output.mu, expected.mu)
    assert torch.equal(output.sigma, expected.sigma)
    assert all(
        map(torch.equal, found.objective.state_dict().values(), trainee.objective.state_dict().values())
    )
    assert not any(module.training for module in [*found.net.modules(), *found.objective.modules()])


def test_an_unfinished_training_can_be_used_and_says_so(experiment, save) -> None:
    found = load(save(experiment, epoch=1))
    assert not found.finished
    assert found.epochs == 1


def test_a_model_is_found_by_file_folder_fingerprint_and_name(experiment, save, tmp_path: Path) -> None:
    file = save(experiment)
    other = save(vary(experiment, objective=DLE()))
    storage, fingerprint = str(tmp_path / "store"), experiment.fingerprint()
    for name in (str(file), str(file.parent), fingerprint, fingerprint[:5].upper()):
        assert Path(find(name, storage)) == file
    for name in (
        "RLE 3x8 with half bodies on coco, seed 0",
        "rle 3x8 with HALF bodies on COCO, seed 0 ",
        "rle",
    ):
        assert Path(find(name, storage)) == file
    assert Path(find("dle", storage)) == other


def test_a_whole_name_is_no_beginning_of_another(experiment, save, tmp_path: Path) -> None:
    first = save(vary(experiment, seed=1))
    save(vary(experiment, seed=10))
    assert Path(find("RLE 3x8 with half bodies on coco, seed 1", str(tmp_path / "store"))) == first


def test_storages_and_checkpoints_may_be_uris(experiment, save, tmp_path: Path) -> None:
    save(experiment)
    uri = find("rle", (tmp_path / "store").as_uri())
    assert uri.startswith("file:///")
    assert load(uri).experiment == experiment
    assert find(uri, "/nowhere") == uri


def test_where_several_are_meant_they_are_listed(experiment, save, tmp_path: Path) -> None:
    seeds = [vary(experiment, seed=seed) for seed in range(2)]
    for one in seeds:
        save(one)
    save(vary(experiment, objective=DLE()))
    with refused("ambiguous-model") as refusal:
        find("rle", str(tmp_path / "store"))
    assert all(
        f"{one.fingerprint()}  RLE 3x8 with half bodies on coco, seed {one.seed}" in str(refusal.value)
        for one in seeds
    )
    assert "DLE" not in str(refusal.value)


def test_where_none_is_meant_all_are_listed(experiment, save, tmp_path: Path) -> None:
    save(experiment, epoch=2)
    folder = tmp_path / "store" / "0123456789abcdef"
    folder.mkdir()
    (folder / "checkpoint.pt").write_text("no checkpoint")
    with refused("no-such-model") as refusal:
        find("unknown", str(tmp_path / "store"))
    assert "RLE 3x8 with half bodies on coco, seed 0 (crops of 32×32, float32, 2 of 4 epochs)" in str(
        refusal.value
    )
    assert "0123456789abcdef  (of an unknown experiment)" in str(refusal.value)


def test_a_model_of_older_code_is_read_and_told_apart(experiment, save, tmp_path: Path) -> None:
    auto = vary(experiment, schedule=vary(experiment.schedule, precision="auto"))
    file = save(auto)
    state = torch.load(file, weights_only=True)
    del state["schema"]
    torch.save(state, file)
    save(experiment)
    assert load(file).experiment == auto
    with refused("ambiguous-model") as refusal:
        find("RLE", str(tmp_path / "store"))
    assert "(crops of 32×32, auto, by older code)" in str(refusal.value)
    assert "(crops of 32×32, float32)" in str(refusal.value)


@pytest.mark.parametrize("storage", ["empty", "absent"])
def test_a_storage_without_models_says_so(storage: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with refused("no-such-model"):
        find("rle", str(tmp_path / storage))


def test_a_checkpoint_that_does_not_say_what_it_is_is_refused(experiment, save, tmp_path: Path) -> None:
    state = torch.load(save(experiment), weights_only=True)
    del state["experiment"]
    torch.save(state, tmp_path / "old.pt")
    torch.save({"backbone.conv1.weight": torch.zeros(1)}, tmp_path / "theirs.pth")
    for name in ("old.pt", "theirs.pth"):
        with refused("no-experiment", CheckpointError) as caught:
            load(tmp_path / name)
        assert "rle-lab import-checkpoint" in str(caught.value)


def test_a_checkpoint_with_other_weights_is_refused(experiment, save, tmp_path) -> None:
    state = torch.load(save(experiment), weights_only=True)
    torch.save({**state, "trainee": {}}, tmp_path / "other.pt")
    with refused("other-weights", CheckpointError) as caught:
        load(tmp_path / "other.pt")
    assert "other.pt" in str(caught.value)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("text")
    (tmp_path / "empty.pt").write_bytes(b"")
    (tmp_path / "code.pt").write_bytes(pickle.dumps(Path("x"), protocol=2))
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    for name in ("text", "empty", "code", "list", "absent"):
        with refused("no-checkpoint" if name == "absent" else "not-a-checkpoint", CheckpointError) as caught:
            load(tmp_path / f"{name}.pt")
        assert f"{name}.pt" in str(caught.value)


def spoilt(file: Path, **changes: torch.Tensor) -> Path:
    """The checkpoint with other weights."""
    state = torch.load(file, weights_only=True)
    torch.save({**state, "trainee": {**state["trainee"], **changes}}, file)
    return file


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(experiment, save, value: float) -> None:
    bias = torch.load(save(experiment), weights_only=True)["trainee"]["model.coord.bias"]
    with refused("not-finite", CheckpointError) as caught:
        load(spoilt(save(experiment), **{"model.coord.bias": torch.full_like(bias, value)}))
    assert "model.coord.bias" in str(caught.value)


@pytest.mark.parametrize(
    "tensor", [torch.zeros(34, dtype=torch.int64), torch.zeros(3), torch.zeros(34).cfloat()]
)
def test_weights_of_another_form_are_refused_by_name(experiment, save, tensor: torch.Tensor) -> None:
    with refused("other-weights", CheckpointError) as caught:
        load(spoilt(save(experiment), **{"model.coord.bias": tensor}))
    assert "model.coord.bias" in str(caught.value)


def test_an_experiment_larger_than_memory_is_refused(experiment, save, tmp_path: Path) -> None:
    huge = vary(experiment, objective=RLE(flow=RealNVP(layers=8, width=2**14)))
    state = torch.load(save(experiment), weights_only=True)
    changed = {"experiment": huge.model_dump_json(), "fingerprint": huge.fingerprint()}
    torch.save({**state, **changed}, tmp_path / "huge.pt")
    with refused("other-weights", CheckpointError):
        load(tmp_path / "huge.pt")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("objective", "flow", "layers"), 10**9),
        (("objective", "flow", "couplings"), 10**9),
        (("data", "size"), [10**9, 10**9]),
        (("schedule", "epochs"), -1),
    ],
)
def test_an_experiment_with_absurd_values_is_refused(
    experiment, save, tmp_path: Path, path: tuple[str, ...], value: object
) -> None:
    state = torch.load(save(experiment), weights_only=True)
    fields = json.loads(state["experiment"])
    inner = fields
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    torch.save({**state, "experiment": json.dumps(fields)}, tmp_path / "absurd.pt")
    with refused("other-version", CheckpointError):
        load(tmp_path / "absurd.pt")
