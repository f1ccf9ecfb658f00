"""The files of the generated set: in COCO's layout, all or nothing."""

import contextlib
import io
import json
from pathlib import Path

import cv2
import pytest

from datasets.synthetic.people.people import SPLITS, People, write
from tests.support.errors import refused

SMALL = People(train=34, val=3)
TINY = People(train=2, val=1)


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("generated") / "people"
    write(SMALL, root, workers=1)
    return root


@pytest.fixture(scope="module")
def coco(small):
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        return {
            split: COCO(str(small / "annotations" / f"person_keypoints_{split}.json")) for split in SPLITS
        }


# --- the files ---


def test_pycocotools_reads_what_was_written(small, coco):
    for split, count in zip(SPLITS, (SMALL.train, SMALL.val), strict=True):
        read = coco[split]
        assert len(read.imgs) == count
        assert read.loadCats(read.getCatIds(["person"]))[0]["keypoints"] == list(SMALL.keypoints)
        assert read.loadCats([1])[0]["skeleton"] == [list(limb) for limb in SMALL.skeleton]
        assert len(read.anns) >= count - 3
        for entry in read.imgs.values():
            assert entry["file_name"] == f"{entry['id']:012d}.jpg"
            image = cv2.imread(str(small / split / entry["file_name"]))
            assert image.shape == (entry["height"], entry["width"], 3) == (144, 192, 3)


def test_ids_are_unique_across_splits(coco):
    assert not coco[SPLITS[0]].imgs.keys() & coco[SPLITS[1]].imgs.keys()
    assert not coco[SPLITS[0]].anns.keys() & coco[SPLITS[1]].anns.keys()


def test_the_labels_score_full_marks_against_themselves(coco):
    from pycocotools.cocoeval import COCOeval

    truth = coco["train2017"]
    results = [
        {"image_id": a["image_id"], "category_id": 1, "keypoints": a["keypoints"], "score": 1.0}
        for a in truth.anns.values()
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_the_generator_is_stored_beside_the_pictures_and_in_them(small):
    stored = json.loads((small / "generator.json").read_text())
    assert People.model_validate(stored["generator"]) == SMALL
    assert stored["fingerprint"] == SMALL.fingerprint()
    info = json.loads((small / "annotations" / "person_keypoints_val2017.json").read_text())["info"]
    assert info == stored


# --- all or nothing ---


def test_a_complete_set_is_not_written_again(small):
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    write(SMALL, small, progress=lambda *_: pytest.fail("generated again"))
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*")} == before


def test_progress_counts_the_pictures_of_both_splits(tmp_path):
    calls = []
    write(TINY, tmp_path / "people", workers=1, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_an_interrupted_run_leaves_nothing_behind(tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(TINY, tmp_path / "people", workers=1, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    with refused("not-generated"):
        write(TINY, tmp_path, workers=1)
    assert contents(tmp_path) == {"photo.jpg": b"mine"}


def test_another_set_is_refused_by_its_fingerprint(small):
    with refused("another-set") as caught:
        write(SMALL.model_copy(update={"seed": 1}), small, workers=1)
    assert SMALL.fingerprint() in str(caught.value)


@pytest.mark.parametrize("missing", ["val2017/000001000001.jpg", "annotations/person_keypoints_val2017.json"])
def test_an_incomplete_set_is_refused(tmp_path, missing):
    write(TINY, tmp_path / "people", workers=1)
    (tmp_path / "people" / missing).unlink()
    with refused("incomplete-set"):
        write(TINY, tmp_path / "people", workers=1)


def test_whoever_ends_second_accepts_the_set_of_the_first(tmp_path):
    root = tmp_path / "people"

    def overtake(done, total):
        if done == 2:
            write(TINY, root, workers=1)

    write(TINY, root, workers=1, progress=overtake)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people"]
    write(TINY, root, progress=lambda *_: pytest.fail("incomplete"))


def test_whoever_ends_second_refuses_a_set_that_is_not_its_own(tmp_path):
    root = tmp_path / "people"

    def overtake(done, total):
        if done == 2:
            write(TINY.model_copy(update={"seed": 9}), root, workers=1)

    with refused("another-set"):
        write(TINY, root, workers=1, progress=overtake)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people"]
