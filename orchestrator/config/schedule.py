"""How long, how fast and in what precision something is trained."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from models.config import Frozen
from models.muon import Muon

Rate = Annotated[float, Field(gt=0, le=1e3)]
"""A learning rate or a multiple of one."""

Beta = Annotated[float, Field(ge=0, lt=1)]
"""The decay of a running mean."""

Count = Annotated[int, Field(ge=1, le=10**6)]
"""Of epochs, or of samples in a batch."""


class Adam(Frozen):
    """Adam, or AdamW where `weight_decay` is positive."""

    lr: Rate = 1e-3
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0, le=1e3)
    coord_rate: Rate = 1.0  # the coordinate head's learning rate, as a multiple of `lr`
    sigma_rate: Rate = 1.0  # the same for the sigma head
    flow_rate: Rate = 1.0  # the same for the flow


class Steps(Frozen):
    """The learning rate times `factor` at each milestone (epochs)."""

    kind: Literal["steps"] = "steps"
    milestones: tuple[Count, ...] = Field(default=(170, 200), max_length=1000)
    factor: Rate = 0.1


class Cosine(Frozen):
    """The learning rate along half a cosine, from full to zero over the whole training."""

    kind: Literal["cosine"] = "cosine"


class Linear(Frozen):
    """The full learning rate at first, then down to zero along a straight line."""

    kind: Literal["linear"] = "linear"
    hold: float = Field(default=0.0, ge=0, lt=1)  # of the training, at the full rate


class Schedule(Frozen):
    """How long, how fast and in what precision."""

    epochs: Count
    batch: Count  # the global batch, over all workers
    # That of the recipe, where `batch` was made to fit a smaller training set, or chosen.
    recipe_batch: Count | None = Field(
        default=None, json_schema_extra={"neutral": True}, exclude_if=lambda batch: batch is None
    )
    # The same where the command line gave another number of epochs.
    recipe_epochs: Count | None = Field(
        default=None, json_schema_extra={"neutral": True}, exclude_if=lambda epochs: epochs is None
    )
    optimiser: Adam = Adam()
    # For matrices, convolutions included, of trunk, coordinate head and heatmaps, instead of Adam.
    matrices: Muon | None = None
    decay: Annotated[Steps | Cosine | Linear, Field(discriminator="kind")] = Steps()
    warmup_steps: int = Field(default=0, ge=0, le=10**9)
    clip_norm: float | None = Field(default=None, gt=0, le=1e12)  # of the gradient of all parameters together
    # Of the trunk; heads and objective stay in float32. "auto" leaves it to the machine: a plan settles it
    # before anything has a fingerprint (precision.py), and nothing is trained in it.
    precision: Literal["float32", "bf16", "auto"] = "float32"
    # How often to look does not change what is seen at the end.
    evaluate_every: Count = Field(default=1, json_schema_extra={"neutral": True})

    @model_validator(mode="after")
    def _the_recipes_batch_is_another(self) -> Self:
        if self.recipe_batch == self.batch:
            raise PydanticCustomError(
                "recipe-batch", "recipe_batch is that of the recipe where `batch` is another: leave it out"
            )
        return self
