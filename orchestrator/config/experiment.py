"""An experiment: a frozen value that says everything on which its result depends."""

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)
from pydantic_core import PydanticCustomError

from datasets.union import DataConfig
from models.backbones import ResNet, Trunk
from models.boundary_unet import BoundaryNet
from models.config import Frozen
from models.errors import ConfigError
from models.heatmap_nets import Integral, SimplePose, TwoBranch
from models.interface import OutputSpec
from models.objectives import Objective
from models.regressor import Regressor
from orchestrator.config.fingerprint import digest, essence
from orchestrator.config.schedule import Schedule
from orchestrator.config.vary import vary

ModelConfig = Annotated[
    Regressor | SimplePose | Integral | TwoBranch | BoundaryNet, Field(discriminator="kind")
]


class Experiment(Frozen):
    """What is trained, on what, towards what, how, from which seed, and from whose trunk.

    Fields:
        start: an experiment whose trained trunk this one begins with, instead of the trunk's own weights.

    Raises:
        pydantic.ValidationError: a field is wrong; the message names it.
    """

    data: DataConfig
    model: ModelConfig
    objective: Objective
    schedule: Schedule
    seed: NonNegativeInt = 0
    start: "Experiment | None" = None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        try:
            self.model.check(self.output_spec)
        except ConfigError as error:
            raise PydanticCustomError(error.code, "{reason}", {"reason": str(error)}) from error
        if self.start is not None and trunk_of(self.start) != trunk_of(self):
            raise ValueError("start has another trunk: its weights would not fit")
        return self

    @property
    def output_spec(self) -> OutputSpec:
        """What the model must predict: the data's points, and what the objective needs of each."""
        data, objective = self.data, self.objective
        return OutputSpec(data.points, data.dim, data.size, objective.needs_scale, objective.needs_heatmap)

    def fingerprint(self) -> str:
        """16 hex digits; equal for two experiments exactly when their results must be equal."""
        fields = essence(self)
        fields["data"] = {**essence(self.data), "source": self.data.fingerprint()}
        if self.start is not None:
            fields["start"] = self.start.fingerprint()
        return digest(fields)


class StepTiming(Frozen):
    """A measurement without training: the time of one training step, and the flow's share of it (Table 1)."""

    kind: Literal["step_cost"] = "step_cost"
    model: Regressor
    objective: Objective
    schedule: Schedule
    points: PositiveInt
    size: tuple[PositiveInt, PositiveInt]
    seed: NonNegativeInt = 0  # tells repetitions apart

    def fingerprint(self) -> str:
        """16 hex digits. The machine is not in it; records name theirs."""
        return digest(essence(self))


def seeded(experiment: Experiment, seed: int) -> Experiment:
    """The experiment with another seed, which what it starts from shares."""
    start = None if experiment.start is None else seeded(experiment.start, seed)
    return vary(experiment, seed=seed, start=start)


def trunk_of(experiment: Experiment) -> Trunk | None:
    """The trunk of the experiment's model, but for its initial weights; None where it has none of these."""
    trunk = getattr(experiment.model, "trunk", None)
    return vary(trunk, weights=None) if isinstance(trunk, ResNet) else trunk
