"""DeepLabCut's labels become COCO's: worked by hand, and any table there and back."""

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from datasets.exports.convert import convert
from datasets.exports.deeplabcut import read_deeplabcut
from tests.support.errors import refused
from tests.support.exports import HEIGHT, WIDTH, Points, deeplabcut

MOUSE: Points = {"nose": (10.5, 20.25), "left_ear": None, "right_ear": (30, 21), "tail": (0, 47)}


def written(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Annotations by the picture's name, of both splits, as pycocotools reads them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for split in ("train", "val"):
        coco = COCO(str(out / "annotations" / f"{split}.json"))
        for image in coco.loadImgs(coco.getImgIds()):
            found[image["file_name"]] = coco.loadAnns(coco.getAnnIds(image["id"]))
    return found


@pytest.mark.parametrize("apart", [True, False])
def test_an_animals_points_keep_their_places(tmp_path: Path, apart: bool) -> None:
    frames = {f"img{n:03d}.png": {"": MOUSE} for n in range(5)}
    deeplabcut(tmp_path / "mice", "walk", frames, apart=apart)
    convert(tmp_path / "mice", tmp_path / "out")
    found = written(tmp_path / "out")
    assert len(found) == 5
    (one,) = found["walk/img003.png"]
    assert one["keypoints"] == [10.5, 20.25, 2, 0, 0, 0, 30, 21, 2, 0, 47, 2]
    assert one["num_keypoints"] == 3
    assert one["bbox"] == [0, 0, WIDTH, HEIGHT]  # as predict sees it
    # x from 0 to 30 and y from 20.25 to 47, 3 more on each side within the picture: 34 by 30.75
    assert one["area"] == pytest.approx(0.53 * 34 * 30.75)


def test_boxes_about_the_keypoints_have_a_margin(tmp_path: Path) -> None:
    frames = {f"{n}.png": {"": {"nose": (20, 10), "tail": (40, 20)}} for n in range(2)}
    deeplabcut(tmp_path / "mice", "walk", frames)
    convert(tmp_path / "mice", tmp_path / "out", "animal")
    assert written(tmp_path / "out")["walk/0.png"][0]["bbox"] == [18, 8, 25, 15]


def test_several_animals_have_boxes_of_their_own_and_points_of_none_are_left_out(tmp_path: Path) -> None:
    one, two = {"nose": (5, 5), "tail": (15, 5)}, {"nose": (40, 30), "tail": None}
    nobody: Points = {"nose": None, "tail": None}
    frames = {
        "0.png": {"mouse1": one, "mouse2": two, "single": {"corner": (1, 1)}},
        "1.png": {"mouse1": nobody, "mouse2": two, "single": {"corner": None}},
        "2.png": {"mouse1": nobody, "mouse2": nobody, "single": {"corner": (1, 1)}},
    }
    deeplabcut(tmp_path / "mice", "walk", frames)
    done = convert(tmp_path / "mice", tmp_path / "out")
    found = written(tmp_path / "out")
    assert done.keypoints == 2
    assert [[one["keypoints"] for one in found[f"walk/{n}.png"]] for n in range(3)] == [
        [[5, 5, 2, 15, 5, 2], [40, 30, 2, 0, 0, 0]],
        [[40, 30, 2, 0, 0, 0]],
        [],
    ]
    assert found["walk/0.png"][0]["bbox"] == [4, 4, 13, 3]
    assert found["walk/0.png"][1]["bbox"] == [0, 0, WIDTH, HEIGHT]  # one point has no extent
    assert any("single" in said for said in done.assumed)


def test_points_outside_the_picture_are_not_labelled(tmp_path: Path) -> None:
    frames = {f"{n}.png": {"": {"nose": (-1, 5), "ear": (64, 5), "paw": (63.5, 47.5)}} for n in range(2)}
    deeplabcut(tmp_path / "mice", "walk", frames)
    done = convert(tmp_path / "mice", tmp_path / "out")
    assert written(tmp_path / "out")["walk/1.png"][0]["keypoints"] == [0, 0, 0, 0, 0, 0, 63.5, 47.5, 2]
    assert any(said.startswith("4 points lie outside their pictures") for said in done.assumed)


def test_limbs_come_from_the_configuration(tmp_path: Path) -> None:
    deeplabcut(tmp_path / "mice", "walk", {"0.png": {"": MOUSE}})
    config = tmp_path / "mice" / "config.yaml"
    config.write_text("skeleton:\n- [nose, tail]\n- [nose, wing]\n")
    assert read_deeplabcut(tmp_path / "mice").categories[0]["skeleton"] == [[1, 4]]
    config.write_text("skeleton: !!python/object/apply:os.system [false]\n")
    found = read_deeplabcut(tmp_path / "mice")
    assert found.categories[0]["skeleton"] == []
    assert any("config.yaml" in said for said in found.assumed)


@pytest.mark.parametrize("given", ["mice", "mice/labeled-data", "mice/labeled-data/walk", "file"])
def test_a_project_a_folder_or_a_file_may_be_named(tmp_path: Path, given: str) -> None:
    file = deeplabcut(tmp_path / "mice", "walk", {"0.png": {"": MOUSE}, "1.png": {"": MOUSE}})
    found = read_deeplabcut(file if given == "file" else tmp_path / given)
    assert [picture.name for picture in found.pictures] == ["walk/0.png", "walk/1.png"]


def test_bodyparts_that_a_video_lacks_are_not_labelled_in_it(tmp_path: Path) -> None:
    deeplabcut(tmp_path / "mice", "a", {"0.png": {"": {"nose": (1, 2)}}})
    deeplabcut(tmp_path / "mice", "b", {"0.png": {"": {"tail": (3, 4), "nose": (5, 6)}}})
    first, second = read_deeplabcut(tmp_path / "mice").pictures
    assert first.annotations[0]["keypoints"] == [1, 2, 2, 0, 0, 0]
    assert second.annotations[0]["keypoints"] == [5, 6, 2, 3, 4, 2]


PLACE = st.one_of(
    st.none(), st.tuples(st.floats(0, WIDTH, exclude_max=True), st.floats(0, HEIGHT, exclude_max=True))
)


@given(
    labels=st.integers(1, 4).flatmap(
        lambda K: st.lists(
            st.lists(st.lists(PLACE, min_size=K, max_size=K), min_size=2, max_size=2), min_size=2, max_size=4
        )
    ),
    alone=st.booleans(),
    apart=st.booleans(),
)
def test_any_table_there_and_back(labels: list[Any], alone: bool, apart: bool) -> None:
    animals = [""] if alone else ["a", "b"]
    frames = {
        f"{n}.png": {
            animal: {f"part {k}": place for k, place in enumerate(frame[i])}
            for i, animal in enumerate(animals)
        }
        for n, frame in enumerate(labels)
    }
    labelled = {
        f"walk/{name}": [
            [value for place in points.values() for value in ((*place, 2) if place else (0, 0, 0))]
            for points in here.values()
            if any(points.values())
        ]
        for name, here in frames.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        deeplabcut(Path(folder, "mice"), "walk", frames, apart=apart)
        if not any(labelled.values()):
            with refused("no-keypoints"):
                convert(Path(folder, "mice"), Path(folder, "out"))
            return
        convert(Path(folder, "mice"), Path(folder, "out"))
        found = written(Path(folder, "out"))
    assert {name: [one["keypoints"] for one in people] for name, people in found.items()} == labelled
    for people in found.values():
        for one in people:
            x, y, width, height = one["bbox"]
            assert 0 <= x < x + width <= WIDTH + 1e-9
            assert 0 <= y < y + height <= HEIGHT + 1e-9
            assert math.isfinite(one["area"])
            assert one["area"] > 0


def spoil(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda file: file.rename(file.with_suffix(".h5")), "pickled"),
        (
            lambda file: file.with_name("CollectedData_Bob.csv").write_text(file.read_text()),
            "repeated-picture",
        ),
        (lambda file: spoil(file, "10.5", "ten"), "not-numbers"),
        (lambda file: spoil(file, "10.5", "inf"), "not-numbers"),
        (lambda file: spoil(file, "10.5,", ""), "wrong-length"),
        (lambda file: spoil(file, "coords", "likelihoods"), "no-labels"),
        (lambda file: spoil(file, ",y\n", ",likelihood\n"), "no-labels"),
        (lambda file: spoil(file, "left_ear", "nose"), "no-labels"),
        (lambda file: file.write_bytes(b"\xff\xfe\x00"), "no-labels"),
        (lambda file: file.write_text(""), "no-labels"),
        (lambda file: (file.parent / "0.png").unlink(), "missing-picture"),
        (lambda file: (file.parent / "0.png").write_text("no picture"), "broken-picture"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, change, code: str) -> None:
    frames = {"0.png": {"": MOUSE}, "1.png": {"": {**MOUSE, "nose": (11, 20)}}}
    change(deeplabcut(tmp_path / "mice", "walk", frames))
    with refused(code) as caught:
        convert(tmp_path / "mice", tmp_path / "out")
    assert "walk" in caught.value.path
    assert not (tmp_path / "out").exists()


def test_the_remedy_for_h5_is_the_csv_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "CollectedData_Ann.h5"
    file.write_bytes(b"")
    with refused("pickled") as caught:
        convert(file, tmp_path / "out")
    assert "CollectedData_Ann.csv" in caught.value.remedy


def test_the_files_are_json_that_repeats_nothing(tmp_path: Path) -> None:
    deeplabcut(tmp_path / "mice", "walk", {f"{n}.png": {"": MOUSE} for n in range(5)})
    convert(tmp_path / "mice", tmp_path / "out")
    for split in ("train", "val"):
        content = json.loads((tmp_path / "out" / "annotations" / f"{split}.json").read_text())
        for key in ("images", "annotations"):
            idents = [one["id"] for one in content[key]]
            assert len(set(idents)) == len(idents)
