"""COCO's keypoint benchmark, and every data set in its format: files or generated people."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.base.annotated import AnnotatedSet, Floats
from datasets.base.data_set import DataSet
from datasets.base.pose_data import PoseData
from datasets.coco.dataset import NMS_THRESHOLD, CocoData
from datasets.coco.folder import CocoFolder
from datasets.coco.samples import SplitSamples, read
from datasets.config import Side, digest
from datasets.contract import DataPaths
from datasets.crops.crop import Augment
from datasets.crops.pack import FORMAT, Progress
from datasets.crops.pack_writing import folder_of
from datasets.crops.pose_split import reach_of
from datasets.keypoints import KEYPOINTS, USUAL_SIGMA, oks_sigmas
from datasets.metrics.oks import oks_nms
from datasets.skeleton import Skeleton, sides
from datasets.synthetic.people.people import People, write

__all__ = ["CocoFolder", "CocoKeypoints"]


COCO_PEOPLE, LEAST_PEOPLE = 149_813, 100_000
"""People in COCO 2017's training set, and how many a copy of it has at least."""


class CocoKeypoints(PoseData):
    """Keypoints of people in boxes, scored by OKS (supplement, Tables 1, 4, 7; main paper, section 4.1)."""

    name = "coco"
    benchmark = "COCO keypoints"
    stand_in = "generated people in COCO's format"
    headline = "AP"
    folder = CocoFolder

    kind: Literal["coco"] = "coco"
    source: Annotated[People | CocoFolder, Field(discriminator="kind")]
    size: tuple[Side, Side] = (256, 192)
    augment: Augment = Augment()
    padding: float = Field(default=1.25, gt=0, le=100)  # of the box at the crop's aspect ratio

    @property
    def called(self) -> str:
        """The name of the user's folder; `coco` for generated people and for the benchmark itself."""
        return self.source.title if isinstance(self.source, CocoFolder) and self.source.title else self.name

    @property
    def measured_on(self) -> str:
        """As `DataSet.measured_on`; a user's own set by its folder's name."""
        return super().measured_on if self.called == self.name else self.called

    @property
    def caveat(self) -> str:
        """What sets another set in COCO's format apart: keypoints, on which FLOPs depend, size, constants."""
        source = self.source
        if not isinstance(source, CocoFolder) or source.digest is None:
            return ""
        parts = [_unlike_coco(source)]
        if source.guessed_sigmas:
            parts.append(f"AP with an OKS constant of {USUAL_SIGMA} where none is known")
        return "; ".join(filter(None, parts))

    @property
    def names(self) -> tuple[str, ...]:
        """(K,) of the keypoints."""
        return self.source.keypoints

    @property
    def box_padding(self) -> float:
        """How much larger than a box the crop around it is."""
        return self.padding

    @property
    def skeleton(self) -> Skeleton:
        """What to draw. A file in COCO's format may name no limbs, and has none then."""
        limbs = tuple((a - 1, b - 1) for a, b in self.source.skeleton)
        return Skeleton(self.names, limbs, sides(self.names, self.flip_pairs or ()))

    @property
    def sigmas(self) -> tuple[float, ...]:
        """(K,) the constants of OKS."""
        source = self.source
        return source.oks_sigmas if isinstance(source, CocoFolder) else oks_sigmas(source.keypoints)

    @property
    def variant(self) -> str:
        """Half bodies, if generated people are cropped so: else they are cropped whole."""
        return "with half bodies" if self.source.generated and self.augment.half_body else ""

    def distinct_people(self, points: Floats, scores: Floats, areas: Floats) -> NDArray[np.int64]:
        """Who is left after OKS-NMS, as in COCO's evaluation; arguments as in `PoseData`."""
        return np.sort(oks_nms(points, scores, areas, np.array(self.sigmas), NMS_THRESHOLD))

    def epochs_for(self, before: DataSet) -> int:
        """More where the schedule was made for generated people and this set is smaller.

        As many samples are seen as of those; otherwise a small set would end before anything is learned.
        """
        if not isinstance(before.source, People) or not isinstance(self.source, CocoFolder):
            return 1
        samples = self.source.train_samples
        return max(1, round(before.source.train / samples)) if samples else 1

    def open(self, place: DataPaths, seed: int) -> CocoData:
        """As `DataSet.open`."""
        train, val = self._splits(place, seed)
        return CocoData(train, val, self.flip_pairs, self.sigmas)

    def _generate(self, place: DataPaths, progress: Progress | None) -> AnnotatedSet[SplitSamples]:
        assert isinstance(self.source, People)
        root = self._generated_folder(place, "people")
        write(self.source, root, progress=progress)
        return read(root)

    def _packs(self, place: DataPaths) -> dict[str, Path]:
        # Other names than other sets have: packs that exist keep theirs.
        *reach, half_body = reach_of(self.augment)
        same = [FORMAT, self.fingerprint(), self._aspect, self.padding]
        keys = {"train": digest([*same, [*reach, bool(half_body)]]), "val": digest(same)}
        return {split: folder_of(place, f"{split}-{key}") for split, key in keys.items()}


def _unlike_coco(source: CocoFolder) -> str:
    if source.keypoints != KEYPOINTS and len(source.keypoints) == len(KEYPOINTS):
        return "other keypoints than COCO's"
    if source.keypoints != KEYPOINTS:
        return f"{len(source.keypoints)} keypoints, not COCO's {len(KEYPOINTS)}; FLOPs grow with their number"
    people = source.train_samples
    few = people is not None and people < LEAST_PEOPLE
    return f"{people} people for training, COCO has {COCO_PEOPLE:,}" if few else ""
