"""Experiments on the user's own data: what lies in the folder that was named, in place of generated data."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.human36m.config import Human36MFolder, Human36MPose
from datasets.io.image import Check, check_pictures
from datasets.mpii.config import MpiiFolder, MpiiPose
from datasets.retina.config import DmeFolder, RetinaBoundaries
from datasets.synthetic.people.people import People
from datasets.synthetic.people.write_human36m import Human36MPeople
from datasets.synthetic.people.write_mpii import MpiiPeople
from datasets.synthetic.retinas.retinas import Retinas
from orchestrator.config.experiment import DataConfig, Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.config.vary import vary

BENCHMARKS = {
    "coco": "COCO keypoints",
    "mpii": "MPII",
    "human36m": "Human3.6M",
    "retina": "the DME set",
}
GENERATED = {
    "coco": "generated people in COCO's format",
    "mpii": "generated people in MPII's format",
    "human36m": "generated people in Human3.6M's format",
    "retina": "generated B-scans in the DME set's format",
}


@dataclass(frozen=True)
class Binding:
    """Where the user's data lie. Without a root everything stays as the experiment has it.

    Each set is looked at once, when the first experiment asks for it.
    """

    root: Path | None = None
    detections: Path | None = None  # of COCO's validation pictures
    skip_broken: bool = False  # go on without records and pictures that are broken
    check: Check = check_pictures  # finds the broken pictures

    def bound(self, experiment: Experiment) -> Experiment:
        """The experiment, and what it starts from, on the user's data.

        Raises:
            DataError: the root does not hold such data, or a file of it is wrong.
        """
        if self.root is None:
            return experiment
        start = None if experiment.start is None else self.bound(experiment.start)
        data = self._bound(experiment.data)
        return vary(experiment, data=data, start=start, schedule=_schedule(experiment, data))

    def words(self, data: DataConfig) -> str:
        """What a table was measured on."""
        if self.root is None:
            generated = isinstance(data.source, People | MpiiPeople | Human36MPeople | Retinas)
            return (GENERATED if generated else BENCHMARKS)[data.name]
        if isinstance(data, MpiiPose) and not data.official:
            return f"{self.root.name} (split by picture under a fixed hash: not the paper's split)"
        return self.root.name

    def _bound(self, data: DataConfig) -> DataConfig:
        match data:
            case CocoKeypoints():
                return vary(data, source=self._coco)
            case MpiiPose():
                return vary(data, source=self._mpii)
            case Human36MPose():
                mix = None if data.mix is None else vary(data.mix, source=self._mpii)
                return vary(data, source=self._human36m, mix=mix)
            case RetinaBoundaries():
                return _on_dme(data, self._dme)

    @cached_property
    def _coco(self) -> CocoFolder:
        return CocoFolder.bind(self._place, self.detections, skip_broken=self.skip_broken, check=self.check)

    @cached_property
    def _mpii(self) -> MpiiFolder:
        return MpiiFolder.bind(self._place, skip_broken=self.skip_broken, check=self.check)

    @cached_property
    def _human36m(self) -> Human36MFolder:
        return Human36MFolder.bind(self._place, skip_broken=self.skip_broken, check=self.check)

    @cached_property
    def _dme(self) -> DmeFolder:
        return DmeFolder.bind(self._place, skip_broken=self.skip_broken)

    @property
    def _place(self) -> Path:
        assert self.root is not None
        return self.root


def _on_dme(data: RetinaBoundaries, source: DmeFolder) -> RetinaBoundaries:
    """Crop and subjects of generated scans are theirs alone; the real ones have the benchmark's."""
    if isinstance(data.source, DmeFolder):
        return vary(data, source=source)
    return RetinaBoundaries(source=source, grader=data.grader, points_of=data.points_of, augment=data.augment)


def _schedule(experiment: Experiment, data: DataConfig) -> Schedule:
    """The experiment's, with more epochs where it was made for generated people and the set is smaller.

    As many samples are seen as of those; otherwise a small set would end before anything is learned.
    """
    schedule, generated = experiment.schedule, experiment.data.source
    if not isinstance(generated, People) or not isinstance(data.source, CocoFolder):
        return schedule
    if not data.source.train_samples:
        return schedule
    times = max(1, round(generated.train / data.source.train_samples))
    return vary(schedule, epochs=schedule.epochs * times, evaluate_every=schedule.evaluate_every * times)
