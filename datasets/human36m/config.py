"""Human3.6M's protocol 2, from its files or from generated people, alone or mixed with MPII.

`Human36MPose.prepare` reads, checks and decodes once; `open` maps what that left.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, model_validator

from datasets.config import Frozen
from datasets.contract import DataPaths, Pairs
from datasets.counts import Counts, Report
from datasets.crops import cached_crops, crop
from datasets.crops.crop import STILL, Augment
from datasets.crops.pack import FORMAT, Progress, Write, folder_of, open_pack, writer
from datasets.crops.pose_split import PoseSplit, reach_of
from datasets.human36m import annotation_files, samples
from datasets.human36m.annotation_files import Layout
from datasets.human36m.cameras import JOINTS, PELVIS
from datasets.human36m.dataset import DEPTH, Human36MData, MixedSplit
from datasets.human36m.samples import Benchmark, Frames
from datasets.io.errors import DataError
from datasets.io.image import Check, Survey, broken_among, check_pictures
from datasets.io.locate import home
from datasets.io.problems import distinct, refuse
from datasets.keypoints import flip_pairs
from datasets.mpii.config import MpiiPose
from datasets.synthetic.people.write_human36m import Human36MPeople, write

Floats = NDArray[np.float64]

POINTS = (*JOINTS, "thorax")
"""What is regressed: the benchmark's 17 joints, and the middle of the shoulders, which MPII labels too."""

_SHOULDERS = (JOINTS.index("left_shoulder"), JOINTS.index("right_shoulder"))
_UPPER = tuple(index > POINTS.index("left_ankle") for index in range(len(POINTS)))
_PADDING = 1.0  # the boxes have a margin already


class Human36MFolder(Frozen):
    """Human3.6M on somebody's disk, known by what is in it and not by where it is.

    Without a digest it stands for a set that isn't at hand, such as Human3.6M itself in a dry run.
    """

    kind: Literal["folder"] = "folder"
    digest: str | None = None  # of annotations, and names and sizes of pictures
    layout: Layout = "posenet"  # the PoseNet release's files, or the authors' samples of protocol 2

    # Whether broken records are left out, and which pictures are too: the digest has both.
    skip_broken: bool = Field(default=False, json_schema_extra={"neutral": True})
    broken_pictures: tuple[str, ...] = Field(default=(), json_schema_extra={"neutral": True})

    @classmethod
    def bind(
        cls, root: Path, *, skip_broken: bool = False, check: Check = check_pictures
    ) -> "Human36MFolder":
        """Describe the set in `root`, `root/h36m` or `root/Human36M`: `annotations/` and `images/`.

        Args:
            skip_broken: go on without broken records and pictures; every picture is decoded to find them.
                Where there are none, the result is the same.
            check: finds broken pictures.

        Raises:
            DataError: files, records or pictures are missing or wrong.
        """
        folder = _home(root)
        layout = annotation_files.find_layout(folder)
        lost: tuple[str, ...] = ()
        if skip_broken:
            lost = broken_among(folder, annotation_files.survey(folder, layout).pictures, check)
        found, skipped = _read(folder, layout, skip_broken, lost)
        digest = samples.digest(found, skipped)
        return cls(digest=digest, layout=layout, skip_broken=bool(skipped), broken_pictures=lost)

    @staticmethod
    def survey(root: Path) -> Survey:
        """All that is broken in the set's annotations, and the pictures that are used.

        Raises:
            DataError: a file is missing or is something else.
        """
        folder = _home(root)
        return annotation_files.survey(folder, annotation_files.find_layout(folder))

    def fingerprint(self) -> str:
        """16 hex digits over what samples and metrics depend on."""
        return _digest(["human36m", self.digest, self.layout])

    def read(self, root: Path | None) -> Benchmark:
        """Read the set again, where it lies on this machine.

        Raises:
            DataError: there is no root, the set is not bound, a record is wrong, or the files have changed.
        """
        if root is None or self.digest is None:
            raise DataError(
                root or "the data's folder",
                "the experiment is not bound to Human3.6M's files",
                remedy="Name the folder with --data-root, or bind it with Human36MFolder.bind",
            )
        folder = _home(root)
        found, skipped = _read(folder, self.layout, self.skip_broken, self.broken_pictures)
        if (now := samples.digest(found, skipped)) != self.digest:
            raise DataError(
                folder,
                f"the files are not those of the experiment (digest {now}, not {self.digest})",
                remedy="Restore them, or start anew with the set as it is now",
            )
        return found


