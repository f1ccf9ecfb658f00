"""What is written, and what is never written over."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from orchestrator.inference.outputs import Outputs, check_replaceable
from tests.support.errors import refused

GREY = np.full((8, 8, 3), 100, np.uint8)
RESULTS = [{"image_id": 1, "file_name": "a.jpg"}]


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "out", "keypoints.json")


def jpeg(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(GREY).save(path)
    return path


def test_a_second_run_writes_over_the_first(outputs: Outputs) -> None:
    for shade in (10, 200):
        outputs.prepare(["a.jpg"], [])
        outputs.draw("a.jpg", Path("a.png"), lambda shade=shade: np.full_like(GREY, shade))
        outputs.write(RESULTS)
    with Image.open(outputs.folder / "drawings" / "a.jpg") as drawn:
        assert drawn.getpixel((4, 4)) == (200, 200, 200)
    assert json.loads((outputs.folder / "keypoints.json").read_text()) == RESULTS
    assert sorted(path.name for path in outputs.folder.rglob("*")) == [
        *("a.jpg", "drawings", "keypoints.csv", "keypoints.json"),
    ]


def test_a_picture_is_not_written_over_under_any_name(outputs: Outputs) -> None:
    picture = jpeg(outputs.folder / "drawings" / "a.jpg")
    before = picture.read_bytes()
    (outputs.folder / "other.jpg").hardlink_to(picture)
    for given in (
        picture,
        outputs.folder / "other.jpg",
        outputs.folder / ".." / "out" / "drawings" / "a.jpg",
    ):
        with refused("would-overwrite") as caught:
            outputs.prepare(["a.jpg"], [given])
        assert "a.jpg" in str(caught.value)
    with refused("would-overwrite"):  # it is nobody's drawing, even where it is no input
        outputs.prepare(["a.jpg"], [])
    assert picture.read_bytes() == before


def test_a_file_of_boxes_is_not_written_over(outputs: Outputs) -> None:
    outputs.folder.mkdir()
    boxes = outputs.folder / "keypoints.json"
    boxes.write_text(json.dumps(RESULTS))
    with refused("would-overwrite"):
        outputs.prepare([], [boxes])


@pytest.mark.parametrize("content", ['{"images": []}', "[1]", '[{"image_id": 1}]', "text", "[" * 10**5])
def test_a_file_of_somebody_else_is_not_written_over(outputs: Outputs, content: str) -> None:
    outputs.folder.mkdir()
    (outputs.folder / "keypoints.json").write_text(content)
    with refused("would-overwrite"):
        outputs.prepare([], [])


@pytest.mark.parametrize("link", ["drawings", "drawings/a.jpg", "keypoints.json"])
@pytest.mark.parametrize("leads", ["to a file", "to a folder", "nowhere"])
def test_no_link_is_followed(outputs: Outputs, tmp_path: Path, link: str, leads: str) -> None:
    target = tmp_path / "elsewhere"
    if leads == "to a file":
        target.write_text("mine")
    elif leads == "to a folder":
        target.mkdir()
    place = outputs.folder / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    with refused("not-writable" if link == "drawings" and leads != "to a folder" else "would-overwrite"):
        outputs.prepare(["a.jpg"], [])
    assert not target.is_dir() or not list(target.iterdir())
    assert not target.is_file() or target.read_text() == "mine"


def test_a_link_that_appears_later_is_replaced_and_not_followed(outputs: Outputs, tmp_path: Path) -> None:
    outputs.prepare(["a.jpg"], [])
    (tmp_path / "mine").write_text("mine")
    (outputs.folder / "drawings" / "a.jpg").symlink_to(tmp_path / "mine")
    outputs.draw("a.jpg", Path("a.png"), lambda: GREY)
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "shape"), [("a" * 300 + ".jpg", (8, 8, 3)), ("a.jpg", (1, 70_000, 3)), ("a\0.jpg", (8, 8, 3))]
)
def test_a_drawing_that_can_not_be_written_is_that_pictures_own(
    outputs: Outputs, name: str, shape: tuple[int, ...]
) -> None:
    outputs.prepare([name], [])
    with refused("not-drawn") as caught:
        outputs.draw(name, Path("a.png"), lambda: np.zeros(shape, np.uint8))
    assert caught.value.path == "a.png"
    outputs.draw("b.jpg", Path("b.png"), lambda: GREY)
    assert [path.name for path in (outputs.folder / "drawings").iterdir()] == ["b.jpg"]


def test_an_export_takes_the_place_of_another_and_of_nothing_else(tmp_path: Path) -> None:
    model, onnx, other = (tmp_path / name for name in ("checkpoint.pt", "a.onnx", "b.pt"))
    check_replaceable(onnx, ".onnx", [model])
    for path in (model, onnx, other):
        path.write_text("content")
    check_replaceable(onnx, ".onnx", [model])
    (tmp_path / "link.onnx").symlink_to(onnx)
    (tmp_path / "hard.onnx").hardlink_to(model)
    for path in (model, other, tmp_path / "link.onnx", tmp_path / "hard.onnx", tmp_path):
        with refused("would-overwrite"):
            check_replaceable(path, ".onnx", [model])
