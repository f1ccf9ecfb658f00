"""A set in COCO's layout on somebody's disk."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from datasets.coco import samples
from datasets.coco.samples import SetSamples
from datasets.config import Frozen
from datasets.io.errors import DataError
from datasets.io.image import Check, Survey, broken_among, check_pictures
from datasets.io.problems import refuse
from datasets.keypoints import KEYPOINTS, SKELETON, oks_sigmas

Limbs = tuple[tuple[PositiveInt, PositiveInt], ...]


class CocoFolder(Frozen):
    """A set in COCO's layout on somebody's disk, known by what is in it and not by where it is.

    Without a digest it stands for a set that isn't at hand, such as COCO itself in a dry run.

    Raises:
        pydantic.ValidationError: a keypoint has no OKS constant, or the numbers of names and sigmas differ.
    """

    kind: Literal["folder"] = "folder"
    digest: str | None = None  # of annotations, detections, and names and sizes of pictures
    keypoints: tuple[str, ...] = KEYPOINTS
    skeleton: Limbs = SKELETON  # counted from 1
    sigmas: tuple[PositiveFloat, ...] | None = None  # OKS constants; None: COCO's, by the keypoints' names
    # Where detected boxes lie, relative to the root if inside it; None: annotated boxes. The path is no part
    # of the fingerprint: the digest has the file's bytes.
    detections: str | None = Field(default=None, json_schema_extra={"neutral": True})
    # How many training samples there are, for whoever plans a schedule; the digest says it already.
    train_samples: int | None = Field(default=None, json_schema_extra={"neutral": True})

    # Whether broken records are left out, and which pictures are too: the digest has both.
    skip_broken: bool = Field(default=False, json_schema_extra={"neutral": True})
    broken_pictures: tuple[str, ...] = Field(default=(), json_schema_extra={"neutral": True})

    @classmethod
    def bind(
        cls,
        root: Path,
        detections: Path | None = None,
        sigmas: Mapping[str, float] | None = None,
        *,
        skip_broken: bool = False,
        check: Check = check_pictures,
    ) -> "CocoFolder":
        """Describe the set in `root`.

        Args:
            detections: boxes to evaluate on, COCO detection results; the annotated boxes if None.
            sigmas: OKS constants by keypoint, for names that COCO doesn't have or in place of COCO's.
            skip_broken: go on without broken records and pictures; every picture is decoded to find them.
                Where there are none, the result is the same.
            check: finds broken pictures.

        Raises:
            DataError: files, records or pictures are missing or wrong, or a keypoint has no OKS constant.
        """
        lost: tuple[str, ...] = ()
        if skip_broken:
            lost = broken_among(root, cls.survey(root, detections).pictures, check)
        found, skipped = _read(root, detections, skip_broken, lost)
        category = found.train.annotations.category
        try:
            constants = oks_sigmas(category.keypoints, sigmas)
        except ValueError as error:
            remedy = "Give one with CocoFolder.bind(sigmas={name: value}), or use COCO's names"
            raise DataError(found.train.annotations.path, str(error), remedy=remedy) from error
        return cls(
            digest=samples.digest(found, skipped),
            keypoints=category.keypoints,
            skeleton=category.skeleton,
            sigmas=constants if sigmas else None,
            detections=None if detections is None else _as_given(root, detections),
            train_samples=len(found.train.samples.id),
            skip_broken=bool(skipped),
            broken_pictures=lost,
        )

    @staticmethod
    def survey(root: Path, detections: Path | None = None) -> Survey:
        """All that is broken in the set's annotations, and the pictures that samples are cut from.

        Raises:
            DataError: a file is missing or is none of COCO's format.
        """
        return samples.survey(root, detections)

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
        return _digest(["folder", self.digest, self.keypoints, self.oks_sigmas])

    def read(self, root: Path | None) -> SetSamples:
        """Read the set again, where it lies on this machine.

        Raises:
            DataError: there is no root, the set is not bound, a record is wrong, or the files have changed.
        """
        if root is None or self.digest is None:
            raise DataError(
                root or "the data's folder",
                "the experiment is not bound to files",
                remedy="Name the folder with --data-root, or bind it with CocoFolder.bind",
            )
        detections = None if self.detections is None else root / self.detections
        found, skipped = _read(root, detections, self.skip_broken, self.broken_pictures)
        if (now := samples.digest(found, skipped)) != self.digest:
            raise DataError(
                root,
                f"the files are not those of the experiment (digest {now}, not {self.digest})",
                remedy="Restore them, or start anew with the set as it is now",
            )
        return found


def _read(
    root: Path, detections: Path | None, skip_broken: bool, lost: tuple[str, ...]
) -> tuple[SetSamples, tuple[str, ...]]:
    """The set, and the names of pictures and records that were skipped."""
    found, broken = samples.sift_set(root, detections, lost)
    if not skip_broken:
        refuse(broken)
    samples.check_not_empty(found)
    return found, (*lost, *(f"{Path(one.file).name} {one.record}" for one in broken))


def _as_given(root: Path, file: Path) -> str:
    absolute, root = file.absolute(), root.absolute()
    return str(absolute.relative_to(root)) if absolute.is_relative_to(root) else str(absolute)


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
