"""One value more on the command line: a row of a table, crossed with values for fields of its experiment."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from orchestrator.config.experiment import Experiment
from orchestrator.config.field_path import word
from orchestrator.config.length import EPOCHS, with_field
from orchestrator.sweep.sweep import Row, Table
from orchestrator.util.errors import SweepError


@dataclass(frozen=True)
class Variation:
    """A field of the experiment, such as `objective.flow.width`, and the values that it takes."""

    field: str
    values: tuple[Any, ...]

    @property
    def name(self) -> str:
        """Of the field, without where it lies."""
        return self.field.rpartition(".")[2]


def parse(text: str) -> Variation:
    """`FIELD=VALUE,VALUE`: values in JSON, or as plain words.

    Raises:
        SweepError: this is something else.
    """
    name, equals, values = text.partition("=")
    if not name or not equals or not values:
        raise SweepError(f"--vary {text}: write FIELD=VALUE or FIELD=VALUE,VALUE", code="no-variation")
    return Variation(name.strip(), tuple(_values(values)))


def with_variations(table: Table, variations: Sequence[Variation], only: Sequence[str]) -> Table:
    """The table with rows of ours: those named in `only`, or else the first, with all combinations of values.

    Raises (when its rows are asked for):
        SweepError: the experiment has no such field, or the value does not fit it.
    """

    def rows(scale: str) -> Iterator[Row]:
        for place, row in enumerate(table.rows(scale)):
            yield row
            if row.key in only if only else place == 0:
                yield from _crossed(row, variations)

    return replace(table, rows=rows)


def vary_tables(
    tables: Sequence[Table], texts: Sequence[str], only: Sequence[str], scale: str
) -> tuple[Sequence[Table], tuple[str, ...]]:
    """The tables with rows for `--vary`, and `only` with what was added to the rows that it names.

    Raises:
        SweepError: a text is no variation, or an experiment has no such field or value.
    """
    variations = [parse(text) for text in texts]
    if not variations:
        return tables, tuple(only)
    varied = [with_variations(table, variations, only) for table in tables]
    if not only:
        return varied, ()
    before, after = ([row.key for table in some for row in table.rows(scale)] for some in (tables, varied))
    return varied, (*only, *dict.fromkeys(key for key in after if key not in before))


def _crossed(row: Row, variations: Sequence[Variation]) -> Iterator[Row]:
    for values in product(*(variation.values for variation in variations)):
        changes = list(zip(variations, values, strict=True))
        words = ", ".join(f"{variation.name} {word(value)}" for variation, value in changes)
        yield Row(
            key=f"{row.key}, {words}",
            experiment=_changed(row.experiment, changes),
            groups={name: _changed(experiment, changes) for name, experiment in row.groups.items()},
            label=f"{row.label or row.key}, {words}",
            in_paper=False,
            description=", ".join(f"{variation.field}={word(value)}" for variation, value in changes),
        )


def _changed(experiment: Experiment, changes: Iterable[tuple[Variation, Any]]) -> Experiment:
    # Epochs first: they move the milestones of the recipe, not those that are named here.
    for variation, value in sorted(changes, key=lambda change: change[0].field != EPOCHS):
        experiment = with_field(experiment, variation.field, value, "--vary ")
    return experiment


def _values(text: str) -> Iterator[Any]:
    """JSON values between commas that stand in no bracket; what is no JSON is a word."""
    depth, start = 0, 0
    for place, sign in enumerate(f"{text},"):
        depth += (sign in "[{") - (sign in "]}")
        if sign == "," and depth == 0:
            yield _value(text[start:place].strip())
            start = place + 1


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
