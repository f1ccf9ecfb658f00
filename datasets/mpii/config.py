"""MPII's single-person benchmark, from its files or from generated people."""

from typing import Annotated, Literal

from pydantic import Field

from datasets.base.annotated import AnnotatedSet
from datasets.base.pose_data import PoseData
from datasets.config import Side
from datasets.contract import DataPaths
from datasets.crops.crop import Augment
from datasets.crops.pack import Progress
from datasets.mpii.annotation_files import read
from datasets.mpii.dataset import MpiiData
from datasets.mpii.folder import MpiiFolder
from datasets.mpii.samples import JOINTS, People
from datasets.skeleton import LEGS_AND_ARMS
from datasets.synthetic.people.write_mpii import MpiiPeople, write

__all__ = ["MpiiFolder", "MpiiPose"]

PADDING = 1.25
"""Of a crop's side, in heights of the person (Xiao et al., "Simple baselines", lib/dataset/mpii.py)."""


class MpiiPose(PoseData):
    """People cropped by their annotated centre and scale, scored by PCKh (supplement, section B)."""

    name = "mpii"
    benchmark = "MPII"
    stand_in = "generated people in MPII's format"
    headline = "PCKh@0.5"
    folder = MpiiFolder
    chains = (*LEGS_AND_ARMS, ("pelvis", "thorax", "neck", "head_top"))

    kind: Literal["mpii"] = "mpii"
    source: Annotated[MpiiPeople | MpiiFolder, Field(discriminator="kind")]
    size: tuple[Side, Side] = (256, 256)
    augment: Augment = Augment()

    @property
    def names(self) -> tuple[str, ...]:
        """(K,) of the joints."""
        return JOINTS

    @property
    def upper(self) -> tuple[bool, ...]:
        """(K,) from the thorax upwards."""
        return tuple(index > JOINTS.index("pelvis") for index in range(len(JOINTS)))

    @property
    def box_padding(self) -> float:
        """How much larger than the person's height a crop is."""
        return PADDING

    @property
    def caveat(self) -> str:
        """The original `.mat` has no split: it is split by a hash."""
        published = self.source.generated or getattr(self.source, "format", None) == "list"
        return "" if published else "split by picture under a fixed hash: not the paper's split"

    def open(self, place: DataPaths, seed: int) -> MpiiData:
        """As `DataSet.open`."""
        return MpiiData(*self._splits(place, seed), self.flip_pairs)

    def _generate(self, place: DataPaths, progress: Progress | None) -> AnnotatedSet[People]:
        assert isinstance(self.source, MpiiPeople)
        root = self._generated_folder(place, "mpii")
        write(self.source, root, progress=progress)
        return read(root, "list")
