"""COCO's keypoint benchmark, and every data set in its format: files or generated people.

`CocoKeypoints.prepare` reads, checks and decodes once; `open` maps what that left.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from datasets import coco_samples, crop
from datasets.coco_data import CocoData, CocoSplit
from datasets.coco_samples import Half, Halves
from datasets.config import Frozen
from datasets.contract import Pairs, Place
from datasets.crop import STILL, Augment
from datasets.errors import DataError
from datasets.keypoints import KEYPOINTS, SKELETON, flip_pairs, oks_sigmas, upper_body
from datasets.pack import FORMAT, Progress, open_pack, write_pack
from datasets.synthetic.people import People, write

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

    @classmethod
    def bind(
        cls, root: Path, detections: Path | None = None, sigmas: Mapping[str, float] | None = None
    ) -> "CocoFolder":
        """Describe the set in `root`.

        Args:
            detections: boxes to evaluate on, COCO detection results; the annotated boxes if None.
            sigmas: OKS constants by keypoint, for names that COCO doesn't have or in place of COCO's.

        Raises:
            DataError: a file or record is missing or wrong, or a keypoint has no OKS constant.
        """
        found = coco_samples.read(root, detections)
        category = found.train.annotations.category
        try:
            constants = oks_sigmas(category.keypoints, sigmas)
        except ValueError as error:
            remedy = "Give one with CocoFolder.bind(sigmas={name: value}), or use COCO's names"
            raise DataError(found.train.annotations.path, str(error), remedy=remedy) from error
        return cls(
            digest=coco_samples.digest(found),
            keypoints=category.keypoints,
            skeleton=category.skeleton,
            sigmas=constants if sigmas else None,
            detections=None if detections is None else _as_given(root, detections),
            train_samples=len(found.train.samples.id),
        )

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

    def read(self, root: Path | None) -> Halves:
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
        found = coco_samples.read(root, None if self.detections is None else root / self.detections)
        if (now := coco_samples.digest(found)) != self.digest:
            raise DataError(
                root,
                f"the files are not those of the experiment (digest {now}, not {self.digest})",
                remedy="Restore them, or start anew with the set as it is now",
            )
        return found


@dataclass(frozen=True)
class Counts:
    """What a split consists of."""

    pictures: int
    samples: int
    left_out: Mapping[str, int]  # records that the benchmark doesn't use, by reason


@dataclass(frozen=True)
class Report:
    """What preparing found."""

    train: Counts
    val: Counts

    def sentence(self) -> str:
        """For the console."""
        parts = [_part("for training", self.train), _part("for validation", self.val)]
        return "; ".join(parts)


class CocoKeypoints(Frozen):
    """Keypoints of people in boxes, scored by OKS (supplement, section C.1; main paper, section 4.1)."""

    kind: Literal["coco"] = "coco"
    source: Annotated[People | CocoFolder, Field(discriminator="kind")]
    size: tuple[PositiveInt, PositiveInt] = (256, 192)  # of the crop, (H, W)
    augment: Augment = Augment()
    padding: PositiveFloat = 1.25  # of the box at the crop's aspect ratio

    @property
    def points(self) -> int:
        """Keypoints of a person."""
        return len(self.source.keypoints)

    @property
    def dim(self) -> int:
        """Coordinates of a keypoint."""
        return 2

    @property
    def name(self) -> str:
        """Of the benchmark."""
        return "coco"

    @property
    def flip_pairs(self) -> Pairs | None:
        """Left and right partners; None where a sided keypoint has none, and nothing is ever mirrored."""
        return flip_pairs(self.source.keypoints)

    @property
    def sigmas(self) -> tuple[float, ...]:
        """(K,) the constants of OKS."""
        source = self.source
        return source.oks_sigmas if isinstance(source, CocoFolder) else oks_sigmas(source.keypoints)

    def fingerprint(self) -> str:
        """Of the source: which data these are, whatever is done with them."""
        return self.source.fingerprint()

    def prepare(self, place: Place, progress: Progress | None = None) -> Report:
        """Make everything that `open` needs: generate people if need be, read, check, decode.

        What is there already is not made again; files are read and compared with the digest each time. Two
        processes may prepare the same data.

        Args:
            progress: called with pictures done and in all, once through for each step.

        Raises:
            DataError: anything is wrong with the files; before any training starts.
        """
        folders = self._packs(place)
        known = all(folder.exists() for folder in folders.values())
        if isinstance(self.source, CocoFolder):
            found = self.source.read(place.root)
        elif not known:
            found = _generated(self.source, place, progress)
        if not known:
            self._pack(found.train, folders["train"], self.augment, progress)
            self._pack(found.val, folders["val"], STILL, progress)
        return Report(*(Counts(**open_pack(folder).about["counts"]) for folder in folders.values()))

    def open(self, place: Place, seed: int) -> CocoData:
        """The prepared data; cheap.

        Args:
            seed: of the augmentation.

        Raises:
            DataError: `prepare` has not been run at this place.
        """
        folders = self._packs(place)
        for folder in folders.values():
            open_pack(folder)
        augment = (
            self.augment if self.flip_pairs is not None else self.augment.model_copy(update={"flip": 0.0})
        )
        return CocoData(
            train=CocoSplit(folders["train"], self.size, augment, self.flip_pairs or (), seed),
            val=CocoSplit(folders["val"], self.size, STILL, (), seed),
            flip_pairs=self.flip_pairs,
            sigmas=self.sigmas,
        )

    def _packs(self, place: Place) -> dict[str, Path]:
        """Folders of the packs, named by all that their contents depend on."""
        augment = self.augment
        steepest = augment.rotation if augment.rotation_probability else 0.0
        reach = [augment.scale[1], steepest, augment.shift, augment.half_body > 0]
        same = [FORMAT, self.fingerprint(), self.size[1] / self.size[0], self.padding]
        keys = {"train": _digest([*same, reach]), "val": _digest(same)}
        return {split: place.cache.absolute() / "packs" / f"{split}-{key}" for split, key in keys.items()}

    def _pack(self, half: Half, folder: Path, augment: Augment, progress: Progress | None) -> None:
        samples, annotations = half.samples, half.annotations
        aspect = self.size[1] / self.size[0]
        bodies = crop.whole_bodies(samples.corners, aspect, self.padding)
        upper = upper_body(self.source.keypoints)
        options = crop.placements(bodies, samples.points, samples.labelled, upper, aspect)
        write_pack(
            folder,
            annotations.pictures,
            samples.picture,
            crop.reach(options, augment),
            {"options": options, **_arrays(half)},
            {"counts": _counts(half)},
            progress,
        )


def _generated(people: People, place: Place, progress: Progress | None) -> Halves:
    root = place.cache.absolute() / f"people-{people.fingerprint()}"
    write(people, root, progress=progress)
    return coco_samples.read(root)


def _arrays(half: Half) -> dict[str, np.ndarray[Any, Any]]:
    """The samples, and the whole split's annotations, against which pycocotools evaluates."""
    samples, truth = half.samples, half.annotations
    return {
        "id": samples.id,
        "points": samples.points,
        "labelled": samples.labelled,
        "area": samples.area,
        "score": samples.score,
        "image_id": truth.picture_ids[samples.picture],
        "truth_images": truth.picture_ids,
        "truth_image_id": truth.picture_ids[truth.picture],
        "truth_box": truth.box,
        "truth_area": truth.area,
        "truth_crowd": truth.crowd,
        "truth_count": truth.count,
        "truth_keypoints": truth.keypoints,
    }


def _counts(half: Half) -> dict[str, Any]:
    samples = half.samples
    return {
        "pictures": len(np.unique(samples.picture)),
        "samples": len(samples.id),
        "left_out": dict(samples.left_out),
    }


def _part(purpose: str, counts: Counts) -> str:
    left_out = ", ".join(f"{count} {reason}" for reason, count in counts.left_out.items())
    tail = f" (left out: {left_out})" if left_out else ""
    return f"{counts.samples} people in {counts.pictures} pictures {purpose}{tail}"


def _as_given(root: Path, file: Path) -> str:
    absolute, root = file.absolute(), root.absolute()
    return str(absolute.relative_to(root)) if absolute.is_relative_to(root) else str(absolute)


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
