"""The generated set: a picture's bits depend on its seed alone, its labels are true."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from datasets.keypoints import SIGMAS
from datasets.synthetic.people.label_noise import LabelNoise, joint_kind
from datasets.synthetic.people.people import SPLITS, People, sample_image
from datasets.synthetic.people.skeleton import INDEX
from tests.support.errors import invalid

SMALL = People(train=34, val=3)
TINY = People(train=2, val=1)
SELECTED = [INDEX[name] for name in SMALL.keypoints]


@pytest.fixture(scope="module")
def sample():
    """40 pictures with their records, of crowded scenes."""
    people = People(framing=SMALL.framing.model_copy(update={"people": (0.6, 0.4), "truncated": 0.2}))
    return [sample_image(people, "train2017", index) for index in range(40)]


# --- the same bits ---


def test_a_picture_does_not_depend_on_how_many_there_are():
    first, _ = sample_image(TINY, "train2017", 1)
    second, _ = sample_image(SMALL, "train2017", 1)
    np.testing.assert_array_equal(first.image, second.image)


def test_splits_seeds_and_indices_differ():
    images = [
        sample_image(People(seed=seed), split, index)[0].image.tobytes()
        for seed in (0, 1)
        for split in SPLITS
        for index in (0, 1)
    ]
    assert len(set(images)) == 8


def test_other_label_noise_leaves_every_pixel_and_the_truth_as_they_are():
    other = People(labels=LabelNoise(visible=2.0, swapped=0.5))
    for index in range(3):
        (a, records), (b, others) = (
            sample_image(People(), "val2017", index),
            sample_image(other, "val2017", index),
        )
        np.testing.assert_array_equal(a.image, b.image)
        for observation, again in zip(a.observations, b.observations, strict=True):
            np.testing.assert_array_equal(observation.points, again.points)
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
    with invalid("extra_forbidden"):
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
        for figure, observation in zip(made.scene.people, made.observations, strict=True):
            for sign in seen:
                if upright_towards(figure, sign):
                    x = observation.points[:, 0]
                    assert sign * (x[INDEX["right_shoulder"]] - x[INDEX["left_shoulder"]]) > 0
                    seen[sign] += 1
    assert seen[-1] > 20
    assert seen[1] > 2


def test_from_behind_no_eye_or_nose_is_visible(sample):
    backs = [
        observation
        for made, _ in sample
        for figure, observation in zip(made.scene.people, made.observations, strict=True)
        if figure.frame("head")[2, 2] < -0.8
    ]
    assert backs
    for observation in backs:
        assert not observation.visible[[INDEX["nose"], INDEX["left_eye"], INDEX["right_eye"]]].any()


def test_visible_labels_err_by_the_noise_asked_for():
    people = People(labels=LabelNoise(visible=0.3, outliers=0.0, swapped=0.0))
    unit = np.array([SIGMAS[joint_kind(name)] for name in people.keypoints])[:, None]
    found = []
    for index in range(40):
        for record in sample_image(people, "train2017", index)[1]:
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
        made, _ = sample_image(people, "val2017", index)
        for figure, observation in zip(made.scene.people, made.observations, strict=True):
            if upright_towards(figure, -1) and len(made.scene.people) == 1 and observation.inside.all():
                assert observation.visible[[INDEX["left_shoulder"], INDEX["right_shoulder"]]].all()
                assert observation.visible[[INDEX["left_knee"], INDEX["right_knee"]]].any()


@given(index=st.integers(0, 10_000))
@settings(max_examples=25)
def test_records_are_consistent(index):
    made, records = sample_image(SMALL, "train2017", index)
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
