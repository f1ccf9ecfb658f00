"""Sets whose pictures need a rule: turned, deep, outside the root, damaged, or no files at all."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets.base.folder import DataRoot
from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths
from datasets.crops.pack import open_pack
from datasets.io.image import decode
from datasets.io.orientation import UPRIGHT, turned
from tests.support.coco_tree import CocoTree
from tests.support.errors import refused
from tests.support.turned_pictures import save_turned

UPSIDE_DOWN = 3


def as_jpegs(tree: CocoTree, orientation: int) -> None:
    """The set's pictures as JPEGs with an orientation, which the sizes do not tell."""
    for split in ("train", "val"):
        for path in sorted((tree.root / split).glob("*.png")):
            save_turned(path.with_suffix(".jpg"), decode(path), orientation)
            path.unlink()
        rename = lambda document: [  # noqa: E731
            image.update(file_name=image["file_name"].replace("png", "jpg")) for image in document["images"]
        ]
        tree.edit(split, rename)


def crops(source: CocoFolder, root: Path, cache: Path, pack: bool) -> np.ndarray:
    data = CocoKeypoints(source=source, size=(64, 48))
    place = DataPaths(cache, root, pack)
    data.prepare(place)
    split = data.open(place, 0).val
    return split.__getitems__([(0, row) for row in range(len(split))]).image.numpy()


@pytest.mark.parametrize("pack", [True, False])
def test_pictures_upside_down_are_turned_or_taken_as_stored(tree: Any, tmp_path: Path, pack: bool) -> None:
    as_jpegs(tree, UPSIDE_DOWN)
    chosen = {exif: DataRoot(tree.root, exif=exif).bind(CocoFolder) for exif in (None, "shown", "stored")}
    assert chosen[None].fingerprint() == chosen["shown"].fingerprint() != chosen["stored"].fingerprint()
    assert CocoKeypoints(source=chosen[None]).assumed == (
        "coco: 8 pictures are turned upright by their EXIF orientation, as programs show them, since the "
        "size does not tell (--exif stored for the other)",
    )
    found = {e: crops(chosen[e], tree.root, tmp_path / "cache", pack) for e in ("shown", "stored")}
    for exif, orientation in (("shown", UPSIDE_DOWN), ("stored", UPRIGHT)):
        again = CocoTree(tmp_path / exif)
        turned_for_good(tree, again, orientation)
        expected = crops(DataRoot(again.root).bind(CocoFolder), again.root, tmp_path / "other", pack)
        assert expected.any()
        assert np.array_equal(found[exif], expected)


def turned_for_good(tree: CocoTree, again: CocoTree, orientation: int) -> None:
    """The same set as PNGs without an orientation."""
    (again.root / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        (again.root / split).mkdir()
        document = tree.read(split)
        for image in document["images"]:
            pixels = decode(tree.root / split / image["file_name"], as_stored=True)
            image["file_name"] = image["file_name"].replace("jpg", "png")
            Image.fromarray(turned(pixels, orientation)).save(again.root / split / image["file_name"])
        again.annotations(split).write_text(json.dumps(document))


def test_sets_without_an_orientation_keep_their_fingerprint(tree: Any) -> None:
    plain = DataRoot(tree.root).bind(CocoFolder)
    assert plain.rules == ()
    assert "rules" not in plain.model_dump_json()
    assert DataRoot(tree.root, exif="stored").bind(CocoFolder).fingerprint() == plain.fingerprint()


def test_pictures_of_16_bits_are_said_and_change_the_fingerprint(tree: Any) -> None:
    before = DataRoot(tree.root).bind(CocoFolder)
    for path in tree.root.rglob("*.png"):
        grey = decode(path)[..., 0].astype(np.uint16) * 257
        Image.fromarray(grey).save(path)
    bound = DataRoot(tree.root).bind(CocoFolder)
    assert bound.rules == ("16 bits",)
    assert any("8 pictures have 16 bits" in sentence for sentence in bound.assumed)
    assert bound.digest != before.digest


def spoilt(path: Path) -> None:
    """A JPEG under another's name, cut and closed by an end marker."""
    Image.fromarray(decode(path)).save(path, "JPEG")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + data[-2:])


