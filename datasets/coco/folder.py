"""A set in COCO's layout on the disk."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from datasets.base.annotated import AnnotatedSet
from datasets.base.annotated_folder import AnnotatedFolder
from datasets.base.folder import NEUTRAL, DataRoot
from datasets.coco.layout import find_annotations
from datasets.coco.samples import SplitSamples, parse_set
from datasets.config import Text, digest
from datasets.io.assumptions import sentences
from datasets.io.errors import DataError
from datasets.io.image import name_in
from datasets.io.problems import Problem
from datasets.io.survey import Check, check_here
from datasets.keypoints import KEYPOINTS, SKELETON, USUAL_SIGMA, oks_sigmas, without_sigma
from datasets.sides import unpaired

Point = Annotated[int, Field(ge=1, le=10_000)]
Sigma = Annotated[float, Field(gt=0, le=1e3)]


class CocoFolder(AnnotatedFolder):
    """A set in COCO's layout: `annotations/` with a file for each split, and folders of pictures.

    Raises:
        pydantic.ValidationError: a keypoint has no OKS constant, or the numbers of names and sigmas differ.
    """

    kind: Literal["folder"] = "folder"
    keypoints: tuple[Text, ...] = Field(default=KEYPOINTS, min_length=1, max_length=10_000)
    skeleton: tuple[tuple[Point, Point], ...] = Field(default=SKELETON, max_length=10_000)  # counted from 1
    # OKS constants; None: COCO's, by the keypoints' names.
    sigmas: tuple[Sigma, ...] | None = Field(default=None, max_length=10_000)
    # Where detected boxes lie, relative to the root if inside it; None: annotated boxes. The path is no part
    # of the fingerprint: the digest has the file's bytes.
    detections: Text | None = Field(default=None, json_schema_extra=NEUTRAL)
    # Keypoints of which no constant is known; `sigmas` has what stands in.
    guessed_sigmas: tuple[Text, ...] = Field(
        default=(), max_length=10_000, json_schema_extra=NEUTRAL, exclude_if=lambda names: not names
    )
    # The name of the folder that the user named, for the names of runs and titles.
    title: Text = Field(default="", json_schema_extra=NEUTRAL)

    @classmethod
    def bind(
        cls,
        root: Path,
        detections: Path | None = None,
        sigmas: Mapping[str, float] | None = None,
        *,
        skip_broken: bool = False,
        check: Check = check_here,
    ) -> Self:
        """Describe the set in `root`. Arguments as in `DataRoot`.

        Raises:
            DataError: files, records or pictures are missing or wrong, or a keypoint has no OKS constant.
        """
        return DataRoot(root, detections, sigmas, skip_broken, check).bind(cls)

    @classmethod
    def is_in(cls, root: Path) -> bool:
        """Whether the folder has annotations of both splits."""
        try:
            find_annotations(cls.locate(root))
        except DataError as error:
            if error.code == "not-a-folder":
                raise
            return False
        return True

    @classmethod
    def recognise(cls, folder: Path, root: DataRoot) -> Self:
        """As `AnnotatedFolder.recognise`."""
        boxes = root.detections
        return cls(detections=None if boxes is None else name_in(folder, boxes))

    def parse(
        self, folder: Path, broken_pictures: Collection[str], skip_broken: bool
    ) -> tuple[AnnotatedSet[SplitSamples], list[Problem]]:
        """As `AnnotatedFolder.parse`."""
        boxes = None if self.detections is None else folder / self.detections
        return parse_set(folder, boxes, broken_pictures)

    def with_names(self, contents: AnnotatedSet[Any], root: DataRoot) -> Self:
        """With the keypoints, their limbs and constants."""
        annotations = contents.train.annotations
        names, given = annotations.category.keypoints, {**annotations.category.sigmas, **(root.sigmas or {})}
        guessed = tuple(name for name in without_sigma(names) if name not in given)
        given |= dict.fromkeys(guessed, USUAL_SIGMA)
        try:
            constants = oks_sigmas(names, given)
        except ValueError as error:
            remedy = f"Correct the file of --sigmas; the keypoints are {', '.join(names)}"
            raise DataError(annotations.path, str(error), remedy=remedy, code="unknown-sigma") from error
        return type(self)(
            keypoints=names,
            skeleton=annotations.category.skeleton,
            sigmas=constants if given else None,
            detections=self.detections,
            title=root.path.absolute().name,
            guessed_sigmas=guessed,
        )

    def name_assumptions(self) -> tuple[str, ...]:
        """As `AnnotatedFolder.name_assumptions`."""
        lone, guessed = ", ".join(unpaired(self.keypoints)), ", ".join(self.guessed_sigmas)
        said = {
            f"no OKS constant is known of {guessed}: {USUAL_SIGMA} stands in (--sigmas FILE gives "
            "others)": bool(guessed),
            f"pictures are not mirrored, since these have no partner: {lone}": bool(lone),
        }
        return sentences(said)

    @model_validator(mode="after")
    def _sigmas_fit(self) -> Self:
        if len(self.oks_sigmas) != len(self.keypoints):
            raise ValueError(f"{len(self.oks_sigmas)} sigmas for {len(self.keypoints)} keypoints")
        return self

    @property
    def oks_sigmas(self) -> tuple[float, ...]:
        """(K,) the constants of OKS."""
        return self.sigmas or oks_sigmas(self.keypoints)

    def fingerprint(self) -> str:
        """16 hex digits over what samples and metrics depend on."""
        return digest(["folder", self.digest, self.keypoints, self.oks_sigmas])
