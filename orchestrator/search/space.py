"""The space of a search: which fields of an experiment it may change, and to what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.config.experiment import Experiment
from orchestrator.config.field_path import value_at, word
from orchestrator.config.length import with_field
from orchestrator.jobs.labels import shortest
from orchestrator.util.errors import SweepError

Point = tuple[Any, ...]
"""A value for each field of a space, in its order."""


@dataclass(frozen=True)
class Choice:
    """One of these values. Numbers in rising order are taken to lie beside each other, others not."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) != len(self.values):
            raise SweepError(f"{self.values!r} are not different values to choose from", code="space")

    @property
    def ordered(self) -> bool:
        """Whether neighbours are alike."""
        numbers = all(isinstance(value, int | float) for value in self.values)
        return numbers and list(self.values) == sorted(self.values)

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that fit a field only if all others do."""
        return self.values

    def holds(self, value: Any) -> bool:
        """Whether it is one of them."""
        return value in self.values


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, uniform, or uniform in its logarithm.

    Args:
        digits: significant ones to which it is rounded, so that it can be read and typed.
    """

    low: float
    high: float
    log: bool = False
    digits: int = 3

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            above = ", above 0" if self.log else ""
            raise SweepError(f"no numbers from {self.low:g} to {self.high:g}{above}", code="space")

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that fit a field only if all others do."""
        return self.low, self.high

    def holds(self, value: Any) -> bool:
        """Whether it lies in between."""
        return isinstance(value, int | float) and self.low <= value <= self.high

    def rounded(self, value: float) -> float:
        """A number of the range with few digits."""
        return min(max(float(f"{value:.{self.digits}g}"), self.low), self.high)


@dataclass(frozen=True)
class Space:
    """What a search chooses from.

    Args:
        fields: by the path of each, such as `objective.flow.width`.
    """

    fields: Mapping[str, Choice | Range]

    def check(self, base: Experiment) -> None:
        """Try every choice, and both ends of every range, in an experiment.

        Raises:
            SweepError: it has no such field, or a value that does not fit.
        """
        for field, domain in self.fields.items():
            for value in domain.ends:
                with_field(base, field, value, "search: ")

    def applied(self, base: Experiment, point: Point) -> Experiment:
        """The experiment at a point. With epochs, milestones of the learning rate move.

        Raises:
            SweepError: its values do not fit together.
        """
        for field, value in zip(self.fields, point, strict=True):
            base = with_field(base, field, value, "search: ")
        return base

    def point_of(self, experiment: Experiment) -> Point | None:
        """Where an experiment lies; None outside of the space."""
        point = tuple(value_at(experiment, field) for field in self.fields)
        inside = all(domain.holds(value) for domain, value in zip(self.fields.values(), point, strict=True))
        return point if inside else None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the fields, each the shortest end of its path that no other shares."""
        paths = list(self.fields)
        return tuple(shortest(path, paths) for path in paths)

    def words(self, point: Point) -> str:
        """A point to be read: `couplings 4, width 32`."""
        return ", ".join(f"{name} {word(value)}" for name, value in zip(self.names, point, strict=True))
