"""A copy of the DME set on somebody's disk."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field

from datasets.config import Frozen
from datasets.io.errors import DataError
from datasets.io.locate import home
from datasets.io.problems import Broken
from datasets.retina.scan_files import ROW_UM, check_subject, subjects_of

CheckSubjects = Callable[[Path, Sequence[int]], Sequence[Broken]]
"""Says which subjects' files are missing or broken."""


def check_subjects(root: Path, subjects: Sequence[int]) -> tuple[Broken, ...]:
    """Read the files of subjects, and say which are missing or broken."""
    return tuple(broken for subject in subjects for broken in check_subject(root, subject))


class DmeFolder(Frozen):
    """A copy of the DME set, known by what is in it: a folder of `Subject_01.mat` to `Subject_10.mat`.

    Without a digest it stands for a set that isn't at hand, as in a dry run.
    """

    kind: Literal["dme"] = "dme"
    digest: str | None = None  # of the files' names and bytes
    # Subjects that are left out as broken: the digest has them.
    broken_subjects: tuple[int, ...] = Field(default=(), json_schema_extra={"neutral": True})

    @property
    def row_um(self) -> float:
        """The height of a row in micrometres."""
        return ROW_UM

    @classmethod
    def bind(cls, root: Path, *, skip_broken: bool = False, check: CheckSubjects = check_subjects) -> Self:
        """Describe the set in `root`, `root/dme` or `root/2015_BOE_Chiu`.

        Args:
            skip_broken: go on without subjects whose file is missing or broken; every file is read to find
                them. Where there are none, the result is the same.
            check: finds broken subjects.

        Raises:
            DataError: the folder holds no subject.
        """
        folder = home(root, *FOLDERS)
        broken: tuple[int, ...] = ()
        if skip_broken:
            subjects = subjects_of(folder)
            named = {one.file for one in check(folder, subjects)}
            broken = tuple(n for n in subjects if str(folder / f"Subject_{n:02d}.mat") in named)
        return cls(digest=_digest_of(folder, broken), broken_subjects=broken)

    def fingerprint(self) -> str:
        """The digest, or the kind while there is none."""
        return self.digest or self.kind

    def check(self, root: Path | None) -> Path:
        """The folder on this machine.

        Raises:
            DataError: there is none, the set is not bound, or the files have changed.
        """
        if root is None or self.digest is None:
            raise DataError(
                root or "the data's folder",
                "the experiment is not bound to files",
                remedy="Name the folder with --data-root, or bind it with DmeFolder.bind",
            )
        folder = home(root, *FOLDERS)
        if (now := _digest_of(folder, self.broken_subjects)) != self.digest:
            raise DataError(
                folder,
                f"the files are not those of the experiment (digest {now}, not {self.digest})",
                remedy="Restore them, or start anew with the set as it is now",
            )
        return folder


FOLDERS = ("dme", "2015_BOE_Chiu")
"""What the set's folder is called within a folder of several sets."""


def _digest_of(folder: Path, broken: tuple[int, ...]) -> str:
    paths = sorted(folder.glob("Subject_*.mat"))
    if not paths:
        raise DataError(folder, "holds no Subject_*.mat", remedy="Name the folder of the DME set")
    parts: list[object] = [(path.name, _checksum(path)) for path in paths]
    return _digest([*parts, ["broken", broken]] if broken else parts)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
