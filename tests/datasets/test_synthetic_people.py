"""The generated set: the same bits from any number of workers, true labels, COCO's layout, all or nothing."""

import contextlib
import io
import json
import multiprocessing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from datasets.errors import DataError
from datasets.synthetic.label_noise import SIGMAS, LabelNoise, kind
from datasets.synthetic.people import SPLITS, People, picture, write
from datasets.synthetic.skeleton import INDEX

SMALL = People(train=34, val=3)
TINY = People(train=2, val=1)
SELECTED = [INDEX[name] for name in SMALL.keypoints]


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


@pytest.fixture(scope="module")
def sample():
    """40 pictures with their records, of crowded scenes."""
    people = People(framing=SMALL.framing.model_copy(update={"people": (0.6, 0.4), "truncated": 0.2}))
    return [picture(people, "train2017", index) for index in range(40)]


# --- the same bits ---


def test_any_number_of_workers_writes_the_same_bits(small, tmp_path):
    write(SMALL, tmp_path / "again", workers=2)
    assert contents(tmp_path / "again") == contents(small)


def test_a_picture_does_not_depend_on_how_many_there_are():
    first, _ = picture(TINY, "train2017", 1)
    second, _ = picture(SMALL, "train2017", 1)
    np.testing.assert_array_equal(first.image, second.image)


def test_splits_seeds_and_indices_differ():
    images = [
        picture(People(seed=seed), split, index)[0].image.tobytes()
        for seed in (0, 1)
        for split in SPLITS
        for index in (0, 1)
    ]
    assert len(set(images)) == 8


def test_other_label_noise_leaves_every_pixel_and_the_truth_as_they_are():
    other = People(labels=LabelNoise(visible=2.0, swapped=0.5))
    for index in range(3):
        (a, records), (b, others) = picture(People(), "val2017", index), picture(other, "val2017", index)
        np.testing.assert_array_equal(a.image, b.image)
        for sighting, again in zip(a.sightings, b.sightings, strict=True):
            np.testing.assert_array_equal(sighting.points, again.points)
        assert records != others


# --- the fingerprint ---


def changed(value: Any) -> Any:
    match value:
        case int():
            return value + 1
        case float():
            return 0.9 * value
        case (float(low), float(high)):
            return (low, 1.01 * high)
        case _:
            return (*value[1:], value[0])  # probabilities, in another order


def variations(model: BaseModel) -> list[BaseModel]:
    found = []
    for name, value in model:
        if isinstance(value, BaseModel):
            found += [model.model_copy(update={name: inner}) for inner in variations(value)]
        elif name != "kind":
            found.append(model.model_copy(update={name: changed(value)}))
    return found


def test_the_fingerprint_changes_with_every_field():
    base = People()
    others = [People.model_validate(other.model_dump()) for other in variations(base)]
    fingerprints = {people.fingerprint() for people in (base, *others)}
    assert len(others) > 30
    assert len(fingerprints) == len(others) + 1


def test_the_fingerprint_survives_json_and_names_equal_values():
    people = People(seed=5)
    assert People.model_validate_json(people.model_dump_json()).fingerprint() == people.fingerprint()
    assert len(people.fingerprint()) == 16
    assert int(people.fingerprint(), 16) >= 0


def test_an_unknown_field_is_refused():
    with pytest.raises(ValueError, match="sede"):
        People(sede=3)  # type: ignore[call-arg]


# --- the truth ---


def upright_towards(figure, sign):
    return figure.facing[2] * sign > 0.7 and figure.joint("thorax")[1] < figure.joint("pelvis")[1] - 0.3


def test_clean_keypoints_are_the_projections_of_the_joints(sample):
    for made, records in sample:
        truth = [made.scene.camera.project(person.joints)[SELECTED] for person in made.scene.people]
        for record in records:
            clean = np.array(record["clean_keypoints"]).reshape(17, 3)[:, :2]
            assert min(np.abs(clean - points).max() for points in truth) <= 0.00501


