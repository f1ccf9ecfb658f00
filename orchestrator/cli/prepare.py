"""`rle-lab prepare`: every record and picture of a data set checked, everything broken listed, packs made."""

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from datasets.coco.annotation_files import find_annotations
from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths
from datasets.human36m.annotation_files import find_layout
from datasets.human36m.config import Human36MFolder, Human36MPose
from datasets.io.errors import DataError
from datasets.io.image import Check, Survey, name_in
from datasets.io.locate import home
from datasets.io.problems import Broken
from datasets.mpii import annotation_files
from datasets.mpii.config import MpiiFolder, MpiiPose
from datasets.retina.config import DmeFolder, RetinaBoundaries
from datasets.retina.folder import FOLDERS, check_subjects
from datasets.retina.scan_files import subjects_of
from orchestrator.cli.options import add_no_pack
from orchestrator.data.picture_checks import check_all, over_cluster
from orchestrator.run.settings import results_and_store

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

SETS = ("coco", "mpii", "human36m", "retina")
SHOWN = 40
"""So many broken records of a set are printed; a file has them all."""


@dataclass(frozen=True)
class Checked:
    """What was found in one set."""

    name: str
    looked_at: int  # pictures, or subjects
    records: tuple[Broken, ...]
    pictures: tuple[Broken, ...]  # or subjects
    unusable: bool = False  # nothing can be left out to mend it: a file of annotations is missing or no such

    @property
    def broken(self) -> tuple[Broken, ...]:
        """All that is, annotations first."""
        return self.records + self.pictures


def prepare(
    names: Sequence[str],
    place: DataPaths,
    console: Console,
    *,
    detections: Path | None = None,
    skip_broken: bool = False,
) -> int:
    """Check whole sets, list everything that is broken, and decode what is not.

    Args:
        names: of `SETS`; all that are found at the place if empty.
        place: with the folder of the sets.
        detections: boxes of COCO's validation pictures.
        skip_broken: go on without what is broken.

    Returns:
        the exit code: 0, or 1 where something is broken that isn't skipped.

    Raises:
        DataError: the folder holds no data set.
    """
    root = place.root
    assert root is not None
    summary = Table(box=None, pad_edge=False)
    for title in ("set", "looked at", "broken", "prepared"):
        summary.add_column(title, justify="right" if title in ("looked at", "broken") else "left")
    failed = False
    for name in names or _found(root):
        checked = _check(name, root, detections, place.cache, console)
        _show(checked, place, console)
        refused = checked.unusable or (bool(checked.broken) and not skip_broken)
        result = "[red]no[/]" if refused else _pack(checked, place, detections, skip_broken, console)
        unit = "subjects" if name == "retina" else "pictures"
        summary.add_row(name, f"{checked.looked_at} {unit}", str(len(checked.broken)), result)
        failed |= refused
    console.print(summary)
    if failed:
        console.print(
            "Correct what is listed, or go on without it with --skip-broken, here and in every run."
        )
    return int(failed)


def _found(root: Path) -> tuple[str, ...]:
    """The sets that are in a folder.

    Raises:
        DataError: there is none; says what COCO's layout lacks, which most sets have.
    """
    mpii, human36m = home(root, "mpii"), home(root, "h36m", "Human36M")
    others = {
        "mpii": annotation_files.is_there(mpii),
        "human36m": _succeeds(lambda: find_layout(human36m)),
        "retina": any(home(root, *FOLDERS).glob("Subject_*.mat")),
    }
    # MPII's and Human3.6M's annotations may lie in annotations/ too.
    taken = (others["mpii"] and mpii == root) or (others["human36m"] and human36m == root)
    found = {"coco": not taken and _succeeds(lambda: find_annotations(root)), **others}
    if not any(found.values()):
        find_annotations(root)
    return tuple(name for name, is_there in found.items() if is_there)


def _succeeds(seek: Callable[[], object]) -> bool:
    try:
        seek()
    except DataError:
        return False
    return True


def _check(name: str, root: Path, detections: Path | None, cache: Path, console: Console) -> Checked:
    """One set, whole. What makes all of it unusable is its only broken record."""
    try:
        if name == "retina":
            folder = home(root, *FOLDERS)
            subjects = subjects_of(folder)
            work = partial(check_subjects, folder)
            found = over_cluster(work, subjects, 1, "checking subjects", console)
            return Checked(name, len(subjects), (), found)
        with console.status(f"reading the annotations of {name}"):
            survey = _survey(name, root, detections)
        pictures = check_all(cache, survey.pictures, console)
        return Checked(name, len(survey.pictures), survey.broken, pictures)
    except DataError as error:
        return Checked(name, 0, (Broken.of(error),), (), unusable=True)


