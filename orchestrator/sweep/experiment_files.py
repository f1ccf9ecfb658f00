"""Experiments as files: a row of a table printed as JSON or YAML, and a file as a sweep of one row."""

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import yaml

from orchestrator.config.experiment import Experiment, ExperimentError, parse_experiment
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.schema.plots import Curves
from orchestrator.sweep.sweep import Column, Metric, Row, Sweep, Table
from orchestrator.util.errors import SweepError

Format = Literal["json", "yaml"]

YAML_ENDINGS = (".yaml", ".yml")


def find(sweeps: Sequence[Sweep], key: str, scale: str, group: str = "") -> Experiment:
    """The experiment of a row.

    Args:
        sweeps: those to look in.
        key: of the row.
        scale: of the experiment.
        group: of columns that have an experiment of their own; the row's main one where empty.

    Raises:
        SweepError: no table has such a row, or several have, with different experiments; or no such group.
    """
    places = list(_places(sweeps, scale))
    found = [(place, row) for place, row in places if row.key == key]
    if not found:
        keys = list(dict.fromkeys(row.key for _, row in places))
        near = get_close_matches(key, keys) or keys
        listed = ", ".join(repr(name) for name in near)
        raise SweepError(f"no table has a row {key!r}; there are {listed}", code="no-row")
    if len({row.experiment.fingerprint() for _, row in found}) > 1:
        names = ", ".join(place for place, _ in found)
        raise SweepError(
            f"the row {key!r} is another experiment in each of {names}: name one with --sweep",
            code="several-rows",
        )
    row = found[0][1]
    if group and group not in row.groups:
        listed = ", ".join(repr(name) for name in row.groups) or "none"
        raise SweepError(f"--group: the row {key!r} has no group {group!r}; it has {listed}", code="no-group")
    return row.groups[group] if group else row.experiment


def printed(experiment: Experiment, form: Format) -> str:
    """Every field, as `read` reads it."""
    if form == "json":
        return experiment.model_dump_json(indent=1)
    fields = experiment.model_dump(mode="json")
    return str(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)).rstrip()


def read(path: Path) -> Experiment:
    """The experiment in a file, of YAML by its ending, otherwise of JSON.

    Raises:
        SweepError: it can't be read, or is no experiment; the message names the fields.
    """
    try:
        text = path.read_text("utf-8")
        if path.suffix in YAML_ENDINGS:
            text = json.dumps(yaml.safe_load(text))
        return parse_experiment(text)
    except ExperimentError as error:
        raise SweepError(f"{path}: no experiment: {error}", code="no-experiment") from error
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise SweepError(f"{path}: can't be read: {error}", code="not-readable") from error


def sweep_of(path: Path, experiment: Experiment) -> Sweep:
    """A sweep whose one table, named after the file, has the experiment as its one row."""
    headline, name = experiment.data.headline, path.stem
    shown = [
        Column(DeclaredColumn(name=headline, in_paper=False), Metric(headline)),
        Column(DeclaredColumn(name="loss", digits=3, better="lower", in_paper=False), Metric("loss")),
    ]
    row = Row(name, experiment, label=experiment.method, in_paper=False)
    table = Table(
        name,
        title=experiment.method,
        description=f"The experiment of {path.name}.",
        rows=lambda scale: [row],
        columns=shown,
        plots=(Curves(key=headline, title=f"{headline} by epoch"),),
    )
    return Sweep(name, table.description, (table,))


def _places(sweeps: Sequence[Sweep], scale: str) -> Iterator[tuple[str, Row]]:
    """Every row, and where it is: `flow_size (1)`."""
    for sweep in sweeps:
        for table in sweep.tables:
            for row in table.rows(scale):
                yield f"{sweep.name} ({table.id})", row
