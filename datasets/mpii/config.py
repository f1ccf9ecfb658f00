"""MPII's single-person benchmark, from its files or from generated people.

`MpiiPose.prepare` reads, checks and decodes once; `open` maps what that left.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from datasets.config import Frozen
from datasets.contract import DataPaths, Pairs, Predictions
from datasets.counts import Counts, Report
from datasets.crops import cached_crops, crop
from datasets.crops.crop import STILL, Augment
from datasets.crops.pack import FORMAT, Progress, Write, folder_of, open_pack, writer
from datasets.crops.pose_split import PoseSplit, ordered, reach_of
from datasets.io.errors import DataError
from datasets.io.image import Check, Survey, broken_among, check_pictures
from datasets.io.locate import home
from datasets.keypoints import flip_pairs
from datasets.metrics import pck_mpjpe
from datasets.mpii import annotation_files, samples
from datasets.mpii.annotation_files import Format
from datasets.mpii.samples import JOINTS, Benchmark, Heads, People
from datasets.synthetic.people.write_mpii import MpiiPeople, write

Floats = NDArray[np.float64]

HEIGHT = 200.0
"""Pixels that a scale of 1 stands for."""

LOWERED, PADDING = 15.0, 1.25
"""How the widely used code turns centre and scale into a crop: pixels of centre for each unit of scale that
it moves down, and the crop's side in heights (Xiao et al., "Simple baselines", lib/dataset/mpii.py)."""

UNCOUNTED = (JOINTS.index("pelvis"), JOINTS.index("thorax"))
"""Joints that MPII's evaluation leaves out."""


_UPPER = tuple(index > JOINTS.index("pelvis") for index in range(len(JOINTS)))


class MpiiFolder(Frozen):
    """MPII on somebody's disk, known by what is in it and not by where it is.

    Without a digest it stands for a set that isn't at hand, such as MPII itself in a dry run.
    """

    kind: Literal["folder"] = "folder"
    digest: str | None = None  # of annotations, and names and sizes of pictures
    format: Format = "list"  # the lists with the published split, or the original .mat without it

    # Whether broken records are left out, and which pictures are too: the digest has both.
    skip_broken: bool = Field(default=False, json_schema_extra={"neutral": True})
    broken_pictures: tuple[str, ...] = Field(default=(), json_schema_extra={"neutral": True})

    @classmethod
    def bind(cls, root: Path, *, skip_broken: bool = False, check: Check = check_pictures) -> "MpiiFolder":
        """Describe the set in `root` or in `root/mpii`: `annot/` with the lists or the `.mat`, and `images/`.

        Args:
            skip_broken: go on without broken records and pictures; every picture is decoded to find them.
                Where there are none, the result is the same.
            check: finds broken pictures.

        Raises:
            DataError: files, records or pictures are missing or wrong.
        """
        folder = home(root, "mpii")
        form = annotation_files.find_format(folder)
        lost: tuple[str, ...] = ()
        if skip_broken:
            lost = broken_among(folder, annotation_files.survey(folder, form).pictures, check)
        found, skipped = _read(folder, form, skip_broken, lost)
        digest = samples.digest(found, skipped)
        return cls(digest=digest, format=form, skip_broken=bool(skipped), broken_pictures=lost)

    @staticmethod
    def survey(root: Path) -> Survey:
        """All that is broken in the set's annotations, and its pictures.

        Raises:
            DataError: a file is missing or is something else.
        """
        folder = home(root, "mpii")
        return annotation_files.survey(folder, annotation_files.find_format(folder))

    def fingerprint(self) -> str:
        """16 hex digits over what samples and metrics depend on."""
        return _digest(["mpii", self.digest, self.format])

    def read(self, root: Path | None) -> Benchmark:
        """Read the set again, where it lies on this machine.

        Raises:
            DataError: there is no root, the set is not bound, a record is wrong, or the files have changed.
        """
        if root is None or self.digest is None:
            raise DataError(
                root or "the data's folder",
                "the experiment is not bound to MPII's files",
                remedy="Name the folder with --data-root, or bind it with MpiiFolder.bind",
            )
        folder = home(root, "mpii")
        found, skipped = _read(folder, self.format, self.skip_broken, self.broken_pictures)
        if (now := samples.digest(found, skipped)) != self.digest:
            raise DataError(
                folder,
                f"the files are not those of the experiment (digest {now}, not {self.digest})",
                remedy="Restore them, or start anew with the set as it is now",
            )
        return found


