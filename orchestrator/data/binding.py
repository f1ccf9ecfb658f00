"""Experiments on the user's own data: what lies in the folder that was named, in place of generated data."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from datasets.base.data_set import NOTHING_READ, Contents
from datasets.base.folder import DataRoot, Folder
from datasets.coco.sigmas import read_sigmas
from datasets.io.errors import DataError
from datasets.io.orientation import Convention
from datasets.io.survey import Check, check_here
from datasets.union import DataConfig
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.config.small_sets import fitted
from orchestrator.config.vary import vary


@dataclass(frozen=True)
class Binding:
    """Where the user's data lie. Without a root everything stays as the experiment has it.

    Each set is read once, when the first experiment asks for it.
    """

    root: Path | None = None
    detections: Path | None = None  # of COCO's validation pictures
    sigmas: Path | None = None  # a file of OKS constants by keypoint
    skip_broken: bool = False  # go on without records and pictures that are broken
    check: Check = check_here  # finds the broken pictures
    exif: Convention | None = None  # as in `DataRoot`
    allow_outside: bool = False

    def bound(self, experiment: Experiment) -> Experiment:
        """The experiment, and what it starts from, on the user's data, in batches that these fill.

        Raises:
            DataError: the root does not hold such data, or a file of it is wrong.
        """
        if self.data_root is None:
            return experiment
        start = None if experiment.start is None else self.bound(experiment.start)
        data = experiment.data.bind(self.data_root)
        _check_same(experiment.data, data, self.data_root.path)
        schedule = _schedule(experiment.schedule, data.epochs_for(experiment.data))
        schedule = fitted(schedule, data.train_samples)
        return vary(experiment, data=data, start=start, schedule=schedule)

    def words(self, data: DataConfig) -> str:
        """What a table was measured on."""
        if self.root is None:
            return data.measured_on
        return f"{self.root.name} ({data.caveat})" if data.caveat else self.root.name

    @property
    def contents(self) -> Contents:
        """What was read of the sets that are bound, so that preparing them need not read it again."""
        return NOTHING_READ if self.data_root is None else self.data_root.contents

    @cached_property
    def data_root(self) -> DataRoot | None:
        """What reads the files, each once; None for generated data."""
        if self.root is None:
            return None
        sigmas = None if self.sigmas is None else read_sigmas(self.sigmas)
        return DataRoot(
            self.root,
            self.detections,
            sigmas,
            skip_broken=self.skip_broken,
            check=self.check,
            exif=self.exif,
            allow_outside=self.allow_outside,
        )


def _check_same(before: DataConfig, found: DataConfig, root: Path) -> None:
    """Raises DataError where an experiment was bound before, as in a file, to other data than these."""
    bound = isinstance(before.source, Folder) and before.source.digest is not None
    if bound and before.fingerprint() != found.fingerprint():
        raise DataError(
            root,
            f"the files are not those of the experiment ({found.fingerprint()}, not {before.fingerprint()})",
            remedy="Restore them, or set the digest of the experiment's source to null to run it on these",
            code="files-changed",
        )


def _schedule(schedule: Schedule, times: int) -> Schedule:
    return vary(schedule, epochs=schedule.epochs * times, evaluate_every=schedule.evaluate_every * times)