class Human36MPose(Frozen):
    """3-D joints from one picture, scored by MPJPE (supplement, Table 3; main paper, section 4.2).

    A target is (u, v) in the crop and z = (depth - depth of the pelvis) / 2 m. Where MPII is mixed in, an
    epoch has as many MPII people again, drawn anew each time, whose joints have no depth (Sun et al.,
    "Integral human pose regression", ECCV 2018).
    """

    kind: Literal["human36m"] = "human36m"
    source: Annotated[Human36MPeople | Human36MFolder, Field(discriminator="kind")]
    size: tuple[PositiveInt, PositiveInt] = (256, 256)  # of the crop, (H, W)
    # The authors draw scale and angle from normal distributions, cut off at 1 ± 0.3 and at ± 60 degrees; here
    # they are uniform, the angle with the same spread. Their colour jitter and noise patches are left out.
    augment: Augment = Augment(scale=(0.7, 1.3), rotation=50, rotation_probability=0.6, half_body=0)
    mix: MpiiPose | None = None

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if self.mix is not None and self.mix.size != self.size:
            raise ValueError(f"mix has crops of {self.mix.size}, and not of {self.size}")
        return self

    @property
    def points(self) -> int:
        """Joints of a person."""
        return len(POINTS)

    @property
    def dim(self) -> int:
        """Coordinates of a joint."""
        return 3

    @property
    def name(self) -> str:
        """Of the benchmark."""
        return "human36m"

    @property
    def flip_pairs(self) -> Pairs:
        """Left and right partners."""
        return flip_pairs(POINTS) or ()

    def fingerprint(self) -> str:
        """Of the sources: which data these are, whatever is done with them."""
        own = self.source.fingerprint()
        return own if self.mix is None else _digest([own, self.mix.fingerprint()])

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
        if isinstance(self.source, Human36MFolder):
            found = self.source.read(place.root)
        elif not known:
            found = _generated(self.source, place, progress)
        if not known:
            write = writer(place, progress)
            self._pack(found.train, folders["train"], self.augment, write)
            self._pack(found.val, folders["val"], STILL, write)
        cached_crops.cut(folders["train"], self.size, self.augment)
        train, val = (Counts(**open_pack(folder).about["counts"]) for folder in folders.values())
        if self.mix is None:
            return Report(train, val)
        mixed = self.mix.prepare(place, progress).train
        return Report(_with(train, mixed), val)

    def open(self, place: DataPaths, seed: int) -> Human36MData:
        """The prepared data; cheap.

        Args:
            seed: of the augmentation, and of which people of MPII are mixed in.

        Raises:
            DataError: `prepare` has not been run at this place.
        """
        folders = self._packs(place)
        for folder in folders.values():
            open_pack(folder)
        own = PoseSplit(folders["train"], self.size, self.augment, self.flip_pairs, seed)
        return Human36MData(
            own=own,
            train=own if self.mix is None else MixedSplit(own, self.mix.open(place, seed).train),
            val=PoseSplit(folders["val"], self.size, STILL, (), seed),
            flip_pairs=self.flip_pairs,
        )

    def _packs(self, place: DataPaths) -> dict[str, Path]:
        """Folders of the packs, named by all that their contents depend on."""
        same = [FORMAT, self.source.fingerprint(), self.size[1] / self.size[0]]
        keys = {"train": _digest([*same, *reach_of(self.augment)]), "val": _digest(same)}
        return {split: folder_of(place, f"human36m-{split}-{key}") for split, key in keys.items()}

    def _pack(self, frames: Frames, folder: Path, augment: Augment, write: Write) -> None:
        aspect = self.size[1] / self.size[0]
        world = np.concatenate([frames.world, frames.world[:, _SHOULDERS].mean(1, keepdims=True)], axis=1)
        joints = frames.cameras.view(world)
        points = frames.cameras.image(joints)
        bodies = crop.whole_bodies(frames.corners, aspect, _PADDING)
        labelled = np.ones(points.shape[:2], bool)
        options = crop.placements(bodies, points, labelled, _UPPER, aspect)
        arrays = {
            "id": frames.id,
            "options": options,
            "points": points,
            "labelled": labelled,
            "depth": (joints[..., 2] - joints[:, PELVIS, None, 2]) / DEPTH,
            "joints": joints,
            **{f"camera_{name}": values for name, values in vars(frames.cameras).items()},
        }
        N = len(frames.id)
        counts = {"pictures": N, "samples": N, "left_out": dict(frames.left_out)}
        reach = crop.reach(options, augment)
        write(folder, frames.pictures, np.arange(N), reach, arrays, {"counts": counts})


def _with(own: Counts, mixed: Counts) -> Counts:
    """What there is to train on, both sets together."""
    left_out = {**own.left_out, **{f"of MPII {reason}": count for reason, count in mixed.left_out.items()}}
    return Counts(own.pictures + mixed.pictures, own.samples + mixed.samples, left_out)


def _read(
    folder: Path, layout: Layout, skip_broken: bool, lost: tuple[str, ...]
) -> tuple[Benchmark, tuple[str, ...]]:
    """The set, and the names of pictures and records that were skipped."""
    found, broken = annotation_files.sift_set(folder, layout, lost)
    if not skip_broken:
        refuse(broken)
    samples.check_not_empty(found)
    return found, (*lost, *(f"{Path(one.file).name} {one.record}" for one in distinct(broken)))


def _generated(people: Human36MPeople, place: DataPaths, progress: Progress | None) -> Benchmark:
    root = place.cache.absolute() / f"human36m-{people.fingerprint()}"
    write(people, root, progress=progress)
    return annotation_files.read(root, "posenet")


def _home(root: Path) -> Path:
    return home(root, "h36m", "Human36M")


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
