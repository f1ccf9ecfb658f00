"""Where checkpoints lie: files in a folder or at any URI that pyarrow's file systems know."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from pyarrow import ArrowInvalid, fs

ABANDONED = timedelta(hours=1)
"""A partial file that was begun so long ago belongs to a process that was killed while it wrote."""


class UnusableStorageError(OSError):
    """The address names nothing that files can be stored in."""


@dataclass(frozen=True)
class Storage:
    """Files that are replaced as a whole: a reader sees the old one or the new one, never a part.

    Methods raise OSError where something can't be read or written, of which the text may hold a key of the
    address.

    Args:
        root: a folder, or a URI such as `s3://bucket/rle-lab`.
    """

    root: str

    def path(self, name: str) -> str:
        """A file, as a path or URI."""
        return f"{self.root.rstrip('/')}/{name}"

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file to read from.

        Raises:
            FileNotFoundError: there is no such file.
        """
        system, path = _locate(self.path(name))
        with system.open_input_file(path) as stream:
            yield stream

    def write(self, name: str, content: bytes) -> None:
        """Replace a file, or make it and its folder. After an error the old one is untouched."""
        system, path = _locate(self.path(name))
        folder, _, _ = path.rpartition("/")
        system.create_dir(folder, recursive=True)
        _remove_abandoned(system, folder)
        partial = f"{path}.{uuid.uuid4().hex}.part"
        try:
            with system.open_output_stream(partial) as stream:
                stream.write(content)
            system.move(partial, path)
        except BaseException:
            if system.get_file_info(partial).type != fs.FileType.NotFound:
                system.delete_file(partial)
            raise

    def delete(self, name: str) -> None:
        """Delete a file, if there is one."""
        system, path = _locate(self.path(name))
        if system.get_file_info(path).type != fs.FileType.NotFound:
            system.delete_file(path)

    def folders_with(self, name: str) -> list[str]:
        """The folders in the root that hold a file of this name, in order."""
        system, root = _locate(self.root)
        inside = system.get_file_info(fs.FileSelector(root, allow_not_found=True))
        folders = sorted(info.base_name for info in inside if info.type == fs.FileType.Directory)
        return [folder for folder in folders if system.get_file_info(f"{root}/{folder}/{name}").is_file]


def _locate(address: str) -> tuple[fs.FileSystem, str]:
    if "://" not in address:
        return fs.LocalFileSystem(), str(Path(address).expanduser().absolute())
    try:
        system, path = fs.FileSystem.from_uri(address)
    except (ArrowInvalid, OSError) as error:
        raise UnusableStorageError(str(error)) from None
    return system, path


def _remove_abandoned(system: fs.FileSystem, folder: str) -> None:
    """Remove what processes left that were killed while they wrote."""
    for info in system.get_file_info(fs.FileSelector(folder)):
        if info.path.endswith(".part") and info.mtime and datetime.now(UTC) - info.mtime > ABANDONED:
            system.delete_file(info.path)
