import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths
from datasets.synthetic.people.people import People
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.jobs.execute import JobResult, Task, open_data, run
from orchestrator.probes.step_time import StepTiming
from orchestrator.training.runtime import SingleProcess


def test_a_task_survives_the_trip_to_another_process(experiment: Experiment, tmp_path: Path) -> None:
    for place in (
        DataPaths(tmp_path),
        DataPaths(tmp_path, tmp_path / "data"),
        DataPaths(tmp_path, pack=False),
    ):
        task = Task(experiment, place, "s3://bucket/lab")
        assert Task.of(json.loads(json.dumps(task.plain()))) == task


def test_how_it_ended_survives_the_trip_back() -> None:
    finished = JobResult("diverged", {"loss": 1.5}, 2.0, "note", ("warning",))
    assert JobResult.of(json.loads(json.dumps(finished.plain()))) == finished


def test_data_that_is_not_there_ends_the_job_as_failed_with_a_sentence(
    experiment: Experiment, tmp_path: Path
) -> None:
    real = vary(experiment, data=CocoKeypoints(source=CocoFolder(), size=(32, 32)))
    finished = run(Task(real, DataPaths(tmp_path, tmp_path / "nothing"), str(tmp_path)), SingleProcess())
    assert finished.status == "failed"
    assert str(tmp_path / "nothing") in finished.note
    assert "Traceback" not in finished.note


def test_a_node_without_the_data_makes_them_once_for_all_of_its_processes(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = vary(experiment.data, source=People(train=4, val=2))
    prepared = []
    prepare = CocoKeypoints.prepare

    def counted(self: CocoKeypoints, place: DataPaths) -> object:
        prepared.append(not list(place.cache.glob("packs/*")))
        return prepare(self, place)

    monkeypatch.setattr(CocoKeypoints, "prepare", counted)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda seed: open_data(config, DataPaths(tmp_path / "cache"), seed), range(3)))
    assert prepared.count(True) == 1
    ids = [data.train.ids.tolist() for data in found]
    assert ids[0] == ids[1] == ids[2] != []
    open_data(config, DataPaths(tmp_path / "cache"), 3)
    assert len(prepared) <= 3


def test_training_without_a_pack_gives_the_same_numbers_bit_for_bit(
    experiment: Experiment, tmp_path: Path
) -> None:
    ended = []
    for pack in (True, False):
        place = DataPaths(tmp_path, pack=pack)
        experiment.data.prepare(place)
        ended.append(run(Task(experiment, place, str(tmp_path / str(pack))), SingleProcess()))
    packed, unpacked = ended
    assert packed.status == unpacked.status == "finished"
    assert packed.metrics == unpacked.metrics
    assert {"loss", "AP"} <= packed.metrics.keys()
    assert (tmp_path / "indexes").exists()


@pytest.mark.parametrize("loader_workers", [0, 2])
def test_a_picture_that_vanishes_ends_the_training_as_failed_with_a_sentence(
    experiment: Experiment, tmp_path: Path, loader_workers: int
) -> None:
    place = DataPaths(tmp_path, pack=False)
    experiment.data.prepare(place)
    for picture in tmp_path.glob("people-*/train*/*"):
        picture.unlink()
    finished = run(Task(experiment, place, str(tmp_path)), SingleProcess(loader_workers=loader_workers))
    assert finished.status == "failed"
    assert "this picture is missing. Put an intact copy there" in finished.note
    assert "Traceback" not in finished.note


def test_a_step_is_measured_and_the_flow_is_a_part_of_it(timing: StepTiming, tmp_path: Path) -> None:
    finished = run(Task(timing, DataPaths(tmp_path), str(tmp_path)), SingleProcess())
    assert finished.status == "finished"
    assert 0 < finished.metrics["flow_share"] < 100
    assert finished.metrics["flow_ms"] < finished.metrics["step_ms"]


def test_names_tell_methods_apart(experiment: Experiment) -> None:
    assert vary(experiment, seed=2).describe() == "RLE 3x8 with half bodies on coco, seed 2"


@pytest.mark.parametrize(
    ("error", "place", "remedy"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total"),
            "the GPU's memory is full (20.00 GiB more were needed)",
            "--gpus-per-worker 1",
        ),
        (torch.OutOfMemoryError("CUDA error: out of memory"), "the GPU's memory is full.", "--workers"),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
                "you tried to allocate 412316860416 bytes. Error code 12 (Cannot allocate memory)"
            ),
            "this machine's memory is full (412316860416 bytes more were needed)",
            "--concurrent 1",
        ),
    ],
)
def test_memory_that_is_full_ends_the_job_as_failed_with_a_sentence(
    timing: StepTiming,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    place: str,
    remedy: str,
) -> None:
    def full(self: StepTiming, device: torch.device) -> dict[str, float]:
        raise error

    monkeypatch.setattr(StepTiming, "measure", full)
    finished = run(Task(timing, DataPaths(tmp_path), str(tmp_path)), SingleProcess())
    assert finished.status == "failed"
    assert place in finished.note
    assert remedy in finished.note
    assert "Traceback" not in finished.note


def test_another_error_keeps_its_traceback(
    timing: StepTiming, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: StepTiming, device: torch.device) -> dict[str, float]:
        raise RuntimeError("something else")

    monkeypatch.setattr(StepTiming, "measure", broken)
    finished = run(Task(timing, DataPaths(tmp_path), str(tmp_path)), SingleProcess())
    assert finished.status == "failed"
    assert "Traceback" in finished.note
