"""Boxes of people: from annotations, from detections, or whole pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.inference.boxes import NOBODY, Box, BoxPlan, corners, read_boxes, whole_pictures
from orchestrator.inference.picture_names import shortest_names
from tests.support.errors import refused

PICTURES = (Path("a/000000000139.jpg"), Path("a/000000000285.jpg"))

ANNOTATIONS: dict[str, Any] = {
    "images": [{"id": 7, "file_name": "val/000000000285.jpg"}, {"id": 8, "file_name": "another.jpg"}],
    "annotations": [
        {"image_id": 7, "category_id": 3, "bbox": [1, 2, 30, 40]},
        {"image_id": 7, "category_id": 3, "bbox": [1, 2, 30, 40], "iscrowd": 1},
        {"image_id": 7, "category_id": 4, "bbox": [1, 2, 30, 40]},
        {"image_id": 8, "category_id": 3, "bbox": [1, 2, 30, 40]},
    ],
    "categories": [{"id": 3, "name": "person"}, {"id": 4, "name": "dog"}],
}
DETECTIONS = [
    {"image_id": 139, "category_id": 1, "bbox": [5.5, 6, 7, 8], "score": 0.25},
    {"image_id": 139, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.75},
    {"image_id": 139, "category_id": 18, "bbox": [1, 2, 3, 4], "score": 0.9},
]


def written(folder: Path, document: object) -> Path:
    path = folder / "boxes.json"
    path.write_text(json.dumps(document))
    return path


def test_annotated_people_are_looked_at_under_the_ids_of_the_file(tmp_path: Path) -> None:
    plan = read_boxes(written(tmp_path, ANNOTATIONS), PICTURES)
    unknown, known = plan.pictures
    assert plan.category == 3
    assert (unknown.image_id, unknown.boxes) == (NOBODY, ())
    assert (known.image_id, known.boxes) == (7, (Box((1, 2, 30, 40), 0.0),))


def test_detections_name_the_number_in_a_pictures_name(tmp_path: Path) -> None:
    path = written(tmp_path, DETECTIONS)
    first, second = read_boxes(path, PICTURES).pictures
    assert first.image_id == 139
    assert first.boxes == (Box((5.5, 6, 7, 8), 0.25), Box((1, 2, 3, 4), 0.75))
    assert second.boxes == ()
    assert read_boxes(path, PICTURES, least=0.5).pictures[0].boxes == first.boxes[1:]


def test_detections_of_one_category_are_of_people_whatever_its_number(tmp_path: Path) -> None:
    plan = read_boxes(written(tmp_path, [{**DETECTIONS[0], "category_id": 0}]), PICTURES)
    assert plan.category == 0
    assert len(plan.pictures[0].boxes or ()) == 1


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("text", "not-an-object"),
        ({"images": []}, "missing-field"),
        ({**ANNOTATIONS, "categories": [{"id": 1}, {"id": 2}]}, "no-single-category"),
        ({**ANNOTATIONS, "annotations": [{"category_id": 3}]}, "missing-field"),
        ({**ANNOTATIONS, "images": [{"id": 7}]}, "missing-field"),
        ([3], "not-an-object"),
        ([{**DETECTIONS[0], "bbox": [1, 2, -3, 4]}], "out-of-range"),
        ([{**DETECTIONS[0], "score": None}], "not-numbers"),
        ([{**DETECTIONS[0], "image_id": 140}], "no-boxes"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_record(tmp_path: Path, document, code: str) -> None:
    with refused(code) as caught:
        read_boxes(written(tmp_path, document), PICTURES)
    assert caught.value.path.endswith("boxes.json")


def annotated(*names: str) -> dict[str, Any]:
    """A picture of each name, each with a person whose box is as wide as its place in the list."""
    images = [{"id": place, "file_name": name} for place, name in enumerate(names, 1)]
    people = [
        {"image_id": place, "category_id": 3, "bbox": [0, 0, place, 5]} for place in range(1, len(names) + 1)
    ]
    return {**ANNOTATIONS, "images": images, "annotations": people}


def widths(plan: BoxPlan) -> list[float]:
    """Of the box of each picture; 0 without one."""
    return [one.boxes[0].xywh[2] if one.boxes else 0 for one in plan.pictures]


@pytest.mark.parametrize(
    ("names", "pictures", "expected"),
    [
        (["cam1/000001.png", "cam2/000001.png"], ["x/cam1/000001.png", "x/cam2/000001.png"], [1, 2]),
        (["cam1/000001.png", "cam2/000001.png"], ["cam2/000001.png"], [2]),
        (["cam1/000001.png", "cam2/000001.png"], ["cam3/000001.png", "cam1/000001.png"], [0, 1]),
        (["a/cam1/1.png", "b/cam1/1.png"], ["b/cam1/1.png", "a/cam1/1.png"], [2, 1]),
        (["cam1/1.png"], ["cam1/1.png", "cam2/1.png"], [1, 0]),
        (["1.png", "cam1/1.png"], ["cam1/1.png", "1.png"], [2, 1]),
        (["cam1\\1.png", "cam2\\1.png"], ["cam2/1.png", "cam1/1.png"], [2, 1]),
        (["cam1/1.png", "cam1/2.png", "cam2/1.png"], ["cam2/2.png", "cam1/1.png"], [0, 1]),
        (["./u\u0308.png"], ["\u00fc.png"], [1]),
    ],
)
def test_a_name_with_folders_means_the_picture_whose_path_ends_so(
    tmp_path: Path, names: list[str], pictures: list[str], expected: list[float]
) -> None:
    plan = read_boxes(written(tmp_path, annotated(*names)), [tmp_path / picture for picture in pictures])
    assert widths(plan) == expected
    assert plan.unknown == tuple(
        tmp_path / p for p, width in zip(pictures, expected, strict=True) if not width
    )
    assert plan.assumed == ()


@pytest.mark.parametrize(
    ("document", "pictures"),
    [
        (annotated("1.png"), ["cam1/1.png", "cam2/1.png"]),
        (annotated("cam1/1.png"), ["a/cam1/1.png", "b/cam1/1.png"]),
        (annotated("a/cam1/1.png", "b/cam1/1.png"), ["cam1/1.png"]),
        (annotated("1.png", "1.png"), ["1.png"]),
        (DETECTIONS, ["000000000139.jpg", "b/000000000139.jpg"]),
        ([{**DETECTIONS[0], "image_id": 1}], ["walk_1.png", "jump_1.png"]),
        ([{**one, "file_name": "1.png", "image_id": i} for i, one in enumerate(DETECTIONS)], ["1.png"]),
    ],
)
def test_what_may_mean_two_pictures_is_refused(tmp_path: Path, document, pictures: list[str]) -> None:
    with refused("ambiguous-pictures") as caught:
        read_boxes(written(tmp_path, document), [tmp_path / picture for picture in pictures])
    assert "one after the other" not in str(caught.value)


def test_detections_that_name_pictures_are_matched_by_name(tmp_path: Path) -> None:
    records = [
        {**DETECTIONS[0], "image_id": place, "file_name": f"cam{place}/1.png", "bbox": [0, 0, place, 5]}
        for place in (1, 2)
    ]
    plan = read_boxes(written(tmp_path, records), [tmp_path / "cam2" / "1.png", tmp_path / "cam1" / "1.png"])
    assert widths(plan) == [2, 1]


def test_what_is_assumed_of_names_is_said(tmp_path: Path) -> None:
    plan = read_boxes(written(tmp_path, annotated("val/1.png")), [tmp_path / "test" / "1.png"])
    assert widths(plan) == [1]
    assert len(plan.assumed) == 1
    plan = read_boxes(written(tmp_path, [{**DETECTIONS[0], "image_id": 1}]), [tmp_path / "walk_1.png"])
    assert len(plan.pictures[0].boxes or ()) == 1
    assert "walk_1.png" in plan.assumed[0]
    assert read_boxes(written(tmp_path, DETECTIONS), PICTURES).assumed == ()


def test_results_call_pictures_by_what_tells_them_apart() -> None:
    pictures = [Path("/x/a/cam1/1.png"), Path("/x/b/cam1/1.png"), Path("/x/2.png")]
    assert list(shortest_names(pictures).values()) == ["a/cam1/1.png", "b/cam1/1.png", "2.png"]


@pytest.mark.parametrize(
    ("names", "idents"),
    [
        (["000000000139.jpg", "COCO_val2014_000000000285.jpg"], [139, 285]),
        (["a_1.jpg", "b_1.jpg"], [1, 2]),
        (["4.jpg", "street.jpg"], [1, 2]),
    ],
)
def test_pictures_without_boxes_are_known_by_number_or_place(names: list[str], idents: list[int]) -> None:
    plan = whole_pictures([Path(name) for name in names])
    assert [wanted.image_id for wanted in plan.pictures] == idents
    assert all(wanted.boxes is None for wanted in plan.pictures)


def test_a_whole_picture_is_the_box_of_its_size() -> None:
    whole = corners([Box((0, 0, 90, 60), 0.0)], (60, 90))
    assert whole.tolist() == [[0, 0, 89, 59]]
    assert np.array_equal(corners(None, (60, 90)), whole)


number = st.floats(-200, 200)
size = st.floats(0, 300)


@given(st.lists(st.tuples(number, number, size, size), max_size=4))
def test_corners_lie_in_the_picture_and_keep_what_is_inside(xywh: list[Any]) -> None:
    found = corners([Box(box, 0.0) for box in xywh], (60, 90))
    assert found.shape == (len(xywh), 4)
    assert (found >= 0).all()
    assert (found <= [89, 59, 89, 59]).all()
    for (x, y, width, height), (x1, y1, x2, y2) in zip(xywh, found, strict=True):
        if x >= 0 and y >= 0 and width >= 1 and height >= 1 and x + width <= 90 and y + height <= 60:
            assert (x1, y1) == (x, y)
            assert (x2, y2) == pytest.approx((x + width - 1, y + height - 1))
