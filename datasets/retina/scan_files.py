"""The DME set of Chiu et al. (Biomedical Optics Express, 2015) as it lies on disk: one `.mat` file a subject.

Both generations of the format are read: version 5, as published, and 7.3, which is HDF5 with every array
transposed. What has no label is NaN there, and stays NaN here.

Shapes: S B-scans of a volume, N labelled ones, H W pixels of a scan, K = 8 boundaries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.io import mat_file
from datasets.io.errors import DataError

BOUNDARIES = ("ILM", "NFL-GCL", "IPL-INL", "INL-OPL", "OPL-ONL", "ISM-ISE", "ISE-OS", "BM")
"""From the vitreous down to Bruch's membrane."""
ROW_UM = 3.87
"""The height of a row of the DME set, in micrometres."""

PUBLISHED = tuple(range(1, 11))
"""Subjects of the DME set."""

Grader = Literal[1, 2]
Subject = Annotated[int, Field(ge=1, le=99)]
Rows = NDArray[np.float32]

_KEYS = ("images", "manualLayers1", "manualLayers2", "automaticLayersDME")
_REMEDY = "Copy the file anew from the published set (2015_BOE_Chiu)"
_WHITE = 255


@dataclass(frozen=True)
class LabelledScans:
    """The B-scans of a subject that a grader labelled. Rows are counted from 0 and NaN where unlabelled."""

    path: Path
    subject: int
    index: NDArray[np.int64]  # (N,) places in the volume, counted from 0
    image: NDArray[np.uint8]  # (N, H, W)
    rows: Rows  # (N, K, W), the chosen grader's
    second: Rows  # (N, K, W), the other grader's
    baseline: Rows  # (N, K, W), the algorithm of Chiu et al.
    outside: int  # labels of the chosen grader outside their scan, left out


def subject_path(root: Path, subject: int) -> Path:
    """`Subject_01.mat` of the folder.

    Raises:
        DataError: there is no such folder, or no such file in it.
    """
    path = root / f"Subject_{subject:02d}.mat"
    if not root.is_dir():
        remedy = "Name the folder that holds Subject_01.mat to _10.mat"
        raise DataError(root, "is not a folder", remedy=remedy, code="not-a-folder")
    if not path.is_file():
        found = ", ".join(sorted(file.name for file in root.glob("Subject_*.mat"))) or "none"
        raise DataError(
            path,
            f"subject {subject} is missing; the folder has {found}",
            remedy="Put it there, or choose other train_subjects and test_subjects",
            code="missing-subject",
        )
    return path


def subjects_of(root: Path) -> tuple[int, ...]:
    """The published subjects, and all others that the folder has."""
    found = {int(path.stem[8:]) for path in root.glob("Subject_*.mat") if path.stem[8:].isdecimal()}
    return tuple(sorted(found | set(PUBLISHED)))


def read_subject(root: Path, subject: int, grader: Grader) -> LabelledScans:
    """The labelled B-scans of one subject.

    A row outside its scan is left out and counted.

    Raises:
        DataError: the file is missing, cut short or no `.mat`; a variable is missing, of another type or
            shape; or no B-scan is labelled.
    """
    path = subject_path(root, subject)
    found = mat_file.load(path, _KEYS, remedy=_REMEDY)
    images = _images(path, _variable(path, found, "images"))
    chosen, other, automatic = (
        _layers(path, found, key, images.shape)
        for key in (f"manualLayers{grader}", f"manualLayers{3 - grader}", "automaticLayersDME")
    )
    chosen, outside = _without_outside(chosen, images.shape[1])
    index = np.flatnonzero(np.isfinite(chosen).any((1, 2)))
    if not len(index):
        raise DataError(
            path,
            "labels no B-scan",
            record=f"manualLayers{grader}",
            remedy="Choose the other grader, or leave this subject out",
            code="no-labels",
        )
    other = _without_outside(other, images.shape[1])[0]
    return LabelledScans(
        path, subject, index, images[index], chosen[index], other[index], automatic[index], outside
    )


def _variable(path: Path, found: Mapping[str, Any], key: str) -> NDArray[Any]:
    """A variable that is there, three-dimensional and numeric."""
    if key not in found:
        there = ", ".join(name for name in _KEYS if name in found) or "none"
        problem = f"the variable is missing; of {len(_KEYS)} needed there are: {there}"
        raise DataError(path, problem, record=key, remedy=_REMEDY, code="missing-variable")
    array = found[key]
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "uif":
        sort = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        problem = f"expected numbers, found {sort}"
        raise DataError(path, problem, record=key, remedy=_REMEDY, code="not-numbers")
    if array.ndim != 3 or not array.size:
        problem = f"expected three dimensions, found the shape {_by(array.shape)}"
        raise DataError(path, problem, record=key, remedy=_REMEDY, code="wrong-shape")
    return array


def _images(path: Path, array: NDArray[Any]) -> NDArray[np.uint8]:
    """(S, H, W), from rows × columns × scans. Pixels without a value are black, as He et al. have them."""
    filled = np.nan_to_num(array, nan=0.0) if array.dtype.kind == "f" else array
    low, high = filled.min(), filled.max()
    if low < 0 or high > _WHITE or high <= 1:
        raise DataError(
            path,
            f"expected grey values from 0 to 255, found {low:g} to {high:g}",
            record="images",
            remedy="Scale the pictures to 0-255",
            code="not-grey-values",
        )
    return np.ascontiguousarray(np.moveaxis(filled, 2, 0).round().astype(np.uint8))


def _layers(path: Path, found: Mapping[str, Any], key: str, images: tuple[int, ...]) -> Rows:
    """(S, K, W) rows counted from 0, from boundaries × columns × scans counted from 1."""
    array = _variable(path, found, key)
    scans, _, width = images
    expected = (len(BOUNDARIES), width, scans)
    if array.shape != expected:
        raise DataError(
            path,
            f"expected {_by(expected)} (boundaries × columns × scans of images), found {_by(array.shape)}",
            record=key,
            remedy=_REMEDY,
            code="wrong-shape",
        )
    with np.errstate(over="ignore"):  # infinite rows lie outside too
        return np.ascontiguousarray(np.moveaxis(array, 2, 0), np.float32) - np.float32(1)


def _without_outside(rows: Rows, height: int) -> tuple[Rows, int]:
    with np.errstate(invalid="ignore"):
        outside = ~np.isnan(rows) & ~((rows >= -0.5) & (rows <= height - 0.5))
    return np.where(outside, np.float32(np.nan), rows), int(outside.sum())


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(str(side) for side in shape)
