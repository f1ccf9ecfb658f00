"""Where checkpoints lie: a file an experiment, in a folder or at any URI that pyarrow's file systems know."""

import io
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pyarrow import fs

FORMAT = 1


class CheckpointError(Exception):
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
            CheckpointError: it can't be written, for want of space or rights. The old one is untouched.
        """
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, **state}, buffer)
        try:
            self._replace(self.path(fingerprint), buffer.getvalue())
        except OSError as error:
            raise CheckpointError(
                f"{self.path(fingerprint)}: can't write the checkpoint ({error}). "
                "Free some space or name another place with --storage; the last checkpoint is intact."
            ) from error

    def load(self, fingerprint: str) -> dict[str, Any] | None:
        """The newest state, on the CPU, or None where there is none.

        Raises:
            CheckpointError: the file is there but can't be read.
        """
        system, path = self._locate(self.path(fingerprint))
        if system.get_file_info(path).type == fs.FileType.NotFound:
            return None
        try:
            with system.open_input_file(path) as stream:
                state: dict[str, Any] = torch.load(
                    io.BytesIO(stream.read()), map_location="cpu", weights_only=True
                )
        except Exception as error:  # torch raises many kinds for a file that isn't one of its own
            raise CheckpointError(
                f"{self.path(fingerprint)}: not a readable checkpoint ({error}). Delete it to train afresh."
            ) from error
        if state.pop("format", None) != FORMAT:
            raise CheckpointError(
                f"{self.path(fingerprint)}: written by another version. Delete it to train afresh."
            )
        return state

    def delete(self, fingerprint: str) -> None:
        """Forget the checkpoint of one experiment, if there is one."""
        system, path = self._locate(self.path(fingerprint))
        if system.get_file_info(path).type != fs.FileType.NotFound:
            system.delete_file(path)

    def _replace(self, where: str, content: bytes) -> None:
        system, path = self._locate(where)
        folder, _, _ = path.rpartition("/")
        system.create_dir(folder, recursive=True)
        partial = f"{path}.{uuid.uuid4().hex}.part"
        try:
            with system.open_output_stream(partial) as stream:
                stream.write(content)
            system.move(partial, path)
        except BaseException:
            if system.get_file_info(partial).type != fs.FileType.NotFound:
                system.delete_file(partial)
            raise

    @staticmethod
    def _locate(where: str) -> tuple[fs.FileSystem, str]:
        if "://" in where:
            system, path = fs.FileSystem.from_uri(where)
            return system, path
        return fs.LocalFileSystem(), str(Path(where).absolute())
