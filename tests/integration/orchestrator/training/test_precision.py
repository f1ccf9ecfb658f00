"""Who trains in bf16."""

from pathlib import Path

import pytest
import torch

from orchestrator.config.experiment import Experiment
from orchestrator.config.precision import settled
from orchestrator.config.schedule import Schedule
from orchestrator.config.vary import vary
from orchestrator.probes.step_time import StepTiming
from orchestrator.training import precision
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.training.precision import has_bf16, in_bf16
from orchestrator.training.runtime import CPU, SingleProcess
from orchestrator.training.trainer import Outcome, fit
from orchestrator.util.mathematics import Precision
from tests.support.errors import refused


@pytest.fixture(params=[False, True], ids=["without instructions for bf16", "with them"])
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    able: bool = request.param
    monkeypatch.setattr(precision, "has_bf16", lambda device: able)
    return able


@pytest.mark.parametrize(("asked", "done"), [("float32", False), ("bf16", True)])
def test_what_is_asked_for_is_done(instructions: bool, asked: str, done: bool) -> None:
    assert in_bf16(Schedule(epochs=1, batch=1, precision=asked), CPU) is done  # type: ignore[arg-type]


def test_nothing_is_trained_in_a_precision_that_the_machine_chooses(experiment: Experiment) -> None:
    with refused("open-precision"):
        in_bf16(Schedule(epochs=1, batch=1, precision="auto"), CPU)
    auto = vary(experiment, schedule=vary(experiment.schedule, precision="auto"))
    read = Experiment.model_validate_json(auto.model_dump_json())
    assert read.fingerprint() == auto.fingerprint()  # as older stores hold it


def test_a_device_that_cannot_do_what_is_asked_for_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **options: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla K80")
    cuda = torch.device("cuda")
    with refused("no-bf16"):
        in_bf16(Schedule(epochs=1, batch=1, precision="bf16"), cuda)
    assert in_bf16(Schedule(epochs=1, batch=1), cuda) is False


@pytest.mark.parametrize(
    ("recipe", "chosen", "native", "settles"),
    [
        ("auto", None, "bf16", "bf16"),
        ("auto", None, "float32", "float32"),
        ("auto", "bf16", None, "bf16"),
        ("auto", "float32", None, "float32"),
        ("bf16", None, None, "bf16"),
        ("bf16", "float32", None, "float32"),
        ("float32", None, None, "float32"),
        ("float32", "bf16", None, "float32"),  # never tried in bf16
    ],
)
def test_a_plan_settles_the_precision_of_an_experiment_and_of_what_it_starts_from(
    experiment: Experiment, recipe: str, chosen: Precision | None, native: Precision | None, settles: str
) -> None:
    asked: list[None] = []

    def machines() -> Precision:
        asked.append(None)
        assert native is not None, "only a recipe that leaves it open asks the machines"
        return native

    base = vary(experiment, schedule=vary(experiment.schedule, precision=recipe))
    found = settled(vary(base, start=base, seed=1), chosen, machines)
    assert found.start is not None
    assert {found.schedule.precision, found.start.schedule.precision} == {settles}
    assert bool(asked) == (native is not None)


@pytest.mark.parametrize(
    ("bf16", "words"), [(False, "float32"), (True, "bf16")], ids=["in float32", "in bf16"]
)
def test_arithmetic_says_what_is_emulated(instructions: bool, bf16: bool, words: str) -> None:
    found = precision.arithmetic(bf16, CPU)
    assert found["precision"] == (f"{words}, emulated" if bf16 and not instructions else words)
    assert torch.backends.cpu.get_cpu_capability() in found["processor"]
    assert found["torch"] == torch.__version__


def test_a_processor_says_whether_it_has_the_instructions() -> None:
    flags = Path("/proc/cpuinfo")
    if not flags.exists():
        pytest.skip("only Linux says it a second time")
    assert has_bf16(CPU) == ("avx512_bf16" in flags.read_text())


def test_a_training_says_its_precision(experiment: Experiment, toy, tmp_path: Path) -> None:
    def trained(asked: str) -> Outcome:
        spelled = vary(experiment, schedule=vary(experiment.schedule, precision=asked))
        return fit(spelled, toy, SingleProcess(), Checkpoints(str(tmp_path)))

    single, half = trained("float32"), trained("bf16")
    assert single.metrics["loss"] != half.metrics["loss"]
    assert (single.metrics["bf16"], half.metrics["bf16"]) == (0, 1)


def test_a_measured_step_says_its_precision(timing: StepTiming) -> None:
    asked = vary(timing, schedule=vary(timing.schedule, precision="bf16"))
    with torch.random.fork_rng(devices=[]):
        assert asked.measure(CPU)["bf16"] == 1
