"""Generated retinas in the files of the DME set, to use in place of its ten subjects.

An eye is sampled in 3-D (eye.py, anatomy.py), scanned (optics.py), marked by two graders (graders.py), and
written as `Subject_01.mat` and so on, with the keys of Chiu et al. (2015).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from datasets.config import Amount, Generator, Version
from datasets.io.atomic_folder import publish
from datasets.synthetic import marker
from datasets.synthetic.retinas.anatomy import FIELD_MM, VOLUME_MM, Floats, Section, section
from datasets.synthetic.retinas.eye import sample_eye
from datasets.synthetic.retinas.graders import (
    Graders,
    grade,
    labelled_columns,
    mark_fluid,
    segment_automatically,
)
from datasets.synthetic.retinas.optics import Grid, Optics, scan

_BRUCH = 0.66  # of the height of a scan, about where Bruch's membrane lies

Progress = Callable[[int, int], None]


class Retinas(Generator):
    """A set of generated macular volumes. Equal values give equal scans and labels.

    The defaults have the size of the DME set: 496×768×61 a subject, 22 MB on the disk and, on one core, about
    half a minute. Fewer and narrower scans with larger rows show the same anatomy at a coarser resolution.
    """

    kind: Literal["retinas"] = "retinas"
    version: Version = Field(1)  # raised when the generation changes
    seed: int = Field(0, ge=0, lt=2**32)
    subjects: int = Field(10, ge=1, le=99)
    scans: int = Field(61, ge=3, le=1000)  # a subject
    labelled: int = Field(11, ge=1, le=1000)  # of them
    height: int = Field(496, ge=64, le=8192)
    width: int = Field(768, ge=32, le=8192)
    row_um: Amount = Field(3.87, gt=0)
    oedema: float = Field(1.0, ge=0, le=1.5)  # 0 is healthy
    optics: Optics = Optics()
    graders: Graders = Graders()

    @model_validator(mode="after")
    def _scans_to_label(self) -> Self:
        if self.labelled > self.scans - 2:
            raise ValueError(f"{self.labelled} labelled scans do not fit inside a volume of {self.scans}")
        return self

    @property
    def labelled_scans(self) -> tuple[int, ...]:
        """Which scans of a volume are labelled, counted from 0: evenly spread, the ends left out."""
        places = np.linspace(0, self.scans - 1, self.labelled + 2)[1:-1]
        return tuple(int(place) for place in places.round())


class Truth(NamedTuple):
    """One scan of a volume with its ground truth."""

    image: NDArray[np.uint8]  # (H, W)
    fluid: NDArray[np.uint8]  # (H, W), the number of the pocket, or 0
    cut: Section


def truth(retinas: Retinas, subject: int, index: int) -> Truth:
    """Scan `index` of a subject (counted from 1), independent of all other scans."""
    eye = sample_eye(np.random.default_rng([retinas.seed, subject]), retinas.oedema)
    rng = np.random.default_rng([retinas.seed, subject, index, 0])
    grid = _grid(retinas)
    y = VOLUME_MM * (index / (retinas.scans - 1) - 0.5)
    depth = retinas.height * retinas.row_um * (_BRUCH + 0.02 * rng.standard_normal())
    cut = section(rng, eye, grid.x, y, depth)
    return Truth(*scan(rng, retinas.optics, cut, grid), cut)


def volume(retinas: Retinas, subject: int) -> dict[str, NDArray[np.generic]]:
    """The variables of a subject's file, in MATLAB's order: rows × columns × scans, rows counted from 1."""
    scans = [truth(retinas, subject, index) for index in range(retinas.scans)]
    return {
        "images": np.stack([one.image for one in scans], axis=-1),
        **_boundaries(retinas, subject, [one.cut for one in scans]),
        "manualFluid1": _manual_fluid(retinas, subject, 1, scans),
        "manualFluid2": _manual_fluid(retinas, subject, 2, scans),
        "automaticFluidDME": np.stack([(one.fluid > 0).astype(float) for one in scans], axis=-1),
    }


def write(retinas: Retinas, root: Path, progress: Progress | None = None) -> None:
    """Generates all subjects into `root`, all at once: `root` is complete or not there.

    Writes `Subject_01.mat` and so on, of MATLAB's version 5, and `generator.json` with the parameters. Does
    nothing where `root` holds this very set.

    Args:
        progress: called with the number of subjects done and in all.

    Raises:
        DataError: `root` holds something else, or part of this set.
    """
    publish(root.resolve(), partial(_fill, retinas, progress), partial(_check, retinas))


def subject_file(subject: int) -> str:
    """`Subject_01.mat`."""
    return f"Subject_{subject:02d}.mat"


def _grid(retinas: Retinas) -> Grid:
    x = ((np.arange(retinas.width) + 0.5) / retinas.width - 0.5) * FIELD_MM
    return Grid(x, retinas.height, retinas.row_um)


def _boundaries(retinas: Retinas, subject: int, cuts: list[Section]) -> dict[str, Floats]:
    """Four sets of boundaries (8, W, S) in rows, of two graders and two programs."""
    graders, x = retinas.graders, _grid(retinas).x
    habits = graders.habit * np.random.default_rng([retinas.seed, 2**32]).standard_normal((2, 8))
    names = ("manualLayers1", "manualLayers2", "automaticLayersDME", "automaticLayersNormal")
    marks = {name: np.full((8, retinas.width, retinas.scans), np.nan) for name in names}
    for index in retinas.labelled_scans:
        rng, cut = np.random.default_rng([retinas.seed, subject, index, 1]), cuts[index]
        labelled = labelled_columns(rng, retinas.width)
        found = [grade(rng, graders, habit, cut, x, labelled) for habit in habits]
        found += [
            segment_automatically(rng, cut, x, knows_fluid=knows, labelled=labelled)
            for knows in (True, False)
        ]
        for name, depths in zip(names, found, strict=True):
            # Row 1 of MATLAB is centred half a row below the top.
            marks[name][..., index] = depths / retinas.row_um + 0.5
    return marks


def _manual_fluid(retinas: Retinas, subject: int, grader: int, scans: list[Truth]) -> Floats:
    """(H, W, S) numbers of pockets, 0 for tissue, NaN in scans that are not graded."""
    marked = np.full((retinas.height, retinas.width, retinas.scans), np.nan)
    for index in retinas.labelled_scans:
        rng = np.random.default_rng([retinas.seed, subject, index, 1 + grader])
        marked[..., index] = mark_fluid(rng, scans[index].fluid)
    return marked


def _fill(retinas: Retinas, progress: Progress | None, folder: Path) -> None:
    from scipy.io import savemat

    for subject in range(1, retinas.subjects + 1):
        savemat(folder / subject_file(subject), volume(retinas, subject), do_compression=True)
        if progress is not None:
            progress(subject, retinas.subjects)
    marker.write(folder, retinas, description="Generated retinas")


def _check(retinas: Retinas, root: Path) -> None:
    """Raises DataError unless `root` holds this set, complete."""
    marker.check(root, retinas)
    names = [subject_file(subject) for subject in range(1, retinas.subjects + 1)]
    if missing := [name for name in names if not (root / name).is_file()]:
        raise marker.incomplete(root, f"lacks {', '.join(missing)}")
