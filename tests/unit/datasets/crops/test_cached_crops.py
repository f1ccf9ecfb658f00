"""Crops that are cut once are those that are cut each time."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.crops import cached_crops, crop
from datasets.crops.crop import DRAWS, STILL, Augment
from datasets.crops.pack import open_pack
from datasets.crops.pack_writing import write_index, write_pack
from tests.support.errors import refused
from tests.support.placed_pictures import options, pictures

FLIP = Augment(**{**STILL.model_dump(), "flip": 0.5})
SIZE = (64, 48)


def written(folder: Path, seed: int = 0, count: int = 7) -> Path:
    """A pack of people in one picture, and an index."""
    files, picture, placed = pictures(folder, 1), np.zeros(count, np.int64), options(seed, count)
    reach = crop.reach(placed, STILL)
    write_pack(folder / "p", files, picture, reach, {"options": placed}, {})
    write_index(folder / "i", files, picture, reach, {"options": placed}, {}, root=folder)
    return folder / "p"


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(48, 36), SIZE, (256, 192)]))
def test_a_crop_has_the_bits_of_one_cut_at_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int, size: tuple[int, int]
) -> None:
    folder = written(tmp_path_factory.mktemp("cut"), seed)
    cached_crops.cut(folder, size, FLIP)
    rows = np.array([3, 0, 6, 3, 1, 2, 5, 4])
    draws = np.random.default_rng(seed).random((len(rows), DRAWS))
    draws[0, 5], draws[3, 5] = 0.1, 0.9  # one sample both ways
    maps = crop.matrices(*crop.augmented(FLIP, draws, open_pack(folder).arrays["options"][rows]), size)
    assert (maps[[0, 3], 0, 0] < 0).tolist() == [True, False]
    found = cached_crops.crops(folder, rows, maps, size, FLIP)
    assert np.array_equal(found, open_pack(folder).crop(rows, maps, size))
    assert found.flags.c_contiguous


@pytest.mark.parametrize(
    "augment", [Augment(scale=(1, 1), half_body=0), Augment(rotation=0, half_body=0), Augment(rotation=0)]
)
def test_other_augmentations_are_cut_each_time(tmp_path: Path, augment: Augment) -> None:
    folder = written(tmp_path)
    cached_crops.cut(folder, SIZE, augment)
    cached_crops.cut(tmp_path / "i", SIZE, FLIP)
    assert {path.name for path in tmp_path.iterdir()} == {"0.png", "p", "i"}


def test_an_index_has_the_same_crops(tmp_path: Path) -> None:
    cached_crops.cut(written(tmp_path), SIZE, FLIP)
    rows = np.arange(7)
    maps = crop.matrices(options(0, 7)[:, 0], np.zeros(7), np.arange(7) % 2 > 0, SIZE)
    kept, decoded = (cached_crops.crops(tmp_path / name, rows, maps, SIZE, FLIP) for name in "pi")
    assert np.array_equal(kept, decoded)


def test_crops_that_are_there_are_not_cut_again(tmp_path: Path) -> None:
    folder = written(tmp_path)
    for _ in range(2):
        cached_crops.cut(folder, SIZE, FLIP)
    (cut,) = tmp_path.glob("p-*")
    assert cut.name == "p-64x48"
    assert (cut / "crops.bin").stat().st_size == 7 * 64 * 49 * 3


@pytest.mark.parametrize("left", [b"", b"half of it"])
def test_damaged_crops_are_named(tmp_path: Path, left: bytes) -> None:
    folder = written(tmp_path)
    cached_crops.cut(folder, SIZE, FLIP)
    (tmp_path / "p-64x48" / "crops.bin").write_bytes(left)
    with refused("damaged"):
        cached_crops.cut(folder, SIZE, FLIP)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(tmp_path)

    def fails(self: object, *_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cached_crops, "_fill", fails)
    with refused("disk-full"):
        cached_crops.cut(folder, SIZE, FLIP)
    assert not (tmp_path / "p-64x48").exists()
    shutil.rmtree(folder)
    with refused("not-prepared"):
        cached_crops.cut(tmp_path / "gone", SIZE, FLIP)


def test_overwritten_crops_are_an_error(tmp_path: Path) -> None:
    folder, rows = written(tmp_path), np.arange(7)
    cached_crops.cut(folder, SIZE, FLIP)
    maps = crop.matrices(options(0, 7)[:, 0], np.zeros(7), np.zeros(7, bool), SIZE)
    with (tmp_path / "p-64x48" / "crops.bin").open("r+b") as file:
        file.seek(3 * 64 * 49 * 3 + 500)
        file.write(bytes(50))
    assert cached_crops.crops(folder, rows[:3], maps[:3], SIZE, FLIP).any()
    with refused("damaged"):
        cached_crops.crops(folder, rows, maps, SIZE, FLIP)
