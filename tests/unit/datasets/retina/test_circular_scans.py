"""Circular scans: nerve fibres are brighter than the pigment epithelium, and the membrane makes waves."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from datasets.retina.flatten import flatten
from datasets.retina.samples import flattened
from datasets.retina.scan_files import LabelledScans
from tests.support.circular_scans import ROW_UM, WIDTH, circular
from tests.support.errors import refused

ROWS = 224


@pytest.mark.parametrize(
    ("seed", "tilt", "fibres", "dim"),
    [(0, 180, 165, 35), (1, 60, 165, 35), (3, 180, 165, 0), (4, 120, 190, 50), (6, 180, 60, 45)],
)
def test_the_membrane_is_found_to_two_pixels(seed: int, tilt: float, fibres: float, dim: float) -> None:
    scan, boundaries = circular(seed, tilt, fibres, dim)
    _, way = flatten(scan, ROWS, ROW_UM)
    error = np.abs(way.bruch - boundaries[-1])
    assert error.mean() < 2
    assert error.max() < 5
    inside = way.to_crop(boundaries)
    assert ((inside >= 0) & (inside <= ROWS - 1)).all()


def labelled(rows: NDArray[np.float64], image: NDArray[np.uint8]) -> LabelledScans:
    marks = rows[None].astype(np.float32)
    return LabelledScans(Path("Subject_01.mat"), 1, np.array([4]), image[None], marks, marks, marks, 0)


def test_scans_that_lie_level_are_taken() -> None:
    scan, boundaries = circular(0)
    assert flattened([labelled(boundaries, scan)], (ROWS, WIDTH), ROW_UM).crop.shape == (1, ROWS, WIDTH)


def test_a_membrane_far_from_its_label_is_refused_by_subject_and_scan() -> None:
    scan, boundaries = circular(0)
    with refused("not-level") as caught:
        flattened([labelled(boundaries + 33, scan)], (ROWS, WIDTH), ROW_UM)
    assert "Subject_01.mat" in str(caught.value)
    assert "B-scan 5" in str(caught.value)


def test_labels_outside_the_crop_are_refused() -> None:
    scan, boundaries = circular(0)
    boundaries[:4] -= 190
    with refused("not-level"):
        flattened([labelled(boundaries, scan)], (ROWS, WIDTH), ROW_UM)
