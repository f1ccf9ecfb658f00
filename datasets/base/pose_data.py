"""Data sets of people: read, packed once, and opened as crops.

Shapes: N people, P keypoints, D coordinates, J joints that the benchmark scores.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from datasets.base.annotated import AnnotatedSet, AnnotatedSplit
from datasets.base.annotated_folder import AnnotatedFolder
from datasets.base.data_set import NOTHING_READ, Contents, DataSet
from datasets.config import digest
from datasets.contract import DataPaths, Pairs, Split
from datasets.counts import Counts, Report
from datasets.crops import cached_crops, crop
from datasets.crops.crop import STILL, Augment
from datasets.crops.pack import FORMAT, Progress, open_pack
from datasets.crops.pack_writing import Write, folder_of, pictures_of, writer
from datasets.crops.pose_split import PoseSplit, reach_of
from datasets.crops.prepared_pictures import check_unchanged
from datasets.keypoints import upper_body
from datasets.sides import flip_pairs
from datasets.skeleton import Chains, Skeleton, limbs, sides

Floats = NDArray[np.float64]


class Depth(NamedTuple):
    """What the third coordinate of a point means: z = (depth - depth of the root) / unit."""

    unit: float  # mm
    root: int  # the point that depths count from


class Bodies(NamedTuple):
    """Skeletons in 3-D, (N, K, 3) mm from the pelvis in the camera's frame: x right, y down, z away."""

    predicted: Floats
    truth: Floats


class OpenPoses(Protocol):
    """An open set of people, as probes and galleries use it. It is a `datasets.contract.Data` too."""

    error_unit: ClassVar[str]

    @property
    def train(self) -> Split: ...

    @property
    def val(self) -> PoseSplit: ...

    @property
    def flip_pairs(self) -> Pairs | None: ...

    def errors(self, mu: Floats) -> Floats:
        """(N, J) in `error_unit`, NaN where none is counted, of `mu` (N, P, D) in the order of `val`."""
        ...

    def bodies(self, mu: Floats) -> Bodies | None:
        """Predictions and truth in 3-D; None for a set in 2-D."""
        ...

    def kinds(self) -> Mapping[str, NDArray[np.bool_]]:
        """Who of the validation set is of which kind (N,), by annotations alone. The first kind counts."""
        ...


class PoseData(DataSet):
    """The configuration of a set of people."""

    chains: ClassVar[Chains] = ()
    """Keypoints that a drawing joins, by name."""

    augment: Augment = Augment()

    @property
    def names(self) -> tuple[str, ...]:
        """(P,) of the keypoints."""
        raise NotImplementedError

    @property
    def upper(self) -> tuple[bool, ...]:
        """(P,) which keypoints are cropped together as the upper half of a body."""
        return upper_body(self.names)

    @property
    def box_padding(self) -> float:
        """How much larger than a box the crop around it is."""
        raise NotImplementedError

    @property
    def points(self) -> int:
        """Keypoints of a person."""
        return len(self.names)

    @property
    def dim(self) -> int:
        """Coordinates of a keypoint."""
        return 2

    @property
    def depth(self) -> Depth | None:
        """Of models that predict it."""
        return None

    @property
    def flip_pairs(self) -> Pairs | None:
        """Left and right partners; None where a sided keypoint has none, and nothing is ever mirrored."""
        return flip_pairs(self.names)

    @property
    def skeleton(self) -> Skeleton:
        """What to draw."""
        return Skeleton(self.names, limbs(self.names, self.chains), sides(self.names, self.flip_pairs or ()))

    def distinct_people(self, points: Floats, scores: Floats, areas: Floats) -> NDArray[np.int64]:
        """Rows that are left, in order, when of several detections of one person only the best is kept.

        Everybody, where it is not known which distances are small.

        Args:
            points: (N, P, 2) pixels of one picture; scores: (N,) of the people; areas: (N,) of the crops.
        """
        return np.arange(len(points))

    def prepare(
        self, place: DataPaths, progress: Progress | None = None, contents: Contents = NOTHING_READ
    ) -> Report:
        """As `DataSet.prepare`."""
        packs = self._packs(place)
        there = {split: pack.exists() for split, pack in packs.items()}
        found: AnnotatedSet[AnnotatedSplit] | None = self._contents(place, contents)
        for split, pack in packs.items():
            if there[split] and found is not None:
                check_unchanged(pack, pictures_of(place))
        if not all(there.values()):
            found = found or self._generate(place, progress)
            write = writer(place, progress)
            self._write(found.train, packs["train"], self.augment, write)
            self._write(found.val, packs["val"], STILL, write)
        cached_crops.cut(packs["train"], self.size, self.augment)
        return Report(*(Counts(**open_pack(pack).about["counts"]) for pack in packs.values()))

    def _generate(self, place: DataPaths, progress: Progress | None) -> AnnotatedSet[AnnotatedSplit]:
        """Generated people, written unless they are there, and read."""
        raise NotImplementedError

    def _splits(self, place: DataPaths, seed: int) -> tuple[PoseSplit, PoseSplit]:
        """For training and for validation.

        Raises:
            NotPreparedError: there are no packs at this place.
        """
        packs, pairs = self._packs(place), self.flip_pairs
        for pack in packs.values():
            open_pack(pack)
        augment = self.augment if pairs is not None else self.augment.model_copy(update={"flip": 0.0})
        return (
            PoseSplit(packs["train"], self.size, augment, pairs or (), seed),
            PoseSplit(packs["val"], self.size, STILL, (), seed),
        )

    @property
    def _aspect(self) -> float:
        return self.size[1] / self.size[0]

    def _packs(self, place: DataPaths) -> dict[str, Path]:
        """Folders of the packs, named by all that their contents depend on."""
        same = [FORMAT, self.source.fingerprint(), self._aspect]
        keys = {"train": digest([*same, *reach_of(self.augment)]), "val": digest(same)}
        return {split: folder_of(place, f"{self.name}-{split}-{key}") for split, key in keys.items()}

    def _write(self, split: AnnotatedSplit, pack: Path, augment: Augment, write: Write) -> None:
        people = split.pose_samples()
        pictures = people.pictures
        if isinstance(self.source, AnnotatedFolder) and self.source.as_stored:
            pictures = [picture._replace(as_stored=True) for picture in pictures]
        bodies = crop.whole_bodies(people.corners, self._aspect, self.box_padding)
        options = crop.placements(bodies, people.points, people.labelled, self.upper, self._aspect)
        arrays = {"id": people.id, "options": options, "points": people.points, "labelled": people.labelled}
        counts = {
            "pictures": len(np.unique(people.picture)),
            "samples": len(people.id),
            "left_out": dict(split.left_out),
        }
        reach = crop.reach(options, augment)
        write(pack, pictures, people.picture, reach, {**arrays, **people.arrays}, {"counts": counts})


def as_poses(data: DataSet) -> PoseData | None:
    """The configuration of a set of people; None for other sets."""
    return data if isinstance(data, PoseData) else None
