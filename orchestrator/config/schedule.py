"""How long, how fast and in what precision something is trained."""

from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from models.config import Frozen
from models.muon import Muon


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
    # That of the recipe, where the training set is smaller and `batch` was made to fit.
    recipe_batch: PositiveInt | None = Field(
        default=None, json_schema_extra={"neutral": True}, exclude_if=lambda batch: batch is None
    )
    optimiser: Adam = Adam()
    # For matrices, convolutions included, of trunk, coordinate head and heatmaps, instead of Adam.
    matrices: Muon | None = None
    decay: Annotated[Steps | Cosine | Linear, Field(discriminator="kind")] = Steps()
    warmup_steps: NonNegativeInt = 0
    clip_norm: PositiveFloat | None = None  # of the gradient of all parameters together
    # Of the trunk; heads and objective stay in float32. "auto" leaves it to the machine: a plan settles it
    # before anything has a fingerprint (precision.py), and nothing is trained in it.
    precision: Literal["float32", "bf16", "auto"] = "float32"
    # How often to look does not change what is seen at the end.
    evaluate_every: PositiveInt = Field(default=1, json_schema_extra={"neutral": True})
