"""Trials of Ray Tune and Ray Train on a GPU: killed and resumed, two on one GPU, and one that is too large.

MLflow takes no part: what a trial reports is heard here.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import torch

from datasets.contract import DataPaths
from datasets.synthetic.people.people import People
from models.backbones import SmallTrunk
from models.regressor import Regressor
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.jobs.execute import JobResult, Task, open_data
from orchestrator.schedule import cluster, connection
from orchestrator.schedule.cluster import Plan, ResourceRequest
from orchestrator.schedule.native_precision import native
from orchestrator.schedule.tune_trials import Event, run_trials
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.training.precision import has_bf16
from orchestrator.training.runtime import SingleProcess
from orchestrator.training.trainer import fit
from tests.support.closeness import same_bits

pytestmark = pytest.mark.gpu

WORKER = "ray::RayTrainWorker"
"""What Ray calls the process of a Train worker."""


@dataclass
class Heard:
    """Listens to trials; kills the workers of the first that has done an epoch, if told to."""

    kill: bool = False
    killed: int = 0
    events: list[Event] = field(default_factory=list)

    def record(self, event: Event) -> None:
        self.events.append(event)
        if self.kill and event.epoch is not None and not self.killed:
            self.killed = kill_workers()

    def ended(self) -> dict[str, JobResult]:
        return {event.fingerprint: event.finished for event in self.events if event.finished is not None}


def kill_workers() -> int:
    """-9 to every Train worker; how many there were."""
    found = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if " ".join(process.cmdline()).startswith(WORKER):
                os.kill(process.pid, signal.SIGKILL)
                found += 1
    return found


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    """Ray on this machine."""
    import ray as library

    connection.connect()
    yield
    library.shutdown()


@pytest.fixture
def place(experiment: Experiment, tmp_path: Path) -> DataPaths:
    """Where the data of the experiment are prepared."""
    paths = DataPaths(tmp_path / "data")
    experiment.data.prepare(paths)
    return paths


def planned(device: torch.device, workers: int, share: float, concurrent: int) -> Plan:
    gpus = share if device.type == "cuda" else 0.0
    return cluster.plan(ResourceRequest(workers=workers, gpus_per_worker=gpus, concurrent=concurrent))


def run(tasks: list[Task], plan: Plan, heard: Heard, tmp_path: Path) -> dict[str, JobResult]:
    run_trials(tasks, plan, tmp_path / "ray", heard.record)
    return heard.ended()


def test_a_killed_worker_of_ray_train_resumes_to_the_same_bits(
    ray: None, experiment: Experiment, place: DataPaths, device: torch.device, tmp_path: Path
) -> None:
    long = vary(experiment, schedule=vary(experiment.schedule, epochs=20, evaluate_every=5))
    quiet, disturbed = Checkpoints(str(tmp_path / "quiet")), str(tmp_path / "disturbed")
    wanted = fit(long, open_data(long.data, place, long.seed), SingleProcess(device), quiet)
    heard = Heard(kill=True)
    plan = planned(device, workers=1, share=1, concurrent=1)
    ended = run([Task(long, place, disturbed)], plan, heard, tmp_path)[long.fingerprint()]
    assert (ended.status, ended.note) == ("finished", "")
    assert heard.killed == 1
    assert any(event.replayed for event in heard.events), "it went on from a checkpoint"
    assert ended.metrics == wanted.metrics
    found = Checkpoints(disturbed).load_finished(long).weights
    assert same_bits(list(found.values()), list(quiet.load_finished(long).weights.values()))


def test_what_a_recipe_leaves_to_the_machine_is_bf16_where_its_gpus_multiply_it(
    ray: None, device: torch.device
) -> None:
    gpus = 1.0 if device.type == "cuda" else 0.0
    found = native(ResourceRequest(gpus_per_worker=gpus))
    able = has_bf16(device)
    assert found.precision == ("bf16" if able else "float32")
    if device.type == "cuda":
        assert able == (torch.cuda.get_device_capability(device) >= (8, 0))


@pytest.mark.parametrize("workers", [0, 1], ids=["in their own actors", "with a worker each"])
def test_two_trials_share_a_gpu(
    ray: None, experiment: Experiment, place: DataPaths, device: torch.device, tmp_path: Path, workers: int
) -> None:
    if os.cpu_count() == 1:
        pytest.skip("two trials need two CPUs")
    schedule = vary(experiment.schedule, epochs=30, evaluate_every=30)
    both = [vary(experiment, seed=seed, schedule=schedule) for seed in (0, 1)]
    plan = planned(device, workers, share=0.5, concurrent=2)
    assert plan.concurrent == 2
    heard = Heard()
    ended = run([Task(e, place, str(tmp_path / "store")) for e in both], plan, heard, tmp_path)
    assert [ended[e.fingerprint()].status for e in both] == ["finished"] * 2, ended
    first_end = next(i for i, event in enumerate(heard.events) if event.finished is not None)
    assert {event.fingerprint for event in heard.events[:first_end]} == {e.fingerprint() for e in both}


def test_a_trial_that_does_not_fit_ends_with_a_sentence_and_the_others_go_on(
    ray: None, experiment: Experiment, place: DataPaths, device: torch.device, tmp_path: Path
) -> None:
    # Its first map alone has 128 × 2^14 × 256 × 256 numbers, 256 GiB in bf16 and twice as many in float32.
    huge = vary(
        experiment,
        data=vary(experiment.data, source=People(train=160, val=2), size=(512, 512)),
        model=Regressor(trunk=SmallTrunk(channels=(2**14,), strides=(2,))),
        schedule=vary(experiment.schedule, epochs=1, batch=128),
    )
    huge.data.prepare(place)
    tasks = [Task(one, place, str(tmp_path / "store")) for one in (huge, experiment)]
    # In the trials' own actor, whose process goes on after the first.
    plan = planned(device, workers=0, share=1, concurrent=1)
    ended = run(tasks, plan, Heard(), tmp_path)
    failed = ended[huge.fingerprint()]
    assert failed.status == "failed"
    assert "memory is full" in failed.note
    assert "--workers" in failed.note
    assert "Traceback" not in failed.note
    assert ended[experiment.fingerprint()].status == "finished"
