"""Every file of a set read, on all of the cluster; and what was found, remembered."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datasets.io.problems import Problem
from datasets.io.survey import Check, Checkable, Survey, check_files


def checker(cache: Path, console: Console) -> Check:
    """A check that asks the cluster, unless the same files were checked before.

    Args:
        cache: where findings are kept.
    """

    def check(survey: Survey) -> tuple[Problem, ...]:
        known = recall(cache, survey.files)
        return check_all(cache, survey, console) if known is None else known

    return check


def check_all(cache: Path, survey: Survey, console: Console) -> tuple[Problem, ...]:
    """Read every file, even if it was checked before, and remember what is broken."""
    found = _over_cluster(survey, console)
    _remember(cache, survey.files, found)
    return found


def _over_cluster(survey: Survey, console: Console) -> tuple[Problem, ...]:
    """What is broken, with a progress bar. Starts or joins the cluster."""
    from orchestrator.schedule.connection import connect
    from orchestrator.schedule.parallel_map import parallel_map

    if not survey.files:
        return ()
    with console.status("starting Ray"):
        connect()
    columns = (
        TextColumn(f"checking {survey.unit}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("checking", total=len(survey.files))
        made = parallel_map(
            check_files, survey.files, survey.per_task, lambda done, _: bars.update(bar, completed=done)
        )
    return tuple(one for found in made for one in found)


def recall(cache: Path, files: Sequence[Checkable]) -> tuple[Problem, ...] | None:
    """What was found broken among these very files, unchanged since; None if they were never checked."""
    try:
        return tuple(Problem(**fields) for fields in json.loads(_note(cache, files).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _remember(cache: Path, files: Sequence[Checkable], found: Sequence[Problem]) -> None:
    note = _note(cache, files)
    note.parent.mkdir(parents=True, exist_ok=True)
    draft = note.with_name(f".{note.name}-{uuid.uuid4().hex[:8]}")
    draft.write_text(json.dumps([asdict(one) for one in found]))
    draft.replace(note)


def _note(cache: Path, files: Sequence[Checkable]) -> Path:
    """A file named by the files: their paths, sizes and times, and what annotations say about them."""
    total = hashlib.sha256()
    for file in files:
        total.update(f"{' '.join(map(str, file))} {_state(file.path)}\n".encode())
    return cache / "checks" / f"{total.hexdigest()[:16]}.json"


def _state(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "missing"
    return f"{found.st_size} {found.st_mtime_ns}"
