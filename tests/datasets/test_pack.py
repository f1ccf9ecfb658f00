from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from datasets import crop, pack
from datasets.crop import DRAWS, STILL, Augment
from datasets.errors import DataError
from datasets.pack import PictureFile, open_pack, write_pack

AUGMENT = Augment(shift=0.05, half_body=0)
WIDTH, HEIGHT = 200, 150


def pictures(folder: Path, count: int = 3) -> list[PictureFile]:
    rng = np.random.default_rng(0)
    files = []
    for index in range(count):
        pixels = rng.integers(1, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
        files.append(PictureFile(folder / f"{index}.png", WIDTH, HEIGHT))
    return files


def options(seed: int, count: int) -> np.ndarray:
    """Placements (N, 3, 4) of boxes that may reach over every border of the picture."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, (WIDTH - 20, HEIGHT - 20), (count, 2))
    high = np.minimum(low + rng.uniform(5, 120, (count, 2)), (WIDTH - 1, HEIGHT - 1))
    return np.repeat(crop.whole_bodies(np.hstack([low, high]), 0.75, 1.25)[:, None], 3, 1)


def expected(file: PictureFile, map_: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The crop from the whole picture."""
    pixels = np.asarray(Image.open(file.path))
    return cv2.warpAffine(pixels, map_, size[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(48, 36), (64, 48), (256, 192)]))
def test_a_crop_from_the_pack_has_the_bits_of_one_from_the_picture(
    tmp_path_factory: pytest.TempPathFactory, seed: int, size: tuple[int, int]
) -> None:
    folder = tmp_path_factory.mktemp("pack")
    files, picture = pictures(folder), np.array([2, 0, 0, 2, 0, 2])
    places = options(seed, 6)
    write_pack(folder / "p", files, picture, crop.reach(places, AUGMENT), {}, {})
    draws = np.random.default_rng(seed).random((6, DRAWS))
    for placed in (crop.augmented(AUGMENT, draws, places), crop.augmented(STILL, draws, places)):
        maps = crop.matrices(*placed, size)
        crops = open_pack(folder / "p").crop(np.arange(6), maps, size)
        for row in range(6):
            assert np.array_equal(crops[row], expected(files[picture[row]], maps[row], size))


def test_outside_the_picture_is_black(tmp_path: Path) -> None:
    files = pictures(tmp_path, 1)
    places = np.array([[[0.0, 0.0, 60.0, 80.0]] * 3])  # centred on the picture's corner
    write_pack(tmp_path / "p", files, np.array([0]), crop.reach(places, STILL), {}, {})
    maps = crop.matrices(places[:, 0], np.zeros(1), np.zeros(1, bool), (80, 60))
    image = open_pack(tmp_path / "p").crop(np.array([0]), maps, (80, 60))[0]
    assert not image[:40].any()
    assert not image[:, :30].any()
    assert image[40:, 30:].all()  # these pictures have no black pixel


def test_people_who_stand_close_share_one_tile() -> None:
    near = np.array([[0, 0, 60, 60], [10, 10, 70, 70]])
    apart = np.array([[0, 0, 20, 20], [100, 100, 120, 120]])
    assert [len(pack._cuts(regions)[0]) for regions in (near, apart)] == [1, 2]


def test_pictures_without_samples_are_not_opened(tmp_path: Path) -> None:
    files = [*pictures(tmp_path, 1), PictureFile(tmp_path / "missing.png", 10, 10)]
    write_pack(tmp_path / "p", files, np.array([0]), np.array([[0.0, 0, 9, 9]]), {}, {})
    assert len(open_pack(tmp_path / "p").tiles) == 1


def test_arrays_and_notes_come_back(tmp_path: Path) -> None:
    arrays = {"id": np.arange(2), "labelled": np.array([[True, False]] * 2)}
    write_pack(
        tmp_path / "p", pictures(tmp_path), np.array([0, 1]), np.ones((2, 4)) * [0, 0, 5, 5], arrays, {"a": 1}
    )
    opened = open_pack(tmp_path / "p")
    assert opened.about["a"] == 1
    for name, array in arrays.items():
        np.testing.assert_array_equal(opened.arrays[name], array)
    assert not opened.pixels.flags.writeable


def test_progress_counts_pictures(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    reach = np.ones((3, 4)) * [0, 0, 5, 5]
    write_pack(tmp_path / "p", pictures(tmp_path), np.arange(3), reach, {}, {}, lambda *now: seen.append(now))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_broken_picture_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    files = pictures(tmp_path)
    files[1].path.write_bytes(files[1].path.read_bytes()[:500])
    reach = np.ones((3, 4)) * [0, 0, 50, 50]
    with pytest.raises(DataError, match=r"1\.png"):
        write_pack(tmp_path / "cache" / "p", files, np.arange(3), reach, {}, {})
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_picture_of_another_size_is_named(tmp_path: Path) -> None:
    files = [file._replace(width=WIDTH + 1) for file in pictures(tmp_path, 1)]
    with pytest.raises(DataError, match="200x150 pixels, its annotations say 201x150"):
        write_pack(tmp_path / "p", files, np.array([0]), np.array([[0.0, 0, 9, 9]]), {}, {})


def test_a_disk_that_is_too_small_is_found_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    files = [PictureFile(tmp_path / "missing.png", 30_000, 20_000)]
    with pytest.raises(DataError, match=r"1\.8 GB are needed and 0\.0 GB are free"):
        write_pack(tmp_path / "p", files, np.array([0]), np.array([[0.0, 0, 30_000, 20_000]]), {}, {})


def test_a_pack_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="rle-lab prepare"):
        open_pack(tmp_path / "p")


@pytest.mark.parametrize("name", ["pixels.bin", "arrays.npz", "about.json"])
@pytest.mark.parametrize("share", [0.0, 0.6])
def test_a_damaged_pack_is_an_error(tmp_path: Path, name: str, share: float) -> None:
    write_pack(tmp_path / "p", pictures(tmp_path, 1), np.array([0]), np.array([[0.0, 0, 9, 9]]), {}, {})
    path = tmp_path / "p" / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match="damaged"):
        open_pack(tmp_path / "p")
