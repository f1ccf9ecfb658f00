"""Where checkpoints lie: a file an experiment, in a folder or at any URI that pyarrow's file systems know."""

import io
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import torch
from pyarrow import ArrowInvalid, fs

from orchestrator.util.errors import UserError
from orchestrator.util.redact import redacted

FORMAT = 1
ABANDONED = timedelta(hours=1)
"""A part that was begun so long ago belongs to a process that was killed while it wrote."""


class CheckpointError(UserError):
    """A checkpoint that can't be written or read; the message names it and says what to do."""


@dataclass(frozen=True)
class Checkpoints:
    """The newest checkpoint of each experiment, by fingerprint.

    Args:
        storage: an absolute folder, or a URI such as `s3://bucket/rle-lab`.
    """

    storage: str

    def path(self, fingerprint: str) -> str:
        """The file of one experiment, as a folder path or URI."""
        return f"{self.storage.rstrip('/')}/{fingerprint}/checkpoint.pt"

    def save(self, fingerprint: str, state: dict[str, Any]) -> None:
        """Replace the checkpoint as a whole: a reader sees the old one or the new one, never a part.

        Args:
            fingerprint: of the experiment.
            state: tensors and plain values only, so that it loads with `weights_only`.

        Raises:
            CheckpointError: it can't be written, for want of space or rights, or the storage is no place that
                can be written to. The old one is untouched.
        """
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, **state}, buffer)
        try:
            self._replace(self.path(fingerprint), buffer.getvalue())
        except OSError as error:
            # The cause is not chained here and below: its text may hold a key of the storage's address.
            raise self._error(
                fingerprint,
                f"can't write the checkpoint ({error}). Free some space or name another place with "
                "--storage; the last checkpoint is intact.",
            ) from None

    def load(self, fingerprint: str) -> dict[str, Any] | None:
        """The newest state, on the CPU, or None where there is none.

        Raises:
            CheckpointError: the file is there but can't be read.
        """
        content = self._read(fingerprint)
        if content is None:
            return None
        try:
            state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds for a file that isn't one of its own
            raise self._error(
                fingerprint, f"not a readable checkpoint ({error}). Delete it to train afresh."
            ) from None
        if state.pop("format", None) != FORMAT:
            raise self._error(fingerprint, "written by another version. Delete it to train afresh.")
        return state

    def delete(self, fingerprint: str) -> None:
        """Forget the checkpoint of one experiment, if there is one."""
        system, path = self._locate(self.path(fingerprint))
        if system.get_file_info(path).type != fs.FileType.NotFound:
            system.delete_file(path)

    def _read(self, fingerprint: str) -> bytes | None:
        system, path = self._locate(self.path(fingerprint))
        try:
            if system.get_file_info(path).type == fs.FileType.NotFound:
                return None
            with system.open_input_file(path) as stream:
                return bytes(stream.read())
        except OSError as error:
            raise self._error(
                fingerprint,
                f"can't read the checkpoint ({error}). Mend it, or name another place with --storage.",
            ) from None

    def _error(self, fingerprint: str, text: str) -> CheckpointError:
        return CheckpointError(redacted(f"{self.path(fingerprint)}: {text}", self.storage))

    def _replace(self, where: str, content: bytes) -> None:
        system, path = self._locate(where)
        folder, _, _ = path.rpartition("/")
        system.create_dir(folder, recursive=True)
        _sweep_up(system, folder)
        partial = f"{path}.{uuid.uuid4().hex}.part"
        try:
            with system.open_output_stream(partial) as stream:
                stream.write(content)
            system.move(partial, path)
        except BaseException:
            if system.get_file_info(partial).type != fs.FileType.NotFound:
                system.delete_file(partial)
            raise

    def _locate(self, where: str) -> tuple[fs.FileSystem, str]:
        if "://" not in where:
            return fs.LocalFileSystem(), str(Path(where).absolute())
        try:
            system, path = fs.FileSystem.from_uri(where)
        except (ArrowInvalid, OSError) as error:
            raise CheckpointError(
                redacted(f"--storage {self.storage}: no place for checkpoints ({error})", self.storage)
            ) from None
        return system, path


def _sweep_up(system: fs.FileSystem, folder: str) -> None:
    """Remove what processes left that were killed while they wrote."""
    for found in system.get_file_info(fs.FileSelector(folder)):
        if found.path.endswith(".part") and found.mtime and datetime.now(UTC) - found.mtime > ABANDONED:
            system.delete_file(found.path)
