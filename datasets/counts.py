"""How many samples preparing a data set found."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """What a split consists of."""

    pictures: int
    samples: int
    left_out: Mapping[str, int]  # records that the benchmark doesn't use or that are broken, by reason


@dataclass(frozen=True)
class Report:
    """What preparing found."""

    train: Counts
    val: Counts

    def sentence(self) -> str:
        """For the console."""
        parts = [_part("for training", self.train), _part("for validation", self.val)]
        return "; ".join(parts)


def _part(purpose: str, counts: Counts) -> str:
    left_out = ", ".join(f"{count} {reason}" for reason, count in counts.left_out.items())
    tail = f" (left out: {left_out})" if left_out else ""
    return f"{counts.samples} people in {counts.pictures} pictures {purpose}{tail}"
