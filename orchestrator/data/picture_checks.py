"""Every picture of a set decoded, on all of the cluster; and what was found, remembered."""

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datasets.io.image import Check, PictureFile, check_pictures
from datasets.io.problems import Broken

Item = TypeVar("Item")

_CHUNK = 128
"""Pictures a task: about a second of decoding."""


def checker(cache: Path, console: Console) -> Check:
    """A check of pictures that asks the cluster, unless the same files were checked before.

    Args:
        cache: where findings are kept.
    """

    def check(files: Sequence[PictureFile]) -> tuple[Broken, ...]:
        known = recall(cache, files)
        if known is not None:
            return known
        return check_all(cache, files, console)

    return check


def check_all(cache: Path, files: Sequence[PictureFile], console: Console) -> tuple[Broken, ...]:
    """Decode every picture, whatever is known of it, and remember what is broken."""
    found = over_cluster(check_pictures, files, _CHUNK, "checking pictures", console)
    _remember(cache, files, found)
    return found


def over_cluster(
    work: Callable[[Sequence[Item]], Sequence[Broken]],
    items: Sequence[Item],
    chunk: int,
    title: str,
    console: Console,
) -> tuple[Broken, ...]:
    """What `work` finds broken among the items, with a progress bar. Starts or joins the cluster."""
    from orchestrator.schedule import cluster
    from orchestrator.schedule.parallel_map import parallel_map

    if not items:
        return ()
    with console.status("starting Ray"):
        cluster.connect()
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task(title, total=len(items))
        made = parallel_map(work, items, chunk, lambda done, _: bars.update(bar, completed=done))
    return tuple(one for found in made for one in found)


def recall(cache: Path, files: Sequence[PictureFile]) -> tuple[Broken, ...] | None:
    """What was found broken among these very files, unchanged since; None if nobody looked."""
    try:
        return tuple(Broken(**fields) for fields in json.loads(_note(cache, files).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _remember(cache: Path, files: Sequence[PictureFile], found: Sequence[Broken]) -> None:
    note = _note(cache, files)
    note.parent.mkdir(parents=True, exist_ok=True)
    draft = note.with_name(f".{note.name}-{uuid.uuid4().hex[:8]}")
    draft.write_text(json.dumps([asdict(one) for one in found]))
    draft.replace(note)


def _note(cache: Path, files: Sequence[PictureFile]) -> Path:
    """A file named by the pictures: their paths, sizes and times."""
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.path} {file.width} {file.height} {_state(file.path)}\n".encode())
    return cache / "checks" / f"{total.hexdigest()[:16]}.json"


def _state(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "missing"
    return f"{found.st_size} {found.st_mtime_ns}"
