import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from datasets.contract import DataPaths
from datasets.crops import crop, lazy_pictures, pack_writing, tile_plan
from datasets.crops.crop import DRAWS, STILL, Augment
from datasets.crops.pack import open_pack
from datasets.crops.pack_writing import folder_of, write_index, write_pack, writer
from datasets.io.image import PictureFile
from tests.support.errors import refused
from tests.support.placed_pictures import HEIGHT, WIDTH, options, pictures, upright

AUGMENT = Augment(shift=0.05, half_body=0)


def expected(file: PictureFile, map_: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The crop from the whole picture."""
    pixels = np.asarray(Image.open(file.path))
    return cv2.warpAffine(pixels, map_, size[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(48, 36), (64, 48), (256, 192)]))
def test_a_crop_from_pack_or_index_has_the_bits_of_one_from_the_whole_picture(
    tmp_path_factory: pytest.TempPathFactory, seed: int, size: tuple[int, int]
) -> None:
    folder = tmp_path_factory.mktemp("pack")
    files, picture = pictures(folder), np.array([2, 0, 0, 2, 0, 2])
    places = options(seed, 6)
    write_pack(folder / "p", files, picture, crop.reach(places, AUGMENT), {}, {})
    write_index(folder / "i", files, picture, crop.reach(places, AUGMENT), {}, {}, root=folder)
    draws = np.random.default_rng(seed).random((6, DRAWS))
    for placed in (crop.augmented(AUGMENT, draws, places), crop.augmented(STILL, draws, places)):
        maps = crop.matrices(*placed, size)
        for name in ("p", "i"):
            crops = open_pack(folder / name).crop(np.arange(6), maps, size)
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
    assert [len(tile_plan._cuts(regions)[0]) for regions in (near, apart)] == [1, 2]


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
    with refused("broken-picture"):
        write_pack(tmp_path / "cache" / "p", files, np.arange(3), reach, {}, {})
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_picture_of_another_size_is_named(tmp_path: Path) -> None:
    files = [file._replace(width=WIDTH + 1) for file in pictures(tmp_path, 1)]
    with refused("other-picture-size"):
        write_pack(tmp_path / "p", files, np.array([0]), np.array([[0.0, 0, 9, 9]]), {}, {})


def test_a_disk_that_is_too_small_is_found_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack_writing.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    files = [PictureFile(tmp_path / "missing.png", 30_000, 20_000)]
    with refused("disk-full"):
        write_pack(tmp_path / "p", files, np.array([0]), np.array([[0.0, 0, 30_000, 20_000]]), {}, {})


def test_a_pack_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with refused("not-prepared"):
        open_pack(tmp_path / "p")


# --- indexes ---


Index = Callable[..., Path]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Writes an index of the samples of three pictures."""

    def write(picture: list[int], name: str = "i") -> Path:
        root = tmp_path / "set"
        root.mkdir(exist_ok=True)
        reach = np.ones((len(picture), 4)) * [0, 0, WIDTH, HEIGHT]
        write_index(tmp_path / name, pictures(root), np.array(picture), reach, {}, {}, root=root)
        return tmp_path / name

    return write


def test_a_batch_decodes_each_of_its_pictures_once(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    opened, decode = open_pack(index([1, 0, 1, 0, 1, 2])), PictureFile.decode
    monkeypatch.setattr(
        PictureFile, "decode", lambda file, data: seen.append(file.path.name) or decode(file, data)
    )
    crops = opened.crop(np.arange(5), upright(5), (20, 30))
    assert sorted(seen) == ["0.png", "1.png"]
    for row, number in enumerate([1, 0, 1, 0, 1]):
        whole = np.asarray(Image.open(index([0]).parent / "set" / f"{number}.png"))
        assert np.array_equal(crops[row], whole[:20, :30])
    assert opened.crop(np.arange(0), upright(0), (20, 30)).shape == (0, 20, 30, 3)


def test_an_index_holds_no_pixels_and_names_pictures_within_the_set(index: Index, tmp_path: Path) -> None:
    folder = index([0, 2])
    assert sorted(path.name for path in folder.iterdir()) == ["about.json", "arrays.npz"]
    held = open_pack(folder).pixels
    assert isinstance(held, lazy_pictures.LazyPictures)
    assert held.root == tmp_path / "set"
    assert held.names.tolist() == [b"0.png", b"2.png"]  # 1.png has no sample
    assert held.sizes.tolist() == [[WIDTH, HEIGHT]] * 2


def test_pictures_beside_the_sets_folder_are_found_too(tmp_path: Path) -> None:
    files, reach = pictures(tmp_path, 1), np.array([[0.0, 0, 20, 20]])
    (tmp_path / "set").mkdir()
    write_index(tmp_path / "i", files, np.array([0]), reach, {}, {}, root=tmp_path / "set")
    assert open_pack(tmp_path / "i").crop(np.array([0]), upright(1), (20, 20)).any()


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    (whole,) = pictures(tmp_path, 1)
    odd = whole._replace(path=tmp_path / "g\udcfcn é.png")
    whole.path.rename(odd.path)
    write_index(tmp_path / "i", [odd], np.array([0]), np.array([[0.0, 0, 20, 20]]), {}, {}, root=tmp_path)
    assert open_pack(tmp_path / "i").crop(np.array([0]), upright(1), (20, 20)).any()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("gone", "missing-picture"),
        ("another size", "other-picture-size"),
        ("truncated", "broken-picture"),
    ],
)
def test_a_picture_that_changed_since_is_an_error_that_names_it_and_travels(
    index: Index, tmp_path: Path, change: str, code: str
) -> None:
    opened, path = open_pack(index([0, 1])), tmp_path / "set" / "1.png"
    if change == "gone":
        path.unlink()
    elif change == "another size":
        Image.new("RGB", (HEIGHT, WIDTH)).save(path)
    else:
        path.write_bytes(path.read_bytes()[:1000])
    with refused(code) as caught:
        opened.crop(np.arange(2), upright(2), (20, 30))
    assert caught.value.path == str(path)
    assert caught.value.remedy
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("change", "code"), [("gone", "missing-picture"), ("another size", "other-picture-size")]
)
def test_an_index_is_not_made_of_pictures_that_are_not_as_claimed(
    tmp_path: Path, change: str, code: str
) -> None:
    files = pictures(tmp_path)
    if change == "gone":
        files[1].path.unlink()
    else:
        Image.new("RGB", (HEIGHT, WIDTH)).save(files[1].path)
    reach = np.ones((3, 4)) * [0, 0, 50, 50]
    with refused(code):
        write_index(tmp_path / "cache" / "i", files, np.arange(3), reach, {}, {}, root=tmp_path)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_same_pictures_elsewhere_have_another_index_but_the_same_pack(tmp_path: Path) -> None:
    places = [DataPaths(tmp_path, root) for root in (None, tmp_path / "a", tmp_path / "b")]
    assert len({folder_of(place, "train") for place in places}) == 1
    unpacked_places = [DataPaths(place.cache, place.root, pack=False) for place in places]
    assert len({folder_of(place, "train") for place in [places[0], *unpacked_places]}) == 4


def test_the_place_decides_what_is_written(tmp_path: Path) -> None:
    files, reach = pictures(tmp_path, 1), np.array([[0.0, 0, 9, 9]])
    for keep in (True, False):
        writer(DataPaths(tmp_path, pack=keep), None)(
            tmp_path / str(keep), files, np.array([0]), reach, {}, {}
        )
        assert (tmp_path / str(keep) / "pixels.bin").exists() == keep


@pytest.mark.parametrize("name", ["arrays.npz", "about.json"])
@pytest.mark.parametrize("share", [0.0, 0.6])
def test_a_damaged_index_is_an_error(index: Index, name: str, share: float) -> None:
    path = index([0]) / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with refused("damaged"):
        open_pack(path.parent)
