"""What is found in one picture, of people or of boundaries, and what its spread is worth.

Shapes: D coordinates.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from orchestrator.inference.boxes import PictureBoxes
from orchestrator.probes.sigma_in_errors import half_widths
from orchestrator.training.checkpoint_content import Spread
from orchestrator.training.regions import Regions

Result = dict[str, Any]
Line = tuple[object, ...]
"""Of a CSV file."""
DECIMALS = 4


def rounded(values: NDArray[np.float64]) -> Any:
    """As results have them, in lists."""
    return values.round(DECIMALS).tolist()


class Found(NamedTuple):
    """In one picture."""

    results: list[Result]
    drawn: Callable[[], NDArray[np.uint8]]  # (height, width, 3) RGB


class Finder(Protocol):
    """A model that is asked picture by picture."""

    @property
    def file(self) -> str:
        """The name of the file of results."""
        ...

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of the same as CSV."""
        ...

    def lines(self, results: Sequence[Result]) -> Iterable[Line]:
        """Results as lines of the CSV file, a point each."""
        ...

    @property
    def noun(self) -> str:
        """What it finds, in the plural."""
        ...

    @property
    def promise(self) -> str:
        """What the intervals in the results are worth."""
        ...

    def find(self, one: PictureBoxes, name: str) -> Found:
        """What is in a picture, which results call `name`.

        Raises:
            DataError: it is missing, or can't be used.
        """
        ...


@dataclass(frozen=True, eq=False)
class Units:
    """Half widths of intervals of errors in units of sigma, and what is known of them."""

    widths: NDArray[np.float64] | None  # (D,); None for a model without a density or measured errors
    promise: str
    regions: Regions | None = None  # None where too few errors were measured

    @property
    def promise_of_regions(self) -> str:
        """A sentence to stand after `promise`; empty without regions."""
        if self.regions is None or (found := self.regions.held) is None:
            return ""
        return (
            f"; region: ellipses for 90 % of the truths, fitted there too; fitted on half, they hold "
            f"{found.coverage:.0%} in the other half, {found.worst_quarter:.0%} of the quarter with the "
            f"largest sigma, and at least {found.worst_point:.0%} of each keypoint"
        )

    @staticmethod
    def of(spread: Spread | None, objective: nn.Module, dim: int) -> "Units":
        """As measured on the validation set, or else as the learned density has them."""
        if spread is not None:
            return Units(
                np.array(spread.half_widths),
                f"spread: intervals for 68 % of the errors, fitted on {spread.points} points of "
                f"{spread.samples} validation samples; fitted on half of these, they hold "
                f"{spread.coverage:.0%} in the other half",
                spread.regions,
            )
        widths = half_widths(objective, dim)
        if widths is None:
            return Units(None, "this model has no scale that errors could be measured in")
        return Units(
            widths,
            "spread: 68 % intervals of the learned density; how many errors they hold was not measured, and "
            "may be far fewer",
        )
