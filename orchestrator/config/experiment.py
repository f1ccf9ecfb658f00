"""An experiment: a frozen value with everything on which its result depends."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from datasets.base.data_set import DataSet
from datasets.union import DataConfig
from models.backbones import ResNet, Trunk
from models.boundary_unet import BoundaryNet
from models.errors import ConfigError
from models.heatmap_nets import Integral, SimplePose, TwoBranch
from models.interface import OutputSpec
from models.kinds import OpenTo
from models.objectives import Objective
from models.regressor import Regressor
from models.timm_trunk import Timm
from orchestrator.config.fingerprint import Fingerprinted, essence
from orchestrator.config.schedule import Schedule
from orchestrator.config.small_sets import chosen_batch, chosen_length, smaller_batch
from orchestrator.config.vary import vary
from orchestrator.util.errors import UserError

NAMED = 3
"""Wrong fields that a message names."""

ModelConfig = Annotated[
    Regressor | SimplePose | Integral | TwoBranch | BoundaryNet, Field(discriminator="kind")
]


class Experiment(Fingerprinted):
    """A training: its data, model, objective, schedule and seed, and from whose trunk it starts.

    Fields:
        start: an experiment whose trained trunk this one begins with, instead of the trunk's own weights.

    Raises:
        pydantic.ValidationError: a field is wrong; the message names it.
    """

    stage: ClassVar[Literal["training"]] = "training"

    data: Annotated[DataConfig, OpenTo(DataSet)]
    model: ModelConfig
    objective: Objective
    schedule: Schedule
    seed: int = Field(default=0, ge=0, lt=2**32)
    start: "Experiment | None" = None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        try:
            self.objective.check(self.data.dim)
            self.model.check(self.output_spec)
        except ConfigError as error:
            raise PydanticCustomError(error.code, "{reason}", {"reason": str(error)}) from error
        if self.start is not None and trunk_of(self.start) != trunk_of(self):
            raise PydanticCustomError("other-trunk", "start has another trunk: its weights would not fit")
        return self

    @property
    def output_spec(self) -> OutputSpec:
        """What the model must predict: the data's points, and what the objective needs of each."""
        data, objective = self.data, self.objective
        return OutputSpec(
            data.points,
            data.dim,
            data.size,
            objective.needs_scale,
            objective.needs_heatmap,
            objective.context,
        )

    @property
    def needs(self) -> tuple["Experiment", ...]:
        """The trainings that must have finished before this one can begin, the first first."""
        return () if self.start is None else (*self.start.needs, self.start)

    @property
    def trained(self) -> "Experiment":
        """The training that this job is."""
        return self

    @property
    def epochs(self) -> int:
        """How many epochs it takes."""
        return self.schedule.epochs

    @property
    def assumed(self) -> tuple[str, ...]:
        """What was assumed about the user's files, that batches are smaller where these are few, and what was
        chosen in place of the recipe, a sentence each."""
        few = smaller_batch(self.schedule, self.data.train_samples)
        chosen = chosen_length(self.schedule, self.data.train_samples)
        return (*self.data.assumed, *(f"{self.data.name}: {sentence}" for sentence in (*few, *chosen)))

    @property
    def by_recipe(self) -> bool:
        """Whether it has the recipe's epochs and batches, the latter unless the training set is too small."""
        return not chosen_length(self.schedule, self.data.train_samples)

    def describe(self) -> str:
        """For example `RLE 3x64 on coco, seed 0`, or with epochs that the user chose
        `Integral Pose, L1 on mpii, 20 epochs, seed 0`."""
        chosen = "" if self.schedule.recipe_epochs is None else f", {self.schedule.epochs} epochs"
        if chosen_batch(self.schedule, self.data.train_samples):
            chosen += f", batches of {self.schedule.batch}"
        return f"{self.method} on {self.data.called}{chosen}, seed {self.seed}"

    @property
    def method(self) -> str:
        """The objective's name, and what of model, data and start is not the default: `Integral Pose, L1`.

        A model other than the regressor is named too; SimplePose has one objective.
        """
        name = self.objective.name
        if isinstance(self.model, SimplePose):
            name = "SimplePose"
        elif isinstance(self.model, Integral):
            name = f"Integral Pose, {name}"
        elif isinstance(self.model, BoundaryNet) and self.model.head == "softargmax":
            name = f"soft-argmax, {name}"
        if self.data.variant:
            name = f"{name} {self.data.variant}"
        return name if self.start is None else f"{name} from {self.start.method}"

    def _decisive_fields(self) -> dict[str, Any]:
        return essence(self) | {"data": {**essence(self.data), "source": self.data.fingerprint()}}


class ExperimentError(UserError):
    """What is to be an experiment is none; the message names its fields."""


def parse_experiment(text: str) -> Experiment:
    """The experiment that `model_dump_json` wrote.

    Raises:
        ExperimentError: it is none, a field is wrong, or fields disagree.
    """
    try:
        return Experiment.model_validate_json(text)
    except ValidationError as error:
        found = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors(include_url=False)]
        named = "; ".join(f"{place or 'the experiment'}: {message}" for place, message in found[:NAMED])
        more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
        codes = [one["type"] for one in error.errors()]
        code = "unknown-kind" if "unknown-kind" in codes else codes[0]
        raise ExperimentError(f"{named}{more}", code=code) from error


def seeded(experiment: Experiment, seed: int) -> Experiment:
    """The experiment with another seed, which what it starts from shares."""
    start = None if experiment.start is None else seeded(experiment.start, seed)
    return vary(experiment, seed=seed, start=start)


def trunk_of(experiment: Experiment) -> Trunk | None:
    """The trunk of the experiment's model, but for its initial weights; None where it has none of these."""
    trunk = getattr(experiment.model, "trunk", None)
    return vary(trunk, weights=None) if isinstance(trunk, ResNet | Timm) else trunk
