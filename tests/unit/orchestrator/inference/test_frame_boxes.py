"""Which boxes belong to which frame of a video."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.io.video import Frame
from orchestrator.inference.frame_boxes import FramePlan, read_frame_boxes, whole_frames
from tests.support.errors import refused

VIDEO = Path("walk.mp4")


def frame(number: int) -> Frame:
    return Frame(number, None, np.zeros((48, 64, 3), np.uint8))


def detected(ident: int, **fields: Any) -> dict[str, Any]:
    return {"image_id": ident, "category_id": 1, "bbox": [ident, 0, 9, 9], "score": 0.5, **fields}


def annotated(names: dict[int, str], **size: int) -> dict[str, Any]:
    people = [
        {"id": n, "image_id": n, "category_id": 2, "iscrowd": 0, "bbox": [n, 0, 9, 9], "keypoints": []}
        for n in names
    ]
    images = [{"id": ident, "file_name": name, **size} for ident, name in names.items()]
    return {"images": images, "annotations": people, "categories": [{"id": 2, "name": "mouse"}]}


def plan(tmp_path: Path, document: object, least: float = 0.0) -> FramePlan:
    (tmp_path / "boxes.json").write_text(json.dumps(document))
    return read_frame_boxes(tmp_path / "boxes.json", least)


def first_x(found: FramePlan, number: int) -> list[float]:
    return [box.xywh[0] for box in found.of(VIDEO, frame(number)).boxes or ()]


def test_without_a_file_each_whole_frame_is_a_box() -> None:
    found = whole_frames().of(VIDEO, frame(7))
    assert (found.boxes, found.image_id, found.pixels().shape) == (None, 7, (48, 64, 3))


def test_detections_belong_to_the_frame_of_their_image_id(tmp_path: Path) -> None:
    found = plan(
        tmp_path, [detected(0), detected(2), detected(2, bbox=[5, 0, 9, 9]), detected(3, score=0.1)], 0.2
    )
    assert [first_x(found, number) for number in range(4)] == [[0], [], [2, 5], []]
    assert "counted from 0" in found.assumed[0]


def test_what_predict_wrote_of_a_video_are_boxes_of_its_frames(tmp_path: Path) -> None:
    found = plan(tmp_path, [detected(n, file_name="walk2.mp4", frame=n) for n in (0, 4)])
    assert [first_x(found, number) for number in (0, 2, 4)] == [[0], [], [4]]


@pytest.mark.parametrize("name", ["frame_{:06d}.PNG", "walk/img{:03d}.png", "walk\\{}.jpg"])
def test_pictures_belong_to_the_frame_of_the_number_in_their_name(tmp_path: Path, name: str) -> None:
    found = plan(tmp_path, annotated({1: name.format(0), 2: name.format(10)}))
    assert [first_x(found, number) for number in (0, 1, 2, 10)] == [[1], [], [], [2]]
    assert found.category == 2


def test_boxes_of_frames_that_there_are_not_are_told(tmp_path: Path) -> None:
    found = plan(tmp_path, [detected(ident) for ident in range(1, 11)])  # counted from 1
    assert found.missing(10) == (10,)
    assert found.missing(11) == ()
    assert whole_frames().missing(0) == ()


def test_boxes_of_another_size_of_frames_are_refused(tmp_path: Path) -> None:
    fitting = plan(tmp_path, annotated({1: "0.png"}, width=64, height=48))
    assert fitting.of(VIDEO, frame(0)).pixels().shape == (48, 64, 3)
    with refused("other-picture-size"):
        plan(tmp_path, annotated({1: "0.png"}, width=48, height=64)).of(VIDEO, frame(0)).pixels()


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ([], "no-boxes"),
        ([detected(1, score=-5)], "no-boxes"),
        (annotated({1: "nose.png"}), "no-frame-number"),
        (annotated({1: "a/1.png", 2: "b/1.png"}), "ambiguous-pictures"),
        ([{"image_id": 1}], "missing-field"),
    ],
)
def test_boxes_that_belong_to_no_single_frame_are_refused(
    tmp_path: Path, document: object, code: str
) -> None:
    with refused(code):
        plan(tmp_path, document)
