"""A job: whatever has a fingerprint and gives metrics when it is run."""

from typing import Literal, Protocol

from pydantic import TypeAdapter

from datasets.union import DataConfig
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.probes.step_time import StepTiming
from orchestrator.probes.union import AnyProbe

Stage = Literal["training", "probe", "timing"]


class Job(Protocol):
    """What trainings, probes of trained models and timings have in common. All are frozen pydantic models.

    Attributes:
        seed: which repetition it is.
        data: what it sees; None for random pictures.
        needs: the trainings that must have finished before it can begin, the first first.
        trained: the training that it is, or whose model it measures; None for a timing.
        epochs: how many it takes; 0 for a measurement.
        schedule: by which it trains, what it measures was trained, or a step is timed.
        stage: when it runs. Trainings come first, then probes; timings last, one at a time.
    """

    @property
    def seed(self) -> int: ...
    @property
    def data(self) -> DataConfig | None: ...
    @property
    def needs(self) -> tuple[Experiment, ...]: ...
    @property
    def trained(self) -> Experiment | None: ...
    @property
    def epochs(self) -> int: ...
    @property
    def schedule(self) -> Schedule: ...
    @property
    def stage(self) -> Stage: ...

    def fingerprint(self) -> str:
        """16 hex digits; equal for two jobs exactly when their results must be equal."""
        ...

    def describe(self) -> str:
        """A short readable name, such as `RLE 3x64 on coco, seed 0`."""
        ...

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """Every field as JSON, which `read_job` reads."""
        ...


_ANY_JOB: TypeAdapter[Experiment | StepTiming | AnyProbe] = TypeAdapter(Experiment | StepTiming | AnyProbe)


def read_job(text: str) -> Job:
    """The job of which `model_dump_json` made the text.

    Raises:
        pydantic.ValidationError: it is of no known kind, or a field is wrong.
    """
    return _ANY_JOB.validate_json(text)
