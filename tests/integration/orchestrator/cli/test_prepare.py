"""`rle-lab prepare`: a set with every kind of damage, listed at once, refused, and gone on without."""

import argparse
import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths
from datasets.io.errors import DataError
from datasets.io.image import PictureFile
from datasets.io.survey import Survey, check_files
from datasets.synthetic.people.write_human36m import Human36MPeople
from datasets.synthetic.people.write_human36m import write as write_human36m
from orchestrator.cli import prepare
from orchestrator.data import picture_checks, preparing
from orchestrator.util.terminal import Terminal
from tests.support.errors import refused

NAMES = ("nose", "left_eye", "right_eye")
PEOPLE = 12


@pytest.fixture(scope="module", autouse=True)
def ray_ends() -> Iterator[None]:
    yield
    import ray

    ray.shutdown()


def write_coco(root: Path) -> None:
    """Twelve pictures of one person each, in both splits."""
    (root / "annotations").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        (root / split).mkdir()
        images, people = [], []
        for n in range(PEOPLE):
            Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)).save(root / split / f"{n}.png")
            images.append({"id": n, "file_name": f"{n}.png", "width": 64, "height": 48})
            person = {"id": 100 + n, "image_id": n, "category_id": 1, "bbox": [5, 5, 30, 30], "area": 500}
            people.append({**person, "keypoints": [10, 10, 2, 20, 12, 1, 25, 9, 2]})
        category = {"id": 1, "name": "person", "keypoints": NAMES, "skeleton": [[1, 2]]}
        document = {"images": images, "annotations": people, "categories": [category]}
        (root / "annotations" / f"{split}.json").write_text(json.dumps(document))


def damage(root: Path) -> None:
    """Six records and three pictures."""
    path = root / "annotations" / "train.json"
    document = json.loads(path.read_text())
    people = document["annotations"]
    people[0]["keypoints"][3] = float("nan")
    people[1]["bbox"] = [100, 5, 10, 10]
    people[2]["keypoints"] = people[2]["keypoints"][:6]
    people[3]["id"] = 104
    people[5]["image_id"] = 999
    document["images"][6]["width"] = 0
    path.write_text(json.dumps(document))
    (root / "train" / "7.png").unlink()
    broken = root / "train" / "8.png"
    broken.write_bytes(broken.read_bytes()[:300])
    Image.new("RGB", (10, 10)).save(root / "val" / "9.png")


