"""What a store that was away did not take: kept on disk, and sent by the next command."""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from orchestrator.tracking.client import digest
from orchestrator.tracking.uri import StoreUri
from orchestrator.tracking.write_queue import Write


@dataclass(frozen=True)
class Unsent:
    """A file of writes of an earlier command, held by this process until they are sent.

    Args:
        path: of the file.
        held: open and locked, so that no other process sends it too.
        writes: in order.
    """

    path: Path
    held: IO[str]
    writes: tuple[Write, ...]

    def delete(self) -> None:
        """It is sent, or kept in another file."""
        self.path.unlink(missing_ok=True)
        self.held.close()


def folder(store_uri: StoreUri) -> Path:
    """Where a store's unsent writes lie: beside a sqlite file, else in the user's cache."""
    if store_uri.file is not None:
        return store_uri.file.parent / "unsent"
    return Path.home() / ".cache" / "rle-lab" / "unsent" / digest(store_uri.shown)


def save(place: Path, writes: Sequence[Write], trials: Mapping[str, Mapping[str, Any]], writer: str) -> Path:
    """Keep writes, each trial's start before what belongs to it.

    Args:
        place: the store's folder.
        writes: in order.
        trials: what is known of the trials of these writes, by fingerprint.
        writer: the token of this process in the tag `writer` of its runs.

    Returns:
        the file, readable to its owner alone.

    Raises:
        OSError: it can't be written.
    """
    place.mkdir(parents=True, exist_ok=True)
    going_on = {write.fingerprint for write in writes if write.kind == "resume"}  # of a still earlier command
    fingerprints = dict.fromkeys(write.fingerprint for write in writes)
    wanted = [fp for fp in fingerprints if fp in trials and fp not in going_on]
    resumed = [
        Write("resume", f"the run of {fp}", fp, {"trial": dict(trials[fp]), "writer": writer})
        for fp in wanted
    ]
    # A start that was not sent is done by resuming.
    rest = [write for write in writes if write.kind != "start" or write.fingerprint not in trials]
    lines = [json.dumps(asdict(write)) for write in (*resumed, *rest)]
    path = place / f"{uuid.uuid4().hex}.jsonl"
    partial = path.with_suffix(".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return partial.replace(path)


def take(place: Path) -> Iterator[Unsent | str]:
    """The files that earlier commands left, or a sentence about one that can't be read and stays."""
    for path in sorted(place.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns):
        with suppress(FileNotFoundError):
            held = path.open(encoding="utf-8")
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # another process is sending it
                held.close()
                continue
            try:
                yield Unsent(path, held, tuple(Write(**json.loads(line)) for line in held))
            except (ValueError, TypeError) as error:
                held.close()
                yield f"{path}: what an earlier command kept can't be read ({error}); it stays there"
