"""The parts of the gradient at mu from the first optimisation step on: "the gradient shortcut in Q".

The supplement (section E) says that RLE's gain over DLE comes from it. Sizes of gradients are a proxy for
that: they tell which part moves mu more, and when, not what would be learned without it.
"""

from typing import Literal, Self

import numpy as np
from pydantic import PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from models.interface import LossInputs
from models.losses import LossModule
from models.objectives import RLE
from orchestrator.probes.base import Probe, ProbeError, ProbeResult, TrainedModel
from orchestrator.training.trainer import DivergedError, train_again

FIRST = 100
"""Steps whose mean share is a metric: in them the flow is hardly trained."""


class GradientCurve(Probe):
    """The norms of the gradients of -log Q and -log G at mu, at each of the first steps of a training.

    It takes the first `steps` steps of the training once more, in one process, with the same seed, batches
    and rates, and measures at each what `LossModule.gradient_shares` gives, of the very predictions that the
    step learns from: in training mode, before the weights change. It costs as much as so many steps.

    Metrics: `early_share_q` and `share_q`, Q's part of the sum of both norms, in percent, as a mean over the
    first `FIRST` steps and over all that were measured. Detail: `q` and `g`, the norms by step, in units of
    1 / crop, and `of`, the steps of the whole training.

    Raises:
        pydantic.ValidationError: the experiment's loss is not RLE, which alone has both parts, or it starts
            from another experiment.
    """

    kind: Literal["gradient_curve"] = "gradient_curve"
    steps: PositiveInt = 1000  # at most

    @model_validator(mode="after")
    def _has_both_parts(self) -> Self:
        if not isinstance(self.of.objective, RLE):
            raise PydanticCustomError(
                "not-rle", "only the gradient of RLE has a part from Q and one from the flow"
            )
        if self.of.start is not None:
            raise PydanticCustomError("starts-from-another", "it begins with the weights of another training")
        return self

    def measure(self, model: TrainedModel) -> ProbeResult:
        """Train again, and measure at each step.

        Raises:
            DataError: a sample can't be loaded.
            ProbeError: here the training diverges within these steps, or no step has a labelled point.
        """
        norms: list[tuple[float, float]] = []

        def watch(loss: LossModule, inputs: LossInputs) -> None:
            found = loss.gradient_shares(inputs)
            norms.append((float(found.get("grad_mu_q", np.nan)), float(found.get("grad_mu_g", np.nan))))

        try:
            train_again(self.of, model.data, model.device, self.steps, watch)
        except DivergedError as error:
            raise ProbeError(
                f"trained again, {self.of.describe()} diverges: {error}", code="diverged"
            ) from error
        q, g = np.array(norms).T
        share = 100 * q / (q + g)
        if np.isnan(share[:FIRST]).all():
            raise ProbeError("no step has a labelled point", code="nothing-labelled")
        steps = len(model.data.train) // self.of.schedule.batch * self.of.schedule.epochs
        return ProbeResult(
            {"early_share_q": float(np.nanmean(share[:FIRST])), "share_q": float(np.nanmean(share))},
            {"q": _rounded(q), "g": _rounded(g), "of": steps},
        )


def _rounded(values: np.ndarray) -> list[float | None]:
    """To 5 digits; None, which JSON has, for NaN."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values]
