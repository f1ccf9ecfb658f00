"""Retinal boundaries in OCT: the DME set of Chiu et al. (2015), or generated retinas in its files.

The preprocessing and the split are those of He et al. (MICCAI 2019), on whose network the paper's Table 8
stands: scans flattened to Bruch's membrane, cropped to 224 × 768, and whole subjects held out.

Shapes: N scans, H W pixels of a crop, K = 8 boundaries, P points, D coordinates of a point.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from datasets.base.data_set import NOTHING_READ, Contents, DataSet
from datasets.base.folder import DataRoot
from datasets.config import Side, digest
from datasets.contract import DataPaths, Predictions, PredictionsError
from datasets.crops.pack import Progress
from datasets.io.errors import DataError
from datasets.io.problems import parse_each, raise_if_any
from datasets.retina.dataset import STILL, ScanAugment, ScanSplit, as_rows, within
from datasets.retina.folder import DmeFolder
from datasets.retina.metrics import boundary_errors
from datasets.retina.samples import FORMAT, Scans, flattened, open_scans, save_scans
from datasets.retina.scan_files import BOUNDARIES, Grader, LabelledScans, Rows, Subject, read_subject
from datasets.synthetic.retinas.retinas import Retinas, write

__all__ = ["DmeFolder", "RetinaBoundaries", "RetinaData"]


class RetinaBoundaries(DataSet):
    """Eight boundaries in every column of a B-scan.

    Fields:
        size: H, W of a crop; W is the width of the scans.
        train_subjects, test_subjects: He et al. train on the last 55 B-scans and test on the first 55.
        grader: the grader whose labels are the ground truth.
        points_of: what a flow is over. The paper does not say how a RealNVP, which splits its coordinates,
            meets a boundary's single row. "columns": the 8 rows of a column are one point of 8 coordinates;
            "pairs": neighbours (1, 2), (3, 4), (5, 6), (7, 8) are points of two.
    """

    name = "retina"
    benchmark = "the DME set"
    stand_in = "generated B-scans in the DME set's format"
    headline = "MAE um"
    folder = DmeFolder

    kind: Literal["retina"] = "retina"
    source: Annotated[Retinas | DmeFolder, Field(discriminator="kind")] = DmeFolder()
    size: tuple[Side, Side] = (224, 768)
    train_subjects: tuple[Subject, ...] = Field(default=(6, 7, 8, 9, 10), min_length=1, max_length=99)
    test_subjects: tuple[Subject, ...] = Field(default=(1, 2, 3, 4, 5), min_length=1, max_length=99)
    grader: Grader = 1
    points_of: Literal["columns", "pairs"] = "columns"
    augment: ScanAugment = ScanAugment()

    @model_validator(mode="after")
    def _each_subject_once(self) -> Self:
        subjects = self.train_subjects + self.test_subjects
        if len(set(subjects)) != len(subjects):
            raise ValueError(f"a subject appears twice in train_subjects and test_subjects: {subjects}")
        if isinstance(self.source, Retinas) and max(subjects) > self.source.subjects:
            raise ValueError(f"there are {self.source.subjects} generated subjects, not {max(subjects)}")
        if isinstance(self.source, Retinas) and self.size[1] != self.source.width:
            raise ValueError(f"size is {self.size[1]} columns wide, the scans are {self.source.width}")
        return self

    @property
    def dim(self) -> int:
        """D: 8, or 2 for pairs."""
        return len(BOUNDARIES) if self.points_of == "columns" else 2

    @property
    def points(self) -> int:
        """P: a point for each column, or four."""
        return self.size[1] * len(BOUNDARIES) // self.dim

    @property
    def variant(self) -> str:
        """Pairs of boundaries, where these are the points."""
        return "in pairs" if self.points_of == "pairs" else ""

    def fingerprint(self) -> str:
        """16 hex digits over what is prepared and measured: scans, grader, subjects, crop."""
        subjects = [self.train_subjects, self.test_subjects]
        return digest([FORMAT, self.source.fingerprint(), *subjects, self.grader, self.size])

    def bind(self, root: DataRoot) -> Self:
        """As `DataSet.bind`. Files have the benchmark's crop and subjects, not those of generated scans."""
        source = root.bind(DmeFolder)
        if not self.source.generated:
            return self.varied(source=source)
        return type(self)(source=source, grader=self.grader, points_of=self.points_of, augment=self.augment)

    def prepare(
        self, place: DataPaths, progress: Progress | None = None, contents: Contents = NOTHING_READ
    ) -> "Report":
        """As `DataSet.prepare`: generate retinas if need be, read, check, flatten."""
        prepared, folder = self._prepared(place), self._contents(place, contents)
        if not prepared.exists():
            found = self._read(folder or self._generate(place, progress), progress)
            save_scans(flattened(found, self.size, self.source.row_um), prepared)
        return _report(self, open_scans(prepared))

    def open(self, place: DataPaths, seed: int) -> "RetinaData":
        """As `DataSet.open`."""
        folder = self._prepared(place)
        open_scans(folder)
        return RetinaData(
            self,
            ScanSplit(folder, self.train_subjects, self.dim, self.augment, seed),
            ScanSplit(folder, self.test_subjects, self.dim, STILL, seed),
        )

    def _generate(self, place: DataPaths, progress: Progress | None) -> Path:
        assert isinstance(self.source, Retinas)
        root = self._generated_folder(place, "retinas")
        write(self.source, root, progress)
        return root

    def _usable(self, subjects: tuple[int, ...]) -> tuple[int, ...]:
        """Those that are not left out as broken.

        Raises:
            DataError: there are none.
        """
        broken = getattr(self.source, "broken_subjects", ())
        if left := tuple(subject for subject in subjects if subject not in broken):
            return left
        problem = f"subjects {subjects} are all broken"
        raise DataError("the DME set", problem, remedy="Get the files again", code="empty-split")

    def _prepared(self, place: DataPaths) -> Path:
        return place.cache.absolute() / "packs" / f"scans-{self.fingerprint()}"

    def _read(self, folder: Path, progress: Progress | None) -> list[LabelledScans]:
        subjects = self._usable(self.train_subjects) + self._usable(self.test_subjects)
        done = 0

        def read(subject: int) -> LabelledScans:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, len(subjects))
            return read_subject(folder, subject, self.grader)

        found, broken = parse_each(read, subjects)
        raise_if_any(broken)
        return found


