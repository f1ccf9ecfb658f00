"""MPII on the disk."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal, Self

from datasets.base.annotated import AnnotatedSet
from datasets.base.annotated_folder import AnnotatedFolder
from datasets.base.folder import DataRoot
from datasets.config import digest
from datasets.io.problems import Problem
from datasets.mpii.annotation_files import Format, find_format, is_there, parse_placed, parse_set
from datasets.mpii.samples import People


class MpiiFolder(AnnotatedFolder):
    """MPII in a folder or in its `mpii`: `annot/` with the lists or the original `.mat`, and `images/`."""

    subfolders = ("mpii",)
    claims_sizes = False

    kind: Literal["folder"] = "folder"
    format: Format = "list"  # the lists with the published split, or the original .mat without it

    @classmethod
    def is_in(cls, root: Path) -> bool:
        """Whether the folder has MPII's files."""
        return is_there(cls.locate(root))

    @classmethod
    def recognise(cls, folder: Path, root: DataRoot) -> Self:
        """As `AnnotatedFolder.recognise`."""
        return cls(format=find_format(folder))

    def parse(
        self, folder: Path, broken_pictures: Collection[str], skip_broken: bool
    ) -> tuple[AnnotatedSet[People], list[Problem]]:
        """As `AnnotatedFolder.parse`. Sizes of pictures stand in the pictures alone."""
        parse = parse_placed if skip_broken else parse_set
        return parse(folder, self.format, broken_pictures, self.as_stored)

    def fingerprint(self) -> str:
        """16 hex digits over what samples and metrics depend on."""
        return digest(["mpii", self.digest, self.format])
