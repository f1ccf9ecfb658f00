"""COCO's keypoint benchmark, and every data set in its format: files or generated people.

`CocoKeypoints.prepare` reads, checks and decodes once; `open` maps what that left.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from datasets.coco import samples as coco_samples
from datasets.coco.dataset import CocoData, CocoSplit
from datasets.coco.folder import CocoFolder
from datasets.coco.samples import SetSamples, SplitSamples
from datasets.config import Frozen
from datasets.contract import DataPaths, Pairs
from datasets.counts import Counts, Report
from datasets.crops import cached_crops, crop
from datasets.crops.crop import STILL, Augment
from datasets.crops.pack import FORMAT, Progress, Write, folder_of, open_pack, writer
from datasets.keypoints import flip_pairs, oks_sigmas, upper_body
from datasets.synthetic.people.people import People, write

__all__ = ["CocoFolder", "CocoKeypoints"]


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

    def prepare(self, place: DataPaths, progress: Progress | None = None) -> Report:
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
            write = writer(place, progress)
            self._pack(found.train, folders["train"], self.augment, write)
            self._pack(found.val, folders["val"], STILL, write)
        cached_crops.cut(folders["train"], self.size, self.augment)
        return Report(*(Counts(**open_pack(folder).about["counts"]) for folder in folders.values()))

    def open(self, place: DataPaths, seed: int) -> CocoData:
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

    def _packs(self, place: DataPaths) -> dict[str, Path]:
        """Folders of the packs, named by all that their contents depend on."""
        augment = self.augment
        steepest = augment.rotation if augment.rotation_probability else 0.0
        reach = [augment.scale[1], steepest, augment.shift, augment.half_body > 0]
        same = [FORMAT, self.fingerprint(), self.size[1] / self.size[0], self.padding]
        keys = {"train": _digest([*same, reach]), "val": _digest(same)}
        return {split: folder_of(place, f"{split}-{key}") for split, key in keys.items()}

    def _pack(self, half: SplitSamples, folder: Path, augment: Augment, write: Write) -> None:
        samples, annotations = half.samples, half.annotations
        aspect = self.size[1] / self.size[0]
        bodies = crop.whole_bodies(samples.corners, aspect, self.padding)
        upper = upper_body(self.source.keypoints)
        options = crop.placements(bodies, samples.points, samples.labelled, upper, aspect)
        write(
            folder,
            annotations.pictures,
            samples.picture,
            crop.reach(options, augment),
            {"options": options, **_arrays(half)},
            {"counts": _counts(half)},
        )


def _generated(people: People, place: DataPaths, progress: Progress | None) -> SetSamples:
    root = place.cache.absolute() / f"people-{people.fingerprint()}"
    write(people, root, progress=progress)
    return coco_samples.read(root)


def _arrays(half: SplitSamples) -> dict[str, np.ndarray[Any, Any]]:
    """The samples, and the whole split's annotations, against which pycocotools evaluates."""
    samples, truth = half.samples, half.annotations
    return {
        "id": samples.id,
        "corners": samples.corners,
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


def _counts(half: SplitSamples) -> dict[str, Any]:
    samples = half.samples
    return {
        "pictures": len(np.unique(samples.picture)),
        "samples": len(samples.id),
        "left_out": dict(samples.left_out),
    }


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