REASONS = [
    ("train.json", "annotations[0] (id 100)", "keypoints[3] is nan"),
    ("train.json", "annotations[2] (id 102)", "6 numbers instead of 9"),
    ("train.json", "annotations[4] (id 104)", "occurs twice"),
    ("train.json", "annotations[5] (id 105)", "no image has its image_id, 999"),
    ("train.json", "annotation 101", "lies outside its picture"),
    ("train.json", "images[6] (id 6)", "width is 0"),
    ("7.png", "", "missing"),
    ("8.png", "", "can't be decoded"),
    ("9.png", "", "is 10x10 pixels, its annotations say 64x48"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_coco(tmp_path / "set")
    damage(tmp_path / "set")
    return tmp_path / "set"


def run(*names: str, root: Path, cache: Path, skip: bool = False) -> tuple[int, str]:
    """The exit code and what was printed."""
    text = io.StringIO()
    console = Terminal(file=text, width=200)
    code = preparing.prepare(names, DataPaths(cache, root), console, skip_broken=skip)
    return code, text.getvalue()


def listed(cache: Path, name: str) -> list[dict[str, str]]:
    with (cache / "checks" / f"broken-{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_everything_broken_is_listed_at_once_with_file_record_and_reason(root: Path, tmp_path: Path) -> None:
    code, text = run(root=root, cache=tmp_path / "cache")
    assert code == 1
    rows = listed(tmp_path / "cache", "coco")
    assert len(rows) == len(REASONS)
    for name, record, reason in REASONS:
        assert any(r["file"].endswith(name) and r["record"] == record and reason in r["reason"] for r in rows)
        assert reason in text
    assert all(row["remedy"] for row in rows)
    assert not (tmp_path / "cache" / "packs").exists()


def test_folders_and_files_of_any_name_are_printed_as_they_are_called(root: Path, tmp_path: Path) -> None:
    hostile = root.rename(tmp_path / "X[").rename(tmp_path / "[red]X\x1b[31m\x9b2J[data]")
    (hostile / "train" / "8.png").rename(hostile / "train" / "[link=x]\x07.png")
    annotations = hostile / "annotations" / "train.json"
    annotations.write_text(annotations.read_text().replace('"8.png"', '"[link=x]\\u0007.png"'))
    code, text = run(root=hostile, cache=hostile / "cache")
    assert code == 1
    assert r"[link=x]\x07.png" in text
    assert r"[red]X\x1b[31m\x9b2J[data]/cache" in text
    assert "\x1b" not in text


def test_skipping_goes_on_without_them_and_counts_them(root: Path, tmp_path: Path) -> None:
    code, text = run(root=root, cache=tmp_path / "cache", skip=True)
    assert code == 0
    assert "left out: 6 broken records, 3 in broken pictures" in " ".join(text.split())
    source = CocoFolder.bind(root, skip_broken=True)
    data = CocoKeypoints(source=source)
    place = DataPaths(tmp_path / "cache", root)
    report = data.prepare(place)
    assert (report.train.samples, report.val.samples) == (4, PEOPLE - 1)
    assert report.train.left_out == {"broken records": 6, "in broken pictures": 3}
    opened = data.open(place, 0)
    assert opened.train.ids.tolist() == [104, 109, 110, 111]
    assert 109 not in opened.val.ids


def test_without_skipping_one_error_names_the_first_and_says_how_many(root: Path) -> None:
    with pytest.raises(DataError) as caught:
        CocoFolder.bind(root)
    text = str(caught.value)
    assert "images[6] (id 6): width is 0" in text
    assert "6 records or pictures are broken" in text
    assert text.endswith("lists all. Correct them, or go on without them with --skip-broken.")
    assert "`rle-lab prepare`" in text


def test_broken_pictures_are_refused_together_when_training_would_begin(tmp_path: Path) -> None:
    root = tmp_path / "set"
    write_coco(root)
    for n in (2, 5, 6, 7):
        (root / "train" / f"{n}.png").write_bytes(b"no picture")
    data = CocoKeypoints(source=CocoFolder.bind(root))
    with refused("broken-records") as caught:
        data.prepare(DataPaths(tmp_path / "cache", root))
    assert caught.value.path.endswith("2.png")
    assert "5.png" in caught.value.problem
    assert "7.png" not in caught.value.problem


def test_what_was_skipped_is_part_of_the_fingerprint_and_nothing_skipped_changes_nothing(root: Path) -> None:
    whole = root.parent / "whole"
    write_coco(whole)
    assert CocoFolder.bind(whole, skip_broken=True) == CocoFolder.bind(whole)
    skipped = CocoFolder.bind(root, skip_broken=True)
    assert skipped.broken_pictures == ("train/7.png", "train/8.png", "val/9.png")
    path = root / "train" / "11.png"
    path.write_bytes(path.read_bytes()[:300] + bytes(path.stat().st_size - 300))  # of the same length
    again = CocoFolder.bind(root, skip_broken=True)
    assert len({skipped.fingerprint(), again.fingerprint(), CocoFolder.bind(whole).fingerprint()}) == 3
    assert CocoFolder.model_validate_json(again.model_dump_json()) == again


def test_a_set_in_order_is_prepared(tmp_path: Path) -> None:
    write_coco(tmp_path / "set")
    code, text = run("coco", root=tmp_path / "set", cache=tmp_path / "cache")
    assert code == 0
    assert "12 people in 12 pictures for training; 12 people in 12 pictures for validation" in text


def test_what_was_assumed_is_said_once(tmp_path: Path) -> None:
    write_coco(tmp_path / "set")
    path = tmp_path / "set" / "annotations" / "train.json"
    path.write_text(path.read_text().replace('"area": 500, ', ""))
    code, text = run("coco", root=tmp_path / "set", cache=tmp_path / "cache")
    assert code == 0
    assert text.count("assumed: coco: 12 people have no area: 0.53 of the box's area stands in\n") == 1


def test_sets_in_one_folder_are_found_and_judged_apart(tmp_path: Path) -> None:
    root = tmp_path / "sets"
    write_coco(root)
    write_human36m(Human36MPeople(train=1, val=4, side=32), root / "h36m", workers=1)
    (root / "dme").mkdir()
    rows = np.full((8, 768, 3), 100.0)
    images = np.random.default_rng(0).integers(2, 40, (240, 768, 3), np.uint8)
    images[92:101] += 200  # a bright layer whose lower edge is the membrane
    scans = {"images": images}
    scans |= dict.fromkeys(("manualLayers1", "manualLayers2", "automaticLayersDME"), rows)
    for subject in range(1, 11):
        savemat(root / "dme" / f"Subject_{subject:02d}.mat", scans, do_compression=True)
    (root / "dme" / "Subject_02.mat").write_bytes(b"nothing")
    (root / "dme" / "Subject_07.mat").unlink()
    path = root / "h36m" / "annotations" / "Human36M_subject5_camera.json"
    cameras = json.loads(path.read_text())
    del cameras["3"]
    path.write_text(json.dumps(cameras))
    code, text = run(root=root, cache=tmp_path / "cache")
    assert code == 1
    words = " ".join(text.split())
    assert "coco 12 pictures" not in words  # 24, of both splits
    assert "coco 24 pictures 0 12 people" in words
    assert len(listed(tmp_path / "cache", "human36m")) == 1
    assert {row["file"][-6:] for row in listed(tmp_path / "cache", "retina")} == {"02.mat", "07.mat"}
    code, text = run("human36m", "retina", root=root, cache=tmp_path / "cache", skip=True)
    assert code == 0
    assert "2 broken subjects" in " ".join(text.split())
    assert "broken records" in text


def test_a_set_without_anybody_stops_no_other_and_skipping_is_not_advised(tmp_path: Path) -> None:
    root = tmp_path / "sets"
    write_coco(root)
    write_human36m(Human36MPeople(train=1, val=4, side=32), root / "h36m", workers=1)
    path = root / "annotations" / "train.json"
    path.write_text(path.read_text().replace('"area": 500', '"iscrowd": 1'))
    code, text = run(root=root, cache=tmp_path / "cache")
    words = " ".join(text.split())
    assert code == 1
    assert "no usable person is left for training (12 crowds)" in words
    assert "people in 8 pictures for validation" in words or "for validation" in words
    assert "--skip-broken" not in words


def test_a_file_that_is_no_annotations_is_the_one_broken_record_and_cant_be_skipped(
    root: Path, tmp_path: Path
) -> None:
    (root / "annotations" / "val.json").write_text("[1, 2")
    code, text = run("coco", root=root, cache=tmp_path / "cache", skip=True)
    assert code == 1
    assert "is not JSON" in text
    assert len(listed(tmp_path / "cache", "coco")) == 1


def test_a_folder_without_any_set_says_what_is_missing(tmp_path: Path) -> None:
    with refused("no-annotations"):
        run(root=tmp_path, cache=tmp_path / "cache")


def test_findings_are_remembered_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_coco(tmp_path / "set")
    files = tuple(PictureFile(tmp_path / "set" / "train" / f"{n}.png", 64, 48) for n in range(3))
    files[1].path.write_bytes(b"no picture")
    console = Terminal(file=io.StringIO())
    assert picture_checks.recall(tmp_path, files) is None
    found = picture_checks.checker(tmp_path, console)(Survey((), files))
    assert found == check_files(files)
    monkeypatch.setattr(picture_checks, "check_all", None)
    assert picture_checks.checker(tmp_path, console)(Survey((), files)) == found
    shutil.copy(files[0].path, files[1].path)
    assert picture_checks.recall(tmp_path, files) is None


def test_the_command_reads_its_options_and_ends_with_its_code(root: Path, tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    prepare.add_parser(parser.add_subparsers())
    line = ["prepare", "--data-root", str(root), "--set", "coco", "--storage", str(tmp_path / "store")]
    arguments = parser.parse_args(line)
    assert arguments.act(arguments) == 1
    assert len(listed(tmp_path / "store" / "data", "coco")) == len(REASONS)
    arguments = parser.parse_args([*line, "--skip-broken", "--no-pack"])
    assert arguments.act(arguments) == 0
    assert (tmp_path / "store" / "data" / "indexes").exists()
    assert not (tmp_path / "store" / "data" / "packs").exists()
