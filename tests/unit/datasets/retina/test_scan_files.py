"""Both generations of `.mat`, and every way in which a subject's file can be wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from datasets.io.errors import DataError
from datasets.retina.scan_files import read_subject
from tests.support.errors import refused

H, W, S = 40, 24, 5
Variables = dict[str, Any]
Writer = Callable[[Path, Variables], None]


def variables() -> Variables:
    """Five scans of which two are labelled, the second with a gap."""
    rng = np.random.default_rng(0)
    layers = np.full((8, W, S), np.nan)
    layers[:, 4:20, [1, 3]] = np.arange(10, 18)[:, None, None] + 0.25
    layers[2, 8:11, 3] = np.nan
    return {
        "images": rng.integers(2, 255, (H, W, S), dtype=np.uint8),
        "manualLayers1": layers,
        "manualLayers2": layers + 1,
        "automaticLayersDME": layers - 1,
        "manualFluid1": np.zeros((H, W, S)),
    }


def write_v5(path: Path, contents: Variables) -> None:
    savemat(path, contents, do_compression=True)


def write_v73(path: Path, contents: Variables) -> None:
    """HDF5 behind a block of 512 bytes, arrays transposed, as MATLAB's -v7.3 writes them."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for key, value in contents.items():
            file[key] = np.asarray(value).T
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


WRITERS = pytest.mark.parametrize("write", [write_v5, write_v73])


def subject(folder: Path, write: Writer, **changes: Any) -> Path:
    """A folder with one subject, some variables changed; None leaves one out."""
    contents = {key: value for key, value in (variables() | changes).items() if value is not None}
    write(folder / "Subject_03.mat", contents)
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_subject(folder, 3, 1)
    assert "Subject_03.mat" in str(caught.value)
    assert caught.value.remedy
    return str(caught.value)


@WRITERS
def test_labelled_scans_are_found_by_their_labels_and_rows_count_from_0(
    tmp_path: Path, write: Writer
) -> None:
    made, found = variables(), read_subject(subject(tmp_path, write), 3, 1)
    np.testing.assert_array_equal(found.index, [1, 3])
    np.testing.assert_array_equal(found.image[1], made["images"][:, :, 3])
    np.testing.assert_allclose(found.rows[1], made["manualLayers1"][:, :, 3] - 1)
    np.testing.assert_allclose(found.second, found.rows + 1)
    np.testing.assert_allclose(found.baseline, found.rows - 1)


@WRITERS
def test_gaps_stay_gaps(tmp_path: Path, write: Writer) -> None:
    rows = read_subject(subject(tmp_path, write), 3, 1).rows
    assert np.isnan(rows[1, 2, 8:11]).all()
    assert np.isnan(rows[:, :, :4]).all()
    assert np.isfinite(rows[1, 3, 8:11]).all()


def test_the_other_grader_can_be_chosen(tmp_path: Path) -> None:
    folder = subject(tmp_path, write_v5)
    np.testing.assert_array_equal(read_subject(folder, 3, 2).rows, read_subject(folder, 3, 1).second)


def test_pictures_may_be_stored_as_floats(tmp_path: Path) -> None:
    pictures = variables()["images"].astype(float)
    pictures[:4] = np.nan
    found = read_subject(subject(tmp_path, write_v5, images=pictures), 3, 1).image
    assert not found[:, :4].any()
    np.testing.assert_array_equal(found[0, 4:], pictures[4:, :, 1])


def test_rows_outside_the_scan_are_left_out_and_counted(tmp_path: Path) -> None:
    layers = variables()["manualLayers1"]
    layers[0, 5, 1], layers[7, 6, 1], layers[3, 7, 1] = 0, H + 1, np.inf
    found = read_subject(subject(tmp_path, write_v5, manualLayers1=layers), 3, 1)
    assert found.outside == 3
    assert np.isnan(found.rows[0, [0, 7, 3], [5, 6, 7]]).all()


@pytest.mark.parametrize("key", ["images", "manualLayers1", "manualLayers2", "automaticLayersDME"])
@WRITERS
def test_a_missing_variable_is_named(tmp_path: Path, write: Writer, key: str) -> None:
    message = refusal(subject(tmp_path, write, **{key: None}))
    assert f"{key}: the variable is missing" in message


@WRITERS
def test_a_variable_of_another_shape_is_named_with_both_shapes(tmp_path: Path, write: Writer) -> None:
    message = refusal(subject(tmp_path, write, manualLayers1=np.ones((7, W, S))))
    assert "manualLayers1: expected 8×24×5" in message
    assert "7×24×5" in message


def test_a_single_picture_is_no_volume(tmp_path: Path) -> None:
    assert "images: expected three dimensions" in refusal(subject(tmp_path, write_v5, images=np.ones((H, W))))


@pytest.mark.parametrize("wrong", ["text", np.array([[{"a": 1}]], object), np.ones((8, W, S), complex)])
def test_a_variable_of_another_type_is_named(tmp_path: Path, wrong: Any) -> None:
    assert "manualLayers1: expected numbers" in refusal(subject(tmp_path, write_v5, manualLayers1=wrong))


@pytest.mark.parametrize("scale", [1 / 255, 200.0, -1.0])
def test_pictures_of_another_range_are_refused(tmp_path: Path, scale: float) -> None:
    pictures = variables()["images"] * scale
    assert "images: expected grey values from 0 to 255" in refusal(
        subject(tmp_path, write_v5, images=pictures)
    )


def test_a_subject_without_labels_is_refused(tmp_path: Path) -> None:
    empty = np.full((8, W, S), np.nan)
    assert "manualLayers1: labels no B-scan" in refusal(subject(tmp_path, write_v5, manualLayers1=empty))


def test_a_missing_subject_is_named_beside_those_that_are_there(tmp_path: Path) -> None:
    with refused("missing-subject"):
        read_subject(subject(tmp_path, write_v5), 4, 1)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with refused("not-a-folder"):
        read_subject(tmp_path / "elsewhere", 1, 1)


@pytest.mark.parametrize("content", [b"", b"not a MATLAB file at all, but some text of a readme " * 9])
def test_a_file_that_is_no_mat_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "Subject_03.mat").write_bytes(content)
    assert "can't be read as a .mat file" in refusal(tmp_path)


@WRITERS
def test_a_file_cut_short_anywhere_is_refused_by_name(tmp_path: Path, write: Writer) -> None:
    # What stands last in the file is not needed: leave only what is.
    path = subject(tmp_path, write, manualFluid1=None) / "Subject_03.mat"
    whole = path.read_bytes()

    @settings(max_examples=60, deadline=None)
    @given(st.floats(0, 1, exclude_max=True))
    def cut(share: float) -> None:
        path.write_bytes(whole[: int(share * len(whole))])
        refusal(tmp_path)

    cut()
