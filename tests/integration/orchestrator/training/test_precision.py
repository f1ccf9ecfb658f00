"""Who trains in bf16."""

from pathlib import Path

import pytest
import torch

from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.config.vary import vary
from orchestrator.probes.step_time import StepTiming
from orchestrator.training import precision
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.training.precision import has_bf16, in_bf16
from orchestrator.training.runtime import CPU, SingleProcess
from orchestrator.training.trainer import Outcome, fit


@pytest.fixture(params=[False, True], ids=["without instructions for bf16", "with them"])
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    able: bool = request.param
    monkeypatch.setattr(precision, "has_bf16", lambda device: able)
    return able


@pytest.mark.parametrize(("asked", "done"), [("float32", False), ("bf16", True)])
def test_what_is_asked_for_is_done(instructions: bool, asked: str, done: bool) -> None:
    assert in_bf16(Schedule(epochs=1, batch=1, precision=asked), CPU) is done  # type: ignore[arg-type]


def test_auto_asks_the_device(instructions: bool) -> None:
    assert in_bf16(Schedule(epochs=1, batch=1, precision="auto"), CPU) is instructions


def test_a_processor_says_whether_it_has_the_instructions() -> None:
    flags = Path("/proc/cpuinfo")
    if not flags.exists():
        pytest.skip("only Linux says it a second time")
    assert has_bf16(CPU) == ("avx512_bf16" in flags.read_text())


def test_auto_trains_as_the_precision_that_it_comes_to(
    experiment: Experiment, toy, tmp_path: Path, instructions: bool
) -> None:
    def trained(asked: str) -> Outcome:
        spelled = vary(experiment, schedule=vary(experiment.schedule, precision=asked))
        return fit(spelled, toy, SingleProcess(), Checkpoints(str(tmp_path)))

    auto, wanted, other = trained("auto"), trained("float32"), trained("bf16")
    if instructions:
        wanted, other = other, wanted
    assert auto.metrics == wanted.metrics
    assert auto.metrics["loss"] != other.metrics["loss"]
    assert auto.metrics["bf16"] == instructions


def test_a_measured_step_says_its_precision(timing: StepTiming, instructions: bool) -> None:
    asked = vary(timing, schedule=vary(timing.schedule, precision="auto"))
    with torch.random.fork_rng(devices=[]):
        assert asked.measure(CPU)["bf16"] == instructions