def _survey(name: str, root: Path, detections: Path | None) -> Survey:
    if name == "coco":
        return CocoFolder.survey(root, detections)
    return (MpiiFolder if name == "mpii" else Human36MFolder).survey(root)


def _bound(name: str, root: Path, detections: Path | None, skip: bool, check: Check) -> Any:
    """The paper's data configuration of a set, on these files."""
    if name == "coco":
        return CocoKeypoints(source=CocoFolder.bind(root, detections, skip_broken=skip, check=check))
    if name == "mpii":
        return MpiiPose(source=MpiiFolder.bind(root, skip_broken=skip, check=check))
    return Human36MPose(source=Human36MFolder.bind(root, skip_broken=skip, check=check))


def _pack(
    checked: Checked, place: DataPaths, detections: Path | None, skip_broken: bool, console: Console
) -> str:
    """Decode a set; the sentence about what there is to train on."""
    assert place.root is not None
    skip = skip_broken and bool(checked.broken)
    if checked.name == "retina":
        source = DmeFolder.bind(place.root, skip_broken=skip, check=lambda *_: checked.pictures)
        data: Any = RetinaBoundaries(source=source)
    else:
        data = _bound(checked.name, place.root, detections, skip, lambda _: checked.pictures)
    with Progress(console=console, transient=True) as bars:
        bar = bars.add_task("preparing the data", total=None)
        report = data.prepare(place, lambda done, total: bars.update(bar, completed=done, total=total))
    return str(report.sentence())


def _show(checked: Checked, place: DataPaths, console: Console) -> None:
    """The broken records of a set as a table, and all of them in a file."""
    if not checked.broken:
        return
    table = Table(title=f"broken in {checked.name}", title_justify="left", box=None, pad_edge=False)
    for title in ("file", "record", "reason"):
        table.add_column(title, overflow="fold")
    assert place.root is not None
    for one in checked.broken[:SHOWN]:
        file = name_in(place.root, Path(one.file))
        table.add_row(*(_plain(text) for text in (file, one.record, one.reason)))
    console.print(table)
    path = place.cache / "checks" / f"broken-{checked.name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as listing:
        writer = csv.writer(listing)
        writer.writerow(["file", "record", "reason", "remedy"])
        writer.writerows((one.file, one.record, one.reason, one.remedy) for one in checked.broken)
    hidden = len(checked.broken) - SHOWN
    more = f"{hidden} more; all " if hidden > 0 else "All "
    console.print(f"{more}with remedies in {path}", highlight=False, soft_wrap=True)


def _plain(text: str) -> str:
    """Without what rich would take for markup."""
    return text.replace("[", r"\[")


def add_parser(commands: "Commands") -> None:
    """The command `prepare` and its options."""
    parser = commands.add_parser(
        "prepare", help="check a whole data set, list everything that is broken, and decode it"
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder: a set in COCO's layout, and DIR/mpii, DIR/h36m, DIR/dme where there are such",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        choices=SETS,
        help="this set only; may be given again (default: all that are found)",
    )
    parser.add_argument("--detections", type=Path, metavar="FILE", help="detected boxes for COCO's pictures")
    parser.add_argument(
        "--skip-broken", action="store_true", help="go on without broken records; runs need the same option"
    )
    add_no_pack(parser)
    parser.add_argument("--results", type=Path, metavar="DIR", help="as for `run`")
    parser.add_argument("--storage", metavar="DIR", help="as for `run`: where the decoded pictures go")
    parser.set_defaults(act=act, scale="paper")


def act(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from orchestrator.cli.guard import console

    _, store = results_and_store(arguments)
    storage = arguments.storage or str(store)
    cache = Path.home() / ".cache" / "rle-lab" if "://" in storage else Path(storage).expanduser() / "data"
    place = DataPaths(cache.absolute(), arguments.data_root.expanduser().absolute(), arguments.pack)
    detections = None if arguments.detections is None else arguments.detections.expanduser().absolute()
    return prepare(arguments.set, place, console(), detections=detections, skip_broken=arguments.skip_broken)
