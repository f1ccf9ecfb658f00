"""Exports of labelling tools are read as they are, or split in two."""

from pathlib import Path

import pytest

from datasets.coco.config import CocoFolder
from datasets.coco.layout import find_annotations
from datasets.exports.convert import convert
from tests.support.errors import refused
from tests.support.exports import (
    PAW,
    cvat,
    deeplabcut,
    document,
    label_studio,
    person,
    picture,
    roboflow,
    save,
)

NAMES = [f"frame_{n:06d}.png" for n in range(10)]


def bound(root: Path) -> CocoFolder:
    """As `prepare` and `run` read it."""
    found = CocoFolder.bind(root)
    assert found.keypoints == PAW
    return found


def names(root: Path, split: str) -> set[str]:
    return {path.name for path in (root / split).rglob("*.png")}


def test_roboflows_folders_are_read_as_they_are(tmp_path: Path) -> None:
    roboflow(tmp_path, {"train": NAMES[:6], "valid": NAMES[6:8], "test": NAMES[8:]})
    found = bound(tmp_path)
    assert found.train_samples == 6
    assert {split: file.parent.name for split, file in find_annotations(tmp_path).items()} == {
        "train": "train",
        "val": "valid",
    }


def test_roboflows_split_is_kept_where_boxes_become_whole_pictures(tmp_path: Path) -> None:
    roboflow(tmp_path / "mice", {"train": NAMES[:6], "valid": NAMES[6:8], "test": NAMES[8:]})
    done = convert(tmp_path / "mice", tmp_path / "out", "frame")
    assert done.pictures == {"train": 6, "val": 2}
    bound(tmp_path / "out")
    assert names(tmp_path / "out", "val") == set(NAMES[6:8])
    assert '"bbox": [0.0, 0.0, 64.0, 48.0]' in (tmp_path / "out" / "annotations" / "val.json").read_text()


@pytest.mark.parametrize("tool", [cvat, label_studio])
def test_one_file_for_all_pictures_is_split_in_two(tmp_path: Path, tool) -> None:
    tool(tmp_path / "mice", NAMES)
    with refused("ambiguous-annotations" if tool is cvat else "no-annotations") as caught:
        CocoFolder.bind(tmp_path / "mice")
    assert f"rle-lab convert {tmp_path / 'mice'} OUT" in caught.value.remedy
    done = convert(tmp_path / "mice", tmp_path / "out")
    assert done.pictures == {"train": 8, "val": 2}
    assert bound(tmp_path / "out").train_samples == 8
    assert names(tmp_path / "out", "train") | names(tmp_path / "out", "val") == set(NAMES)
    assert any("every fifth is for validation" in said for said in done.assumed)
    again = convert(tmp_path / "mice", tmp_path / "again")
    assert names(tmp_path / "again", "val") == names(tmp_path / "out", "val")
    assert again == done


def test_cvats_subsets_are_read_as_they_are(tmp_path: Path) -> None:
    for subset, listed in (("Train", NAMES[:6]), ("Validation", NAMES[6:])):
        for name in listed:
            picture(tmp_path / "images" / subset / name)
        save(tmp_path / "annotations" / f"person_keypoints_{subset}.json", document(listed, [person()] * 6))
    assert bound(tmp_path).train_samples == 6


def test_an_export_of_training_alone_is_split(tmp_path: Path) -> None:
    roboflow(tmp_path / "mice", {"train": NAMES})
    with refused("no-annotations"):
        CocoFolder.bind(tmp_path / "mice")
    assert convert(tmp_path / "mice", tmp_path / "out").pictures == {"train": 8, "val": 2}
    bound(tmp_path / "out")


def test_whole_videos_are_for_validation_where_there_are_several(tmp_path: Path) -> None:
    mouse = {"": {name: (10 + n, 20 - n) for n, name in enumerate(PAW)}}
    for video, count in (("a", 4), ("b", 1), ("c", 5)):
        deeplabcut(tmp_path / "mice", video, {f"{video}{n}.png": mouse for n in range(count)})
    done = convert(tmp_path / "mice", tmp_path / "out")
    assert names(tmp_path / "out", "val") == {"b0.png"}  # of 1, 4 and 5 nearest to a fifth of 10
    assert any("for validation as a whole" in said for said in done.assumed)
    bound(tmp_path / "out")


def test_folders_of_names_are_videos_and_two_are_one_each(tmp_path: Path) -> None:
    listed = ["walk/1.png", "walk/2.png", "run/1.png"]
    for name in listed:
        picture(tmp_path / "mice" / "images" / name)
    save(tmp_path / "mice" / "result.json", document([f"images/{name}" for name in listed], [person()] * 3))
    convert(tmp_path / "mice", tmp_path / "out")
    assert {path.parent.name for path in (tmp_path / "out" / "val").rglob("*.png")} == {"run"}
    assert {path.parent.name for path in (tmp_path / "out" / "train").rglob("*.png")} == {"walk"}


def test_own_boxes_and_areas_are_kept_unless_whole_pictures_are_wanted(tmp_path: Path) -> None:
    cvat(tmp_path / "mice", NAMES)
    convert(tmp_path / "mice", tmp_path / "own")
    assert '"bbox": [10, 10, 30, 20], "area": 600.0' in (tmp_path / "own/annotations/train.json").read_text()
    convert(tmp_path / "mice", tmp_path / "whole", "frame")
    text = (tmp_path / "whole/annotations/train.json").read_text()
    assert '"bbox": [0.0, 0.0, 64.0, 48.0], "area": 600.0' in text


def no_keypoints(root: Path) -> None:
    content = document(NAMES, [{"bbox": [1, 1, 9, 9], "area": 81} for _ in NAMES])
    del content["categories"][0]["keypoints"]
    save(root / "annotations" / "person_keypoints_default.json", content)


def leads_out(root: Path) -> None:
    picture(root.parent / "other.png")
    content = document(["../../../other.png", *NAMES], [person()] * 11)
    save(root / "annotations" / "person_keypoints_default.json", content)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (no_keypoints, "no-keypoints"),
        (leads_out, "outside-root"),
        (lambda root: (root / "images/default" / NAMES[3]).unlink(), "missing-picture"),
        (lambda root: save(root / "annotations" / "person_keypoints_more.json", {}), "ambiguous-annotations"),
        (lambda root: save(root / "annotations" / "person_keypoints_default.json", {}), "missing-field"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, spoil, code: str) -> None:
    cvat(tmp_path / "mice", NAMES)
    spoil(tmp_path / "mice")
    with refused(code):
        convert(tmp_path / "mice", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    cvat(tmp_path / "mice", NAMES)
    out = tmp_path / "out"
    out.write_text("mine")
    for make in (
        lambda: None,
        lambda: out.symlink_to(tmp_path / "nowhere"),
        lambda: (out / "a").mkdir(parents=True),
    ):
        make()
        with refused("would-overwrite"):
            convert(tmp_path / "mice", out)
        out.unlink() if out.is_symlink() or out.is_file() else (out / "a").rmdir()
    convert(tmp_path / "mice", out)  # into an empty folder
    bound(out)