@pytest.mark.parametrize("pack", [True, False])
def test_a_damaged_picture_is_found_before_training_and_can_be_skipped(
    tree: Any, tmp_path: Path, pack: bool
) -> None:
    spoilt(tree.root / "val" / "0102.png")
    root = DataRoot(tree.root)
    (problem,) = root.broken_files(CocoFolder)
    assert (Path(problem.file).name, problem.code) == ("0102.png", "broken-picture")
    with refused("broken-picture"):
        crops(root.bind(CocoFolder), tree.root, tmp_path, pack)
    without = DataRoot(tree.root, skip_broken=True).bind(CocoFolder)
    assert len(crops(without, tree.root, tmp_path, pack)) == 6


@pytest.mark.parametrize("way", ["dots", "absolute", "link", "folder"])
def test_pictures_outside_the_root_need_an_option(tree: Any, tmp_path: Path, way: str) -> None:
    elsewhere = tmp_path / "elsewhere" / "x.png"
    elsewhere.parent.mkdir()
    inside = tree.root / "val" / "0101.png"
    inside.rename(elsewhere)
    names = {"dots": "../../elsewhere/x.png", "absolute": str(elsewhere)}
    if way == "link":
        inside.symlink_to(elsewhere)
    elif way == "folder":
        (tree.root / "val" / "more").symlink_to(elsewhere.parent)
    if way != "link":
        name = names.get(way, "more/x.png")
        tree.edit("val", lambda document: document["images"][0].update(file_name=name))
    for skip in (False, True):
        with refused("outside-root") as caught:
            DataRoot(tree.root, skip_broken=skip).bind(CocoFolder)
        assert "--allow-outside" in caught.value.remedy
    with refused("outside-root"):
        DataRoot(tree.root).survey(CocoFolder)
    allowed = DataRoot(tree.root, allow_outside=True).bind(CocoFolder)
    assert crops(allowed, tree.root, tmp_path / "cache", False).any()


def test_a_root_that_is_a_link_and_links_within_it_are_fine(tree: Any, tmp_path: Path) -> None:
    (tree.root / "images").mkdir()
    (tree.root / "val").rename(tree.root / "images" / "val")
    (tree.root / "val").symlink_to(tree.root / "images" / "val")
    (tmp_path / "link").symlink_to(tree.root)
    assert DataRoot(tmp_path / "link").bind(CocoFolder).digest


@pytest.mark.parametrize("where", ["picture", "annotations"])
def test_a_pipe_never_hangs(tree: Any, tmp_path: Path, where: str) -> None:
    path = tree.root / "val" / "0101.png" if where == "picture" else tree.annotations("val")
    path.unlink()
    os.mkfifo(path)
    with refused("broken-picture" if where == "picture" else "not-json"):
        crops(DataRoot(tree.root).bind(CocoFolder), tree.root, tmp_path, True)


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True), (False, False)])
def test_another_picture_of_the_same_size_is_refused(
    tree: Any, tmp_path: Path, first: bool, second: bool
) -> None:
    path = tree.root / "val" / "0101.png"
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    save = lambda values: Image.fromarray(values).save(path, compress_level=0)  # noqa: E731
    save(pixels)
    source = DataRoot(tree.root).bind(CocoFolder)
    before = crops(source, tree.root, tmp_path / "cache", first)
    assert np.array_equal(crops(source, tree.root, tmp_path / "cache", second), before)
    save(pixels[::-1])
    assert DataRoot(tree.root).bind(CocoFolder) == source
    with refused("other-picture") as caught:
        crops(source, tree.root, tmp_path / "cache", second)
    assert caught.value.path == str(path)
    save(pixels)
    assert np.array_equal(crops(source, tree.root, tmp_path / "cache", second), before)


def test_a_set_that_was_copied_is_the_same(tree: Any, tmp_path: Path) -> None:
    source = DataRoot(tree.root).bind(CocoFolder)
    before = crops(source, tree.root, tmp_path / "cache", True)
    copy = tmp_path / "copy"
    tree.root.rename(copy)
    assert np.array_equal(crops(source, copy, tmp_path / "cache", True), before)


def test_the_pack_of_another_set_under_the_name_is_refused(tree: Any, tmp_path: Path) -> None:
    data = CocoKeypoints(source=DataRoot(tree.root).bind(CocoFolder), size=(64, 48))
    place = DataPaths(tmp_path / "cache", tree.root)
    data.prepare(place)
    train, val = sorted(path.parent for path in place.cache.rglob("pixels.bin"))
    val.rename(val.with_name("kept"))
    train.rename(val)
    val.with_name("kept").rename(train)
    open_pack.cache_clear()
    with refused("damaged"):
        data.open(place, 0)
