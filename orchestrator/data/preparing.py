"""Whole data sets: every record and picture checked, everything broken listed, packs made."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from datasets.base.data_set import DataSet
from datasets.base.folder import DataRoot
from datasets.contract import DataPaths
from datasets.io.errors import DataError
from datasets.io.orientation import Convention
from datasets.io.problems import Problem
from datasets.io.survey import Survey
from datasets.union import data_set, sets_in
from orchestrator.config.small_sets import batches_to_come
from orchestrator.data.binding import Binding
from orchestrator.data.broken_listing import grouped, listing
from orchestrator.data.picture_checks import check_all
from orchestrator.util.terminal import bar

SHOWN = 40
"""So many kinds of broken records of a set are printed; a file has every record."""


@dataclass(frozen=True)
class Checked:
    """What was found in one set."""

    data: type[DataSet]
    survey: Survey
    broken_files: tuple[Problem, ...] = ()
    unusable: bool = False  # leaving records out does not help: a file of annotations is missing or is none

    @property
    def broken(self) -> tuple[Problem, ...]:
        """All that is, annotations first."""
        return self.survey.broken + self.broken_files


def prepare(
    names: Sequence[str],
    place: DataPaths,
    console: Console,
    *,
    detections: Path | None = None,
    sigmas: Path | None = None,
    skip_broken: bool = False,
    exif: Convention | None = None,
    allow_outside: bool = False,
) -> int:
    """Check whole sets, list everything that is broken, and decode what is not.

    Args:
        names: of data sets; all that are found at the place, which has the folder of the sets, if empty.
        sigmas: a file of OKS constants by keypoint. The others are as in `DataRoot`.

    Returns:
        the exit code: 0, or 1 where something is broken that isn't skipped.

    Raises:
        DataError: the folder holds no data set.
    """
    assert place.root is not None
    check = partial(check_all, place.cache, console=console)  # again, whatever was checked before
    root = Binding(place.root, detections, sigmas, skip_broken, check, exif, allow_outside).data_root
    assert root is not None
    rows = [_row(data, root, place, console) for data in tuple(map(data_set, names)) or sets_in(place.root)]
    console.print(_summary([cells for cells, _ in rows]))
    failed = [checked for _, checked in rows if checked is not None]
    if failed:
        skip = ", or leave it out with --skip-broken, here and in every run" * any(map(_skippable, failed))
        console.print(f"Correct what is listed{skip}.")
    return int(bool(failed))


def _summary(rows: Sequence[tuple[Text | str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("set", "checked", "broken", "prepared"):
        table.add_column(title, justify="right" if title in ("checked", "broken") else "left")
    for cells in rows:
        table.add_row(*cells)
    return table


def _row(
    data: type[DataSet], root: DataRoot, place: DataPaths, console: Console
) -> tuple[tuple[Text | str, ...], Checked | None]:
    """Check, list and decode one set: its row of the summary, and what stops it from being prepared."""
    checked = _check(data, root, console)
    files = f"{len(checked.survey.files)} {checked.survey.unit}"
    result: Text | str = Text("no", "red")
    usable = not checked.unusable and (not checked.broken or root.skip_broken)
    if usable:
        try:
            result = _pack(data, root, place, console)
        except DataError as error:
            usable, checked = False, _unusable(data, error)
    _show(checked, place, console)
    return (data.name, files, str(len(checked.broken)), result), None if usable else checked


def _skippable(checked: Checked) -> bool:
    """Whether leaving records out may help."""
    contents = checked.survey.contents
    left = contents[0].usable if contents is not None else True
    return not checked.unusable and left and len(checked.broken_files) < len(checked.survey.files)


def _check(data: type[DataSet], root: DataRoot, console: Console) -> Checked:
    """One set, whole."""
    try:
        with console.status(f"reading the annotations of {data.name}"):
            survey = root.survey(data.folder)
        return Checked(data, survey, root.broken_files(data.folder))
    except DataError as error:
        return _unusable(data, error)


def _unusable(data: type[DataSet], error: DataError) -> Checked:
    """What makes all of a set unusable is its only broken record."""
    return Checked(data, Survey((Problem.of(error),), ()), unusable=True)


def _pack(data: type[DataSet], root: DataRoot, place: DataPaths, console: Console) -> str:
    """Decode a set; the sentence about what there is to train on."""
    benchmark = data(source=root.bind(data.folder))
    with bar(console, "preparing the data") as advance:
        report = benchmark.prepare(place, advance, root.contents)
    few = batches_to_come(benchmark.train_samples)
    for sentence in (*benchmark.assumed, *(f"{data.name}: {one}" for one in few)):
        console.print(f"assumed: {sentence}", soft_wrap=True)
    return report.sentence()


def _show(checked: Checked, place: DataPaths, console: Console) -> None:
    """The broken records of a set as a table, and all of them in a file."""
    if not checked.broken:
        return
    assert place.root is not None
    groups = grouped(checked.broken)
    console.print(listing(checked.data.name, groups[:SHOWN], place.root))
    if checked.unusable:
        console.print(f"{checked.broken[0].remedy}.", soft_wrap=True)
    path = place.cache / "checks" / f"broken-{checked.data.name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "record", "reason", "remedy"])
        writer.writerows((one.file, one.record, one.reason, one.remedy) for one in checked.broken)
    hidden = sum(len(group) for group in groups[SHOWN:])
    more = f"{hidden} more; all " if hidden > 0 else "All "
    console.print(f"{more}with remedies in {path}", soft_wrap=True)
