"""An experiment: a frozen value that says everything on which its result depends."""

import hashlib
import json
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from pydantic.fields import FieldInfo

from datasets.coco import CocoKeypoints
from datasets.human36m import Human36MPose
from datasets.mpii import MpiiPose
from datasets.retina import RetinaBoundaries
from models.backbones import ResNet, Trunk
from models.boundary import BoundaryNet
from models.config import Frozen
from models.muon import Muon
from models.objectives import Objective
from models.regressor import Regressor
from models.simplepose import Integral, SimplePose, TwoBranch

SCHEMA = 1
"""Raised whenever a default or the mathematics changes: results from before no longer count as the same."""

DataConfig = Annotated[
    CocoKeypoints | MpiiPose | Human36MPose | RetinaBoundaries, Field(discriminator="kind")
]
ModelConfig = Annotated[
    Regressor | SimplePose | Integral | TwoBranch | BoundaryNet, Field(discriminator="kind")
]


class Adam(Frozen):
    """Adam, or AdamW where `weight_decay` is positive."""

    lr: PositiveFloat = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: NonNegativeFloat = 0.0
    coord_rate: PositiveFloat = 1.0  # the coordinate head's learning rate, as a multiple of `lr`
    sigma_rate: PositiveFloat = 1.0  # the same for the sigma head
    flow_rate: PositiveFloat = 1.0  # the same for the flow


class Steps(Frozen):
    """The learning rate times `factor` at each milestone (epochs)."""

    kind: Literal["steps"] = "steps"
    milestones: tuple[PositiveInt, ...] = (170, 200)
    factor: PositiveFloat = 0.1


class Cosine(Frozen):
    """The learning rate along half a cosine, from full to zero over the whole training."""

    kind: Literal["cosine"] = "cosine"


class Linear(Frozen):
    """The full learning rate at first, then down to zero along a straight line."""

    kind: Literal["linear"] = "linear"
    hold: float = Field(default=0.0, ge=0, lt=1)  # of the training, at the full rate


class Schedule(Frozen):
    """How long, how fast and in what precision."""

    epochs: PositiveInt
    batch: PositiveInt  # the global batch, over all workers
    optimiser: Adam = Adam()
    # For matrices, convolutions included, of trunk, coordinate head and heatmaps, instead of Adam.
    matrices: Muon | None = None
    decay: Annotated[Steps | Cosine | Linear, Field(discriminator="kind")] = Steps()
    warmup_steps: NonNegativeInt = 0
    clip_norm: PositiveFloat | None = None  # of the gradient of all parameters together
    # Of the trunk; heads and objective stay in float32. "auto" is bf16 where the device multiplies it.
    precision: Literal["float32", "bf16", "auto"] = "float32"
    # How often to look does not change what is seen at the end.
    evaluate_every: PositiveInt = Field(default=1, json_schema_extra={"neutral": True})


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
        objective = self.objective
        self.model.check(self.data.size, self.data.dim, objective.needs_scale, objective.needs_heatmap)
        if self.start is not None and trunk_of(self.start) != trunk_of(self):
            raise ValueError("start has another trunk: its weights would not fit")
        return self

    def fingerprint(self) -> str:
        """16 hex digits; equal for two experiments exactly when their results must be equal."""
        fields = essence(self)
        fields["data"] = {**essence(self.data), "source": self.data.fingerprint()}
        if self.start is not None:
            fields["start"] = self.start.fingerprint()
        return digest(fields)


class StepCost(Frozen):
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


Value = TypeVar("Value", bound=BaseModel)


def vary(value: Value, **changes: Any) -> Value:
    """`value` with some fields changed, validated again.

    Raises:
        pydantic.ValidationError: an unknown field, or a value that does not fit it.
    """
    fields = {name: getattr(value, name) for name in type(value).model_fields}
    return type(value)(**(fields | changes))


def seeded(experiment: Experiment, seed: int) -> Experiment:
    """The experiment with another seed, which what it starts from shares."""
    start = None if experiment.start is None else seeded(experiment.start, seed)
    return vary(experiment, seed=seed, start=start)


def trunk_of(experiment: Experiment) -> Trunk | None:
    """The trunk of the experiment's model, but for its initial weights; None where it has none of these."""
    trunk = getattr(experiment.model, "trunk", None)
    return vary(trunk, weights=None) if isinstance(trunk, ResNet) else trunk


def essence(value: BaseModel) -> dict[str, Any]:
    """The fields of `value` that change a result: those that differ from their default, and every `kind`."""
    changed = {
        name: getattr(value, name)
        for name, field in type(value).model_fields.items()
        if name == "kind" or (getattr(value, name) != field.default and not _is_neutral(field))
    }
    return {name: _plain(inner) for name, inner in changed.items()}


def digest(fields: dict[str, Any]) -> str:
    """16 hex digits of the canonical JSON of `fields` and the schema number."""
    text = json.dumps({"schema": SCHEMA, **fields}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def flatten(value: BaseModel) -> dict[str, str]:
    """Every field as `dotted.name: text`, as MLflow shows and compares parameters."""
    return dict(_leaves("", value.model_dump(mode="json")))


def _leaves(prefix: str, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return [(prefix, value if isinstance(value, str) else json.dumps(value))]
    stem = f"{prefix}." if prefix else ""
    return [leaf for key, inner in value.items() for leaf in _leaves(stem + key, inner)]


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return essence(value)
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value


def _is_neutral(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("neutral"))