def test_left_is_at_image_right_from_the_front_and_at_image_left_from_behind(sample):
    seen = {-1: 0, 1: 0}
    for made, _ in sample:
        for figure, sighting in zip(made.scene.people, made.sightings, strict=True):
            for sign in seen:
                if upright_towards(figure, sign):
                    x = sighting.points[:, 0]
                    assert sign * (x[INDEX["right_shoulder"]] - x[INDEX["left_shoulder"]]) > 0
                    seen[sign] += 1
    assert seen[-1] > 20
    assert seen[1] > 2


def test_from_behind_no_eye_or_nose_is_visible(sample):
    backs = [
        sighting
        for made, _ in sample
        for figure, sighting in zip(made.scene.people, made.sightings, strict=True)
        if figure.frame("head")[2, 2] < -0.8
    ]
    assert backs
    for sighting in backs:
        assert not sighting.visible[[INDEX["nose"], INDEX["left_eye"], INDEX["right_eye"]]].any()


def test_visible_labels_err_by_the_noise_asked_for():
    people = People(labels=LabelNoise(visible=0.3, outliers=0.0, swapped=0.0))
    unit = np.array([SIGMAS[kind(name)] for name in people.keypoints])[:, None]
    found = []
    for index in range(40):
        for record in picture(people, "train2017", index)[1]:
            labelled, clean = (
                np.array(record[key]).reshape(17, 3) for key in ("keypoints", "clean_keypoints")
            )
            difference = (labelled - clean)[:, :2] / (unit * np.sqrt(record["area"]))
            amid = ((labelled[:, :2] > 1) & (labelled[:, :2] < [190, 142])).all(axis=1)  # not clipped
            found.append(difference[(labelled[:, 2] == 2) & amid])
    assert np.concatenate(found).std() == pytest.approx(0.3, rel=0.05)


def test_an_unoccluded_scene_shows_the_body_it_draws():
    people = People(looks=SMALL.looks.model_copy(update={"occluded": 0.0, "clutter": 0.0}))
    for index in range(8):
        made, _ = picture(people, "val2017", index)
        for figure, sighting in zip(made.scene.people, made.sightings, strict=True):
            if upright_towards(figure, -1) and len(made.scene.people) == 1 and sighting.inside.all():
                assert sighting.visible[[INDEX["left_shoulder"], INDEX["right_shoulder"]]].all()
                assert sighting.visible[[INDEX["left_knee"], INDEX["right_knee"]]].any()


@given(index=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_records_are_consistent(index):
    made, records = picture(SMALL, "train2017", index)
    height, width = made.image.shape[:2]
    assert made.image.dtype == np.uint8
    for record in records:
        keypoints = np.array(record["keypoints"]).reshape(17, 3)
        labelled = keypoints[:, 2] > 0
        assert labelled.sum() == record["num_keypoints"] >= 5
        assert (keypoints[labelled, :2] >= 0).all()
        assert (keypoints[labelled, :2] <= [width - 1, height - 1]).all()
        assert (keypoints[~labelled] == 0).all()
        x, y, w, h = record["bbox"]
        assert 0 <= x < x + w <= width
        assert 0 <= y < y + h <= height
        assert 150 <= record["area"] <= w * h


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


@pytest.mark.parametrize(("workers", "people"), [(1, TINY), (2, People(train=70, val=1))])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path, workers, people):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(people, tmp_path / "people", workers=workers, progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    assert multiprocessing.active_children() == []


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"not a set of generated people.*Name another folder"):
        write(TINY, tmp_path, workers=1)
    assert contents(tmp_path) == {"photo.jpg": b"mine"}


def test_another_set_is_refused_by_its_fingerprint(small):
    with pytest.raises(DataError, match=f"of another set.*{SMALL.fingerprint()}"):
        write(SMALL.model_copy(update={"seed": 1}), small, workers=1)


@pytest.mark.parametrize("missing", ["val2017/000001000001.jpg", "annotations/person_keypoints_val2017.json"])
def test_an_incomplete_set_is_refused_with_the_remedy(tmp_path, missing):
    write(TINY, tmp_path / "people", workers=1)
    (tmp_path / "people" / missing).unlink()
    with pytest.raises(DataError, match=r"(0 of 1 pictures|no annotations).*Remove the folder"):
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

    with pytest.raises(DataError, match="of another set"):
        write(TINY, root, workers=1, progress=overtake)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people"]
