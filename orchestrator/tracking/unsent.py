"""What a store that was away did not take: kept on disk, and sent by the next command."""

import fcntl
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from orchestrator.tracking.client import digest
from orchestrator.tracking.uri import StoreUri
from orchestrator.tracking.write_queue import Write
from orchestrator.util.whole_file import write_whole


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


def folders(store_uri: StoreUri) -> tuple[Path, ...]:
    """Where a store's unsent writes lie: beside a sqlite file, whose disk may be full, or else in the user's
    cache."""
    cache = Path.home() / ".cache" / "rle-lab" / "unsent" / digest(store_uri.shown)
    return (cache,) if store_uri.file is None else (store_uri.file.parent / "unsent", cache)


def save(
    places: Sequence[Path],
    writes: Sequence[Write],
    trials: Mapping[str, Mapping[str, Any]],
    writer: str,
) -> Path:
    """Keep writes, each trial's start before what belongs to it.

    Args:
        places: the store's folders, of which the first that takes them is used.
        writes: in order.
        trials: what is known of the trials of these writes, by fingerprint.
        writer: the token of this process in the tag `writer` of its runs.

    Returns:
        the file, readable to its owner alone.

    Raises:
        OSError: none of them takes them.
    """
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
    errors: list[str] = []
    for place in places:
        try:
            return _write(place, "\n".join(lines) + "\n")
        except OSError as error:
            errors.append(str(error))
    raise OSError("; ".join(errors))


def _write(place: Path, text: str) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{uuid.uuid4().hex}.jsonl"
    write_whole(path, text.encode(), mode=0o600, durable=True)
    return path


def take(places: Sequence[Path]) -> Iterator[Unsent | str]:
    """The files that earlier commands left, or a sentence about one that can't be read and stays."""
    paths = [path for place in places for path in place.glob("*.jsonl")]
    for path in sorted(paths, key=lambda path: path.stat().st_mtime_ns):
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