class MpiiPose(Frozen):
    """People cropped by their annotated centre and scale, scored by PCKh (supplement, section B)."""

    kind: Literal["mpii"] = "mpii"
    source: Annotated[MpiiPeople | MpiiFolder, Field(discriminator="kind")]
    size: tuple[PositiveInt, PositiveInt] = (256, 256)  # of the crop, (H, W)
    augment: Augment = Augment()

    @property
    def points(self) -> int:
        """Joints of a person."""
        return len(JOINTS)

    @property
    def dim(self) -> int:
        """Coordinates of a joint."""
        return 2

    @property
    def name(self) -> str:
        """Of the benchmark."""
        return "mpii"

    @property
    def flip_pairs(self) -> Pairs:
        """Left and right partners."""
        return flip_pairs(JOINTS) or ()

    @property
    def official(self) -> bool:
        """Whether who validates is as published: not so where the original `.mat` is split by a hash."""
        return not isinstance(self.source, MpiiFolder) or self.source.format == "list"

    def fingerprint(self) -> str:
        """Of the source: which data these are, whatever is done with them."""
        return self.source.fingerprint()

    def prepare(self, place: DataPaths, progress: Progress | None = None) -> Report:
        """Make everything that `open` needs: generate people if need be, read, check, decode.

        What is there already is not made again; files are read and compared with the digest each time.

        Args:
            progress: called with pictures done and in all, once through for each step.

        Raises:
            DataError: anything is wrong with the files; before any training starts.
        """
        folders = self._packs(place)
        known = all(folder.exists() for folder in folders.values())
        if isinstance(self.source, MpiiFolder):
            found = self.source.read(place.root)
        elif not known:
            found = _generated(self.source, place, progress)
        if not known:
            write = writer(place, progress)
            self._pack(found.train, None, folders["train"], self.augment, write)
            self._pack(found.val, found.heads, folders["val"], STILL, write)
        cached_crops.cut(folders["train"], self.size, self.augment)
        return Report(*(Counts(**open_pack(folder).about["counts"]) for folder in folders.values()))

    def open(self, place: DataPaths, seed: int) -> "MpiiData":
        """The prepared data; cheap.

        Args:
            seed: of the augmentation.

        Raises:
            DataError: `prepare` has not been run at this place.
        """
        folders = self._packs(place)
        for folder in folders.values():
            open_pack(folder)
        return MpiiData(
            train=PoseSplit(folders["train"], self.size, self.augment, self.flip_pairs, seed),
            val=PoseSplit(folders["val"], self.size, STILL, (), seed),
            flip_pairs=self.flip_pairs,
        )

    def _packs(self, place: DataPaths) -> dict[str, Path]:
        """Folders of the packs, named by all that their contents depend on."""
        same = [FORMAT, self.fingerprint(), self.size[1] / self.size[0]]
        keys = {"train": _digest([*same, *reach_of(self.augment)]), "val": _digest(same)}
        return {split: folder_of(place, f"mpii-{split}-{key}") for split, key in keys.items()}

    def _pack(
        self, people: People, heads: Heads | None, folder: Path, augment: Augment, write: Write
    ) -> None:
        aspect = self.size[1] / self.size[0]
        bodies = crop.whole_bodies(_squares(people), aspect, PADDING)
        options = crop.placements(bodies, people.points, people.labelled, _UPPER, aspect)
        arrays = {"id": people.id, "options": options, "points": people.points, "labelled": people.labelled}
        if heads is not None:
            arrays |= {
                "truth": heads.points,
                "counted": heads.counted,
                "head": pck_mpjpe.head_sizes(heads.boxes),
            }
        counts = {
            "pictures": len(np.unique(people.picture)),
            "samples": len(people.id),
            "left_out": dict(people.left_out),
        }
        pictures, reach = samples.picture_files(people), crop.reach(options, augment)
        write(folder, pictures, people.picture, reach, arrays, {"counts": counts})


@dataclass(frozen=True)
class MpiiData:
    """An open data set, as `datasets.contract.Data`."""

    train: PoseSplit
    val: PoseSplit
    flip_pairs: Pairs

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """MPII's evaluation, in percent, over all joints but pelvis and thorax.

        `PCKh@0.1` is at 0.10 of the head size; `PCKh@0.11` is what much of the code in use computes under
        that name, a row further in its table. `AUC` is the area under the PCKh curve from 0 to 0.5 by
        trapezoids, `AUC mean` the mean of its 51 points.

        Raises:
            ValueError: an id is unknown, missing or repeated, a shape is wrong, or a number is not finite.
        """
        mu = ordered(predictions, self.val.ids, len(JOINTS), 2)
        arrays = self.val.pack.arrays
        counted = arrays["counted"].copy()
        counted[:, UNCOUNTED] = False
        errors = pck_mpjpe.head_errors(self.val.to_picture(mu), arrays["truth"], arrays["head"])
        curve = pck_mpjpe.pckh_curve(errors, counted, pck_mpjpe.AUC_THRESHOLDS)
        return {
            "PCKh@0.5": pck_mpjpe.pckh(errors, counted, 0.5),
            "PCKh@0.1": pck_mpjpe.pckh(errors, counted, 0.1),
            "PCKh@0.11": pck_mpjpe.pckh(errors, counted, 0.11),
            "AUC": pck_mpjpe.trapezoid_auc(curve),
            "AUC mean": pck_mpjpe.mean_auc(curve),
        }


def _read(
    folder: Path, form: Format, skip_broken: bool, lost: tuple[str, ...]
) -> tuple[Benchmark, tuple[str, ...]]:
    """The set, and the names of pictures and records that were skipped."""
    if not skip_broken:
        return annotation_files.read(folder, form), ()
    found, broken = annotation_files.sift_placed(folder, form, lost)
    samples.check_not_empty(found)
    return found, (*lost, *(f"{Path(one.file).name} {one.record}" for one in broken))


def _generated(people: MpiiPeople, place: DataPaths, progress: Progress | None) -> Benchmark:
    root = place.cache.absolute() / f"mpii-{people.fingerprint()}"
    write(people, root, progress=progress)
    return annotation_files.read(root, "list")


def _squares(people: People) -> Floats:
    """Corners (N, 4) of what is cropped, before padding."""
    centre = people.centre + [0, 1] * (LOWERED * people.scale)[:, None]
    half = (HEIGHT / 2 * people.scale)[:, None]
    return np.hstack([centre - half, centre + half])


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
