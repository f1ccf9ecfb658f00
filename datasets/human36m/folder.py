"""Human3.6M on the disk."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal, Self

from datasets.base.annotated import AnnotatedSet
from datasets.base.annotated_folder import AnnotatedFolder
from datasets.base.folder import DataRoot
from datasets.config import digest
from datasets.human36m.annotation_files import Layout, find_layout, parse_set
from datasets.human36m.samples import Frames
from datasets.io.errors import DataError
from datasets.io.problems import Problem


class Human36MFolder(AnnotatedFolder):
    """Human3.6M in a folder or in its `h36m` or `Human36M`: `annotations/` and `images/`."""

    subfolders = ("h36m", "Human36M")

    kind: Literal["folder"] = "folder"
    layout: Layout = "posenet"  # the PoseNet release's files, or the authors' samples of protocol 2

    @classmethod
    def is_in(cls, root: Path) -> bool:
        """Whether the folder has files of either layout."""
        folder = cls.locate(root)
        try:
            find_layout(folder)
        except DataError:
            return False
        return True

    @classmethod
    def recognise(cls, folder: Path, root: DataRoot) -> Self:
        """As `AnnotatedFolder.recognise`."""
        return cls(layout=find_layout(folder))

    def parse(
        self, folder: Path, broken_pictures: Collection[str], skip_broken: bool
    ) -> tuple[AnnotatedSet[Frames], list[Problem]]:
        """As `AnnotatedFolder.parse`."""
        return parse_set(folder, self.layout, broken_pictures)

    def fingerprint(self) -> str:
        """16 hex digits over what samples and metrics depend on."""
        return digest(["human36m", self.digest, self.layout])