@dataclass(frozen=True)
class RetinaData:
    """Opened: samples of both splits, and the benchmark's metrics of the test split."""

    config: RetinaBoundaries
    train: ScanSplit
    val: ScanSplit

    @property
    def flip_pairs(self) -> None:
        """None: the benchmark has no flip test."""

    def rows(self, predictions: Predictions) -> Rows:
        """(N, K, W) predicted rows of the crops, in the order of the predictions.

        Raises:
            PredictionsError: a shape is wrong.
        """
        expected = (len(predictions.id), self.config.points, self.config.dim)
        if predictions.mu.shape != expected:
            raise PredictionsError(f"expected predictions of shape {expected}, got {predictions.mu.shape}")
        return as_rows(predictions.mu, *self.config.size)

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """Mean absolute errors against every label, by two protocols: see `boundary_errors`.

        Raises:
            PredictionsError: an id is unknown, missing or repeated, a shape is wrong, or a row is not finite.
        """
        scans, ids = self.val.scans, self.val.ids
        if not np.array_equal(np.sort(predictions.id), np.sort(ids)):
            raise PredictionsError("the ids of the predictions are not those of the test scans, each once")
        place_of = dict(zip(ids.tolist(), self.val.places.tolist(), strict=True))
        places = [place_of[number] for number in predictions.id.tolist()]
        truth, baseline = scans.rows[places], scans.baseline[places]
        return boundary_errors(self.rows(predictions), truth, baseline, self.config.source.row_um)


@dataclass(frozen=True)
class Report:
    """What preparing the data found."""

    train: int  # labelled B-scans
    test: int
    incomplete: float  # the share of labelled columns that lack a boundary or leave the crop: weight 0
    outside: int  # labels outside their scan, left out
    graders: float  # the mean difference of the two graders, in rows
    bruch: float  # the mean difference of Bruch's membrane as found and as labelled, in rows
    broken: int = 0  # subjects whose files are, left out

    def sentence(self) -> str:
        """For the console."""
        broken = f"; left out: {self.broken} broken subjects" if self.broken else ""
        outside = f", {self.outside} labels outside their scan left out" if self.outside else ""
        return (
            f"{self.train} labelled B-scans for training, {self.test} for testing; "
            f"{self.incomplete:.1%} of the labelled columns lack a boundary and are masked{outside}; "
            f"the two graders differ by {self.graders:.2f} px, "
            f"Bruch's membrane was found within {self.bruch:.2f} px of its label{broken}"
        )


def _report(config: RetinaBoundaries, scans: Scans) -> Report:
    whole, some = within(scans.rows, config.size[0]).all(1), np.isfinite(scans.rows).any(1)
    ways = [scans.flattening(place) for place in range(len(scans.id))]
    level = np.stack([way.to_crop(way.bruch) for way in ways])
    train = int(np.isin(scans.subject, config.train_subjects).sum())
    subjects = config.train_subjects + config.test_subjects
    return Report(
        train=train,
        test=len(scans.id) - train,
        incomplete=1 - float(whole.sum() / some.sum()),
        outside=int(scans.stray),
        graders=_mean(np.abs(scans.rows - scans.second)),
        bruch=_mean(np.abs(level - scans.rows[:, -1])),
        broken=len(subjects) - len(np.unique(scans.subject)),
    )


def _mean(values: NDArray[np.floating]) -> float:
    """Over what is known; NaN over nothing."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
