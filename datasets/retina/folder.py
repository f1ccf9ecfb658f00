"""A copy of the DME set on the disk."""

import hashlib
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import Field

from datasets.base.folder import NEUTRAL, DataRoot, Folder
from datasets.config import digest
from datasets.io.errors import DataError
from datasets.io.survey import Check, Survey, check_here
from datasets.retina.scan_files import ROW_UM, Subject, read_subject, subjects_of
from datasets.synthetic.retinas.retinas import subject_file


class SubjectFile(NamedTuple):
    """A subject's file, as it is checked."""

    path: Path
    subject: int

    def check(self) -> None:
        """Read it whole.

        Raises:
            DataError: it is missing or broken.
        """
        read_subject(self.path.parent, self.subject, 1)


class DmeFolder(Folder):
    """The DME set in a folder, in its `dme` or `2015_BOE_Chiu`: `Subject_01.mat` to `Subject_10.mat`."""

    subfolders = ("dme", "2015_BOE_Chiu")

    kind: Literal["dme"] = "dme"
    # Subjects that are left out as broken: the digest has them.
    broken_subjects: tuple[Subject, ...] = Field(default=(), max_length=99, json_schema_extra=NEUTRAL)

    @property
    def row_um(self) -> float:
        """The height of a row in micrometres."""
        return ROW_UM

    @classmethod
    def bind(cls, root: Path, *, skip_broken: bool = False, check: Check = check_here) -> Self:
        """Describe the set in `root`, as `DataRoot.bind` does.

        Raises:
            DataError: the folder holds no subject.
        """
        return DataRoot(root, skip_broken=skip_broken, check=check).bind(cls)

    @classmethod
    def is_in(cls, root: Path) -> bool:
        """Whether the folder has a subject's file."""
        return any(cls.locate(root).glob("Subject_*.mat"))

    @classmethod
    def survey(cls, root: DataRoot) -> Survey:
        """As `Folder.survey`: the subjects are files and annotations in one."""
        folder = cls.locate(root.path)
        files = (SubjectFile(folder / subject_file(number), number) for number in subjects_of(folder))
        return Survey((), tuple(files), unit="subjects", per_task=1)

    @classmethod
    def describe(cls, root: DataRoot) -> tuple[Self, Path]:
        """As `Folder.describe`; what was read is no more than where the folder is."""
        folder, broken = cls.locate(root.path), set()
        if root.skip_broken:
            broken = {problem.file for problem in root.broken_files(cls)}
        subjects = (number for number in subjects_of(folder) if str(folder / subject_file(number)) in broken)
        bound = cls(broken_subjects=tuple(subjects))
        return bound.model_copy(update={"digest": bound._read(folder)[1]}), folder

    def fingerprint(self) -> str:
        """The digest, or the kind while there is none."""
        return self.digest or self.kind

    def _read(self, folder: Path) -> tuple[Path, str]:
        paths, broken = sorted(folder.glob("Subject_*.mat")), self.broken_subjects
        if not paths:
            remedy = "Name the folder of the DME set"
            raise DataError(folder, "holds no Subject_*.mat", remedy=remedy, code="no-subjects")
        parts: list[object] = [(path.name, _checksum(path)) for path in paths]
        return folder, digest([*parts, ["broken", broken]] if broken else parts)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
