"""Labelled B-scans, flattened once: arrays on the disk that every process maps.

Shapes: N scans, S rows of a scan, H W pixels of a crop, K = 8 boundaries.
"""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.io import sealed
from datasets.io.errors import DataError
from datasets.retina.flatten import BRUCH_AT, Flattening, flatten
from datasets.retina.scan_files import LabelledScans, Rows

FORMAT = 1
"""Raised when the preprocessing or the files change their meaning."""

_FAR_UM = 40.0  # from Bruch's membrane as found to its label, at most, mean over a scan
_CUT = 0.25  # of a scan's labels, at most, outside its crop
_PER_SUBJECT = 1000  # scans at most, in an id


@dataclass(frozen=True, eq=False)
class Scans:
    """Scans and their crops. Rows are those of the crop, and NaN where nothing is marked."""

    id: NDArray[np.int64]  # (N,), 1000 × the subject + the place in the volume, from 0
    original: NDArray[np.uint8]  # (N, S, W), as the file has it
    bruch: NDArray[np.float64]  # (N, W), the row of Bruch's membrane in the original
    crop: NDArray[np.uint8]  # (N, H, W)
    rows: Rows  # (N, K, W), the chosen grader's
    second: Rows  # (N, K, W), the other grader's
    baseline: Rows  # (N, K, W), those of Chiu et al.'s algorithm
    stray: NDArray[np.int64]  # (), labels outside their scan, left out

    @property
    def subject(self) -> NDArray[np.int64]:
        """(N,) counted from 1."""
        return self.id // _PER_SUBJECT

    def flattening(self, place: int) -> Flattening:
        """Between the original and the crop of the scan at a place in these arrays."""
        return Flattening(np.asarray(self.bruch[place]), self.original.shape[1], self.crop.shape[1])


def flattened(found: Sequence[LabelledScans], size: tuple[int, int], row_um: float) -> Scans:
    """The scans of all subjects, at least one, cropped to `size` (H, W).

    Raises:
        DataError: a subject's scans have another size than the others', are not W columns wide,
            or can't be laid level: Bruch's membrane is found elsewhere than it is labelled.
    """
    for one in found:
        _check(one, found[0], size)
    parts = [_flattened(one, size[0], row_um) for one in found]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Scans(**joined, stray=np.array(sum(one.outside for one in found), np.int64))


def save_scans(scans: Scans, folder: Path) -> None:
    """Writes one `.npy` an array, and checksums. Does nothing where the folder holds them already."""

    def fill(empty: Path) -> None:
        for name, array in asdict(scans).items():
            np.save(empty / f"{name}.npy", array)
        sums = {field.name: np.array(_sum(empty, field.name)) for field in fields(Scans)}
        sealed.save(empty, sums, {})

    sealed.publish_data(folder, fill, _arrays)


@lru_cache(maxsize=4)
def open_scans(folder: Path) -> Scans:
    """What `save_scans` wrote, compared with its checksums and mapped.

    Raises:
        DataError: nothing has been prepared here, or a part of it is gone or damaged.
    """
    return Scans(**_arrays(folder))


def _arrays(folder: Path) -> dict[str, Any]:
    sums, _ = sealed.load(folder)
    try:
        for name, expected in sums.items():
            if _sum(folder, name) != expected:
                raise ValueError(f"{name}.npy is not what was written")
        return {field.name: np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(Scans)}
    except (OSError, ValueError, EOFError) as error:
        raise sealed.damaged(folder, str(error)) from error


def _sum(folder: Path, name: str) -> int:
    return zlib.crc32((folder / f"{name}.npy").read_bytes())


def _check(one: LabelledScans, first: LabelledScans, size: tuple[int, int]) -> None:
    shape, usual = one.image.shape[1:], first.image.shape[1:]
    if shape[1] != size[1]:
        raise DataError(
            one.path,
            f"scans are {shape[1]} columns wide, not {size[1]}",
            record="images",
            remedy=f"Set size to ({size[0]}, {shape[1]})",
            code="other-scan-size",
        )
    if shape != usual:
        raise DataError(
            one.path,
            f"scans are {shape[0]} rows high, those of {first.path.name} {usual[0]}",
            record="images",
            remedy="Leave this subject out",
            code="other-scan-size",
        )


def _check_level(found: LabelledScans, rows: Rows, height: int, row_um: float) -> None:
    """Raises DataError where a scan was laid along something other than Bruch's membrane, or is cut.

    Args:
        rows: (N, K, W) the labels in the crops.
    """
    distance, cut = [], []
    for marks in rows:
        far = np.abs(marks[-1] - BRUCH_AT * height)
        known = marks[np.isfinite(marks)]
        distance.append(float(far[np.isfinite(far)].mean()) if np.isfinite(far).any() else 0.0)
        cut.append(float(np.mean((known < 0) | (known > height - 1))) if known.size else 0.0)
    if max(distance) * row_um > _FAR_UM:
        worst = int(np.argmax(distance))
        problem = f"Bruch's membrane was found {distance[worst]:.0f} px from its label"
    elif max(cut) > _CUT:
        worst = int(np.argmax(cut))
        problem = f"{cut[worst]:.0%} of the labels lie outside the crop of {height} rows"
    else:
        return
    raise DataError(
        found.path,
        problem,
        record=f"B-scan {int(found.index[worst]) + 1}",
        remedy="Look at the scan and its labels; without them, set this B-scan's labels to NaN",
        code="not-level",
    )


def _flattened(found: LabelledScans, height: int, row_um: float) -> dict[str, NDArray[Any]]:
    made = [flatten(image, height, row_um) for image in found.image]
    moved = {
        name: np.stack([way.to_crop(rows) for (_, way), rows in zip(made, marks, strict=True)])
        for name, marks in (("rows", found.rows), ("second", found.second), ("baseline", found.baseline))
    }
    _check_level(found, moved["rows"], height, row_um)
    return {
        "id": _PER_SUBJECT * found.subject + found.index,
        "original": found.image,
        "bruch": np.stack([way.bruch for _, way in made]),
        "crop": np.stack([crop for crop, _ in made]),
        **moved,
    }
