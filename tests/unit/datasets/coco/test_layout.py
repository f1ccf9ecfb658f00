"""Files are found by whole words in their names, and pictures under the names that other systems write."""

import shutil
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from datasets.coco.config import CocoFolder
from datasets.coco.layout import find_annotations
from tests.support.errors import refused
from tests.support.published import Published, edit

HEAD = ("nose", "left_ear", "right_ear")
SET = Published(HEAD, pictures="{split}")


def found(folder: Path, *files: str) -> dict[str, str]:
    (folder / "annotations").mkdir(exist_ok=True)
    for file in files:
        (folder / "annotations" / file).touch()
    return {split: path.name for split, path in find_annotations(folder).items()}


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("festival_train.json", "festival_val.json"),
        ("medieval_train.json", "medieval_valid.json"),
        ("evaluation_train.json", "evaluation_val.json"),
        ("constrained_Train2017.json", "constrained_Val2017.json"),
        ("MiceTraining.json", "MiceValidation.json"),
        ("coco_wholebody_train_v1.0.json", "coco_wholebody_val_v1.0.json"),
        ("ap10k-train-split1.json", "ap10k-val-split1.json"),
    ],
)
def test_splits_are_whole_words(tmp_path: Path, train: str, val: str) -> None:
    others = ("crowdpose_trainval.json", "retrain.json", "oval.json", "test.json")
    assert found(tmp_path, train, val, *others) == {"train": train, "val": val}


def test_files_that_macos_leaves_are_no_annotations(tmp_path: Path) -> None:
    dots = ("._train.json", "._val.json", ".train.json")
    assert found(tmp_path, "train.json", "val.json", *dots) == {"train": "train.json", "val": "val.json"}
    (tmp_path / "annotations" / "train.json").unlink()
    with refused("ambiguous-annotations"):
        find_annotations(tmp_path)


def pictures(root: Path) -> list[Path]:
    source = CocoFolder.bind(root)
    return [
        file.path
        for split in (source.read(root).train, source.read(root).val)
        for file in split.files_to_check()
    ]


def rename(root: Path, change: Any) -> None:
    """Names in the annotations, by the file's own."""
    for split in ("train", "val"):
        edit(
            root / "annotations" / f"{split}.json",
            lambda d, s=split: [one.update(file_name=change(s, one["file_name"])) for one in d["images"]],
        )


@pytest.mark.parametrize(
    "written",
    ["{split}/{name}", "./{split}/{name}", "{split}\\{name}", "{split}%2F{name}", "{name}"],
)
def test_names_lead_from_the_root_too_in_the_spelling_of_other_systems(tmp_path: Path, written: str) -> None:
    SET.write(tmp_path)
    rename(tmp_path, lambda split, name: written.format(split=split, name=name))
    assert all(path.is_file() for path in pictures(tmp_path))


@pytest.mark.parametrize(
    "folder", ["images/{split}", "images", "data", "{split}2017", "my {split} pictures", "."]
)
def test_folders_of_many_names_are_found(tmp_path: Path, folder: str) -> None:
    Published(HEAD, pictures=folder).write(tmp_path)
    rename(tmp_path, lambda split, name: name)
    assert all(path.is_file() for path in pictures(tmp_path))


@pytest.mark.parametrize(
    ("on_disk", "listed"),
    [
        ("a b", "a%20b"),
        ("a%20b", "a%20b"),
        ("50% + é", "50% + é"),
        (unicodedata.normalize("NFC", "Köln é"), unicodedata.normalize("NFD", "Köln é")),
        (unicodedata.normalize("NFD", "Köln é"), unicodedata.normalize("NFC", "Köln é")),
        ("é ü", "%C3%A9%20%C3%BC"),
    ],
)
def test_names_are_tried_in_other_spellings(tmp_path: Path, on_disk: str, listed: str) -> None:
    SET.write(tmp_path)
    for split in ("train", "val"):
        for path in list((tmp_path / split).iterdir()):
            path.rename(path.with_name(f"{on_disk}{path.name}"))
    rename(tmp_path, lambda split, name: f"{listed}{name}")
    assert all(path.is_file() for path in pictures(tmp_path))


def test_pictures_of_whole_bodies_lie_in_cocos_folders(tmp_path: Path) -> None:
    Published(HEAD, files="annotations/coco_wholebody_{split}_v1.0.json", pictures="{split}2017").write(
        tmp_path
    )
    assert {path.parent.name for path in pictures(tmp_path)} == {"train2017", "val2017"}


def test_pictures_in_valid_are_not_taken_from_their_namesakes(tmp_path: Path) -> None:
    Published(HEAD, pictures="{split}").write(tmp_path)
    rename(tmp_path, lambda split, name: name[-6:])  # 01.jpg of both splits
    for split in ("train", "val"):
        for path in (tmp_path / split).iterdir():
            path.rename(path.with_name(path.name[-6:]))
    (tmp_path / "train").rename(tmp_path / "images")
    (tmp_path / "val").rename(tmp_path / "valid")
    assert {path.parent.name for path in pictures(tmp_path)} == {"images", "valid"}
    (tmp_path / "valid").rename(tmp_path / "held out")
    with refused("ambiguous-pictures") as caught:
        CocoFolder.bind(tmp_path)
    assert "held out" in str(caught.value)
    shutil.rmtree(tmp_path / "held out")
    said = CocoFolder.bind(tmp_path).assumed
    assert said == (
        "6 pictures for validation are for training too (01.jpg): numbers are those of known pictures",
    )


def test_the_same_bytes_under_another_name_are_the_same_picture(tmp_path: Path) -> None:
    SET.write(tmp_path)
    assert CocoFolder.bind(tmp_path).assumed == ()
    shutil.copy(tmp_path / "train" / "000003.jpg", tmp_path / "val" / "000102.jpg")
    (sentence,) = CocoFolder.bind(tmp_path).assumed
    assert sentence.startswith("1 picture for validation is for training too (000102.jpg)")


def test_one_picture_under_two_ids_is_named(tmp_path: Path) -> None:
    SET.write(tmp_path)
    path = tmp_path / "annotations" / "train.json"
    edit(path, lambda d: d["images"][3].update(file_name="./000002.jpg"))
    with refused("repeated-picture") as caught:
        CocoFolder.bind(tmp_path)
    assert "images[3] (id 4)" in str(caught.value)
    assert CocoFolder.bind(tmp_path, skip_broken=True).train_samples == 5
