"""Human3.6M's protocol 2, from its files or from generated people, alone or mixed with MPII."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from datasets.base.annotated import AnnotatedSet
from datasets.base.data_set import NOTHING_READ, Contents
from datasets.base.folder import DataRoot
from datasets.base.pose_data import Depth, PoseData
from datasets.config import Side, digest
from datasets.contract import DataPaths
from datasets.counts import Counts, Report
from datasets.crops.crop import Augment
from datasets.crops.pack import Progress
from datasets.human36m.annotation_files import read
from datasets.human36m.cameras import DEPTH, PELVIS, POINTS
from datasets.human36m.dataset import Human36MData, MixedSplit
from datasets.human36m.folder import Human36MFolder
from datasets.human36m.samples import Frames
from datasets.mpii.config import MpiiPose
from datasets.skeleton import LEGS_AND_ARMS
from datasets.synthetic.people.write_human36m import Human36MPeople, write

__all__ = ["Human36MFolder", "Human36MPose"]


class Human36MPose(PoseData):
    """3-D joints from one picture, scored by MPJPE (supplement, Table 3; main paper, section 4.2).

    A target is (u, v) in the crop and z = (depth - depth of the pelvis) / 2 m. Where MPII is mixed in, an
    epoch has as many MPII people again, drawn anew each time, whose joints have no depth (Sun et al.,
    "Integral human pose regression", ECCV 2018).
    """

    name = "human36m"
    benchmark = "Human3.6M"
    stand_in = "generated people in Human3.6M's format"
    headline = "MPJPE"
    folder = Human36MFolder
    chains = (*LEGS_AND_ARMS, ("pelvis", "torso", "thorax", "neck", "nose", "head"))

    kind: Literal["human36m"] = "human36m"
    source: Annotated[Human36MPeople | Human36MFolder, Field(discriminator="kind")]
    size: tuple[Side, Side] = (256, 256)
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
    def names(self) -> tuple[str, ...]:
        """(P,) of the joints that are regressed."""
        return POINTS

    @property
    def upper(self) -> tuple[bool, ...]:
        """(P,) from the torso upwards."""
        return tuple(index > POINTS.index("left_ankle") for index in range(len(POINTS)))

    @property
    def box_padding(self) -> float:
        """None: the boxes have a margin already."""
        return 1.0

    @property
    def dim(self) -> int:
        """Coordinates of a joint."""
        return 3

    @property
    def depth(self) -> Depth:
        """Of joints from the pelvis."""
        return Depth(DEPTH, PELVIS)

    def fingerprint(self) -> str:
        """Of the sources: which data these are, whatever is done with them."""
        own = self.source.fingerprint()
        return own if self.mix is None else digest([own, self.mix.fingerprint()])

    @property
    def assumed(self) -> tuple[str, ...]:
        """As `DataSet.assumed`, with what is mixed in."""
        return super().assumed + (() if self.mix is None else self.mix.assumed)

    def bind(self, root: DataRoot) -> Self:
        """As `DataSet.bind`, with what is mixed in."""
        return super().bind(root).varied(mix=None if self.mix is None else self.mix.bind(root))

    def prepare(
        self, place: DataPaths, progress: Progress | None = None, contents: Contents = NOTHING_READ
    ) -> Report:
        """As `DataSet.prepare`, with what is mixed in."""
        found = super().prepare(place, progress, contents)
        if self.mix is None:
            return found
        return Report(_with(found.train, self.mix.prepare(place, progress, contents).train), found.val)

    def open(self, place: DataPaths, seed: int) -> Human36MData:
        """As `DataSet.open`; the seed also decides which people of MPII are mixed in."""
        own, val = self._splits(place, seed)
        train = own if self.mix is None else MixedSplit(own, self.mix.open(place, seed).train)
        return Human36MData(own, train, val, self.flip_pairs)

    def _generate(self, place: DataPaths, progress: Progress | None) -> AnnotatedSet[Frames]:
        assert isinstance(self.source, Human36MPeople)
        root = self._generated_folder(place, "human36m")
        write(self.source, root, progress=progress)
        return read(root, "posenet")


def _with(own: Counts, mixed: Counts) -> Counts:
    """What there is to train on, both sets together."""
    left_out = {**own.left_out, **{f"of MPII {reason}": count for reason, count in mixed.left_out.items()}}
    return Counts(own.pictures + mixed.pictures, own.samples + mixed.samples, left_out)
