"""`rle-lab predict` from the command line to the files that it writes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths
from datasets.io.image import size_of
from datasets.io.orientation import turned
from orchestrator.config.vary import vary
from orchestrator.inference.model_store import load
from orchestrator.inference.predict_folder import drawing_names, find_pictures
from orchestrator.training.evaluation import predictions
from orchestrator.training.runtime import SingleProcess
from tests.support.errors import refused
from tests.support.predicting import results
from tests.support.turned_pictures import save_turned


def test_every_picture_of_a_folder_has_a_person_and_a_drawing(of_people, save, pictures, run) -> None:
    code, out = run(save(of_people), pictures)
    P, D = of_people.data.points, of_people.data.dim
    assert code == 0
    assert [one["image_id"] for one in results(out)] == [139, 285, 632]
    for one in results(out):
        assert len(one["keypoints"]) == 3 * P
        assert len(one["sigma"]) == len(one["spread"]) == D * P
        assert ("z" in one) == (D == 3)
        width, height = size_of(pictures / one["file_name"])
        assert one["bbox"] == [0, 0, width, height]
        drawn = size_of(out / "drawings" / f"{Path(one['file_name']).stem}.jpg")
        assert drawn[0] / width == drawn[1] / height >= 1


def test_without_a_scale_there_is_no_sigma(plain, save, pictures, run) -> None:
    _, out = run(save(plain), pictures)
    assert all(one.keys().isdisjoint({"sigma", "spread", "z"}) for one in results(out))


def test_pictures_that_cannot_be_read_are_named_and_the_rest_is_done(
    experiment, save, pictures, run, capsys
) -> None:
    (pictures / "broken.jpg").write_text("no picture")
    code, out = run(save(experiment), pictures, pictures / "absent.png")
    said = capsys.readouterr().out
    assert code == 1
    assert len(results(out)) == 3
    assert "broken.jpg: this is none of the pictures that are read (JPEG, PNG," in said
    assert "absent.png: this picture is missing" in said
    assert "3 people in 3 of 5 pictures" in said


@pytest.mark.parametrize("exif", ["shown", "stored"])
def test_a_phones_portrait_is_turned_upright_which_is_said(
    experiment, save, run, capsys, tmp_path, exif
) -> None:
    stored = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    for name, pixels, orientation in (("phone", stored, 6), ("upright", turned(stored, 6), 1)):
        (tmp_path / name).mkdir()
        save_turned(tmp_path / name / "1.png", pixels, orientation)
    model = save(experiment)
    code, out = run(model, tmp_path / "phone", "--exif", exif)
    (found,) = results(out)
    said = " ".join(capsys.readouterr().out.split())
    assert code == 0
    assert found["bbox"] == ([0, 0, 60, 90] if exif == "shown" else [0, 0, 90, 60])
    verb = "turned upright by its" if exif == "shown" else "taken as stored, without its"
    assert f"1 picture is {verb} EXIF orientation, as --exif says" in said
    if exif == "shown":
        (upright,) = results(run(model, tmp_path / "upright")[1])
        assert found["keypoints"] == upright["keypoints"]
        assert "EXIF" not in capsys.readouterr().out


def test_the_size_in_a_file_of_boxes_says_how_its_pictures_are_read(
    experiment, save, run, capsys, tmp_path
) -> None:
    folder, images = tmp_path / "phone", []
    folder.mkdir()
    for ident, size in enumerate([(60, 90), (90, 60), (45, 30)], 1):
        pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
        save_turned(folder / f"{ident}.jpg", pixels, 8)
        images.append({"id": ident, "file_name": f"{ident}.jpg", "width": size[0], "height": size[1]})
    people = [
        {"id": n, "image_id": n, "category_id": 1, "iscrowd": 0, "bbox": [0, 0, *size]}
        for n, size in ((1, (60, 90)), (2, (90, 60)), (3, (45, 30)))
    ]
    boxes = tmp_path / "boxes.json"
    category = {"id": 1, "name": "person"}
    boxes.write_text(json.dumps({"images": images, "annotations": people, "categories": [category]}))
    code, out = run(save(experiment), folder, "--boxes", boxes)
    assert code == 1
    assert [one["bbox"] for one in results(out)] == [[0, 0, 60, 90], [0, 0, 90, 60]]
    said = " ".join(capsys.readouterr().out.split())
    assert "3.jpg: is 60x90 pixels, its annotations say 45x30" in said
    assert "1 picture is turned upright by its EXIF orientation, as its size says" in said
    assert "1 picture is taken as stored, without its EXIF orientation, as its size says" in said


def test_each_damaged_or_odd_picture_costs_itself(experiment, save, pictures, run, capsys) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(pictures / "cut.jpg")
    whole = (pictures / "cut.jpg").read_bytes()
    (pictures / "cut.jpg").write_bytes(whole[: len(whole) // 2] + whole[-2:])
    os.mkfifo(pictures / "pipe.jpg")
    Image.fromarray(np.zeros((9, 9), np.float32)).save(pictures / "float.tif")
    Image.new("1", (12_000, 8_000)).save(pictures / "large.png")
    code, out = run(save(experiment), pictures)
    said = " ".join(capsys.readouterr().out.split())
    assert code == 1
    assert len(results(out)) == 3
    for words in (
        "premature end of data",
        "no regular file",
        "floating-point pixels",
        "89 megapixels",
    ):
        assert words in said


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """A set in COCO's layout: two splits of four pictures of noise, two people each, one at the edge."""
    root = tmp_path / "set"
    (root / "annotations").mkdir(parents=True)
    for number, split in enumerate(("train", "val")):
        (root / split).mkdir()
        rng = np.random.default_rng(number)
        images, people = [], []
        for ident in range(4):
            noise = rng.integers(0, 256, (70 + ident, 90, 3), dtype=np.uint8)
            Image.fromarray(noise).save(root / split / f"{ident}.png")
            images.append({"id": ident, "file_name": f"{ident}.png", "width": 90, "height": 70 + ident})
            for box in ([10.5, 8, 31, 50], [60, 20, 40, 30.25]):
                keypoints = [box[0] + 5, box[1] + 5, 2] * 2
                person = {"image_id": ident, "category_id": 1, "bbox": box, "area": 900, "iscrowd": 0}
                people.append({**person, "id": len(people), "keypoints": keypoints})
        category = {"id": 1, "name": "person", "keypoints": ["left_eye", "right_eye"], "skeleton": [[1, 2]]}
        document = {"images": images, "annotations": people, "categories": [category]}
        (root / "annotations" / f"{split}.json").write_text(json.dumps(document))
    return root


def test_on_annotated_boxes_it_says_what_evaluation_says(experiment, save, coco, tmp_path, run) -> None:
    data = CocoKeypoints(source=CocoFolder.bind(coco), size=(64, 32))
    place = DataPaths(tmp_path / "cache", coco)
    data.prepare(place)
    opened = data.open(place, 0)
    file = save(vary(experiment, data=data))
    expected = predictions(load(file).net, opened, SingleProcess())
    points = opened.val.to_picture(expected.mu.astype(np.float64))
    code, out = run(file, coco / "val", "--boxes", coco / "annotations" / "val.json")
    assert code == 0
    found = results(out)
    assert [one["image_id"] for one in found] == [0, 0, 1, 1, 2, 2, 3, 3]
    keypoints = np.array([one["keypoints"] for one in found]).reshape(8, 2, 3)
    assert keypoints[..., :2] == pytest.approx(points, abs=1e-3)
    assert keypoints[..., 2] == pytest.approx(expected.score, abs=1e-3)


def test_files_that_macos_leaves_are_no_pictures(tmp_path) -> None:
    for name in ("a.jpg", "._a.jpg", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in find_pictures([tmp_path])] == ["a.jpg"]


def test_detections_below_the_least_score_and_boxes_outside_are_left_out(
    experiment, save, pictures, run, tmp_path, capsys
) -> None:
    boxes = [
        {"image_id": 139, "category_id": 1, "bbox": [5, 5, 40, 40], "score": 0.9},
        {"image_id": 139, "category_id": 1, "bbox": [50, 5, 30, 50], "score": 0.2},
        {"image_id": 285, "category_id": 1, "bbox": [500, 5, 30, 50], "score": 0.9},
    ]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    code, out = run(save(experiment), pictures, "--boxes", tmp_path / "boxes.json", "--min-score", "0.5")
    (one,) = results(out)
    assert code == 0
    assert one["image_id"] == 139
    assert one["bbox"] == [5, 5, 40, 40]
    assert one["score"] > 0.9
    assert len(list((out / "drawings").iterdir())) == 3
    assert "1 people in 1 of 3 pictures" in capsys.readouterr().out


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with refused("no-pictures"):
        find_pictures([tmp_path])


def test_a_place_that_cannot_be_written_to_is_refused(experiment, save, pictures, run, tmp_path) -> None:
    (tmp_path / "out").write_text("in the way")
    with refused("not-writable"):
        run(save(experiment), pictures)


def test_pictures_are_taken_once_and_in_order(pictures: Path) -> None:
    inside = sorted(pictures.iterdir())
    assert find_pictures([inside[1], pictures, inside[1]]) == (inside[1], inside[0], inside[2])


def test_drawings_of_pictures_of_one_name_have_names_of_their_own() -> None:
    pictures = [Path("a/x.jpg"), Path("b/x.png"), Path("x-2.jpg"), Path("y.jpg")]
    assert list(drawing_names(pictures).values()) == ["x.jpg", "x-2.jpg", "x-2-2.jpg", "y.jpg"]


def test_pictures_that_cannot_be_drawn_cost_their_drawing_alone(
    experiment, save, pictures, run, capsys
) -> None:
    Image.new("RGB", (70_000, 2)).save(pictures / "wide.png")
    (pictures / "again").mkdir()
    for folder in (pictures, pictures / "again"):
        Image.new("RGB", (9, 9)).save(folder / f"{'a' * 251}.png")
    code, out = run(save(experiment), pictures, pictures / "again")
    assert code == 1
    assert len(results(out)) in (5, 6)  # whether OpenCV can crop so wide a picture is its own affair
    assert sorted(path.name for path in (out / "drawings").iterdir()) == [
        "000000000139.jpg",
        "000000000285.jpg",
        "000000000632.jpg",
        f"{'a' * 251}.jpg",
    ]
    said = capsys.readouterr().out
    assert said.count("wide.png: ") == 1
    assert said.count("can't be drawn") >= 1


def test_no_input_is_written_over(experiment, save, tmp_path: Path, run) -> None:
    out = tmp_path / "out"
    (out / "drawings").mkdir(parents=True)
    Image.new("RGB", (9, 9), (1, 2, 3)).save(out / "drawings" / "a.jpg")
    before = (out / "drawings" / "a.jpg").read_bytes()
    with refused("would-overwrite"):
        run(save(experiment), out / "drawings")
    boxes = [{"image_id": 1, "file_name": "a.jpg", "category_id": 1, "bbox": [0, 0, 9, 9], "score": 1}]
    (out / "keypoints.json").write_text(json.dumps(boxes))
    (out / "drawings").rename(tmp_path / "photos")
    with refused("would-overwrite"):
        run(save(experiment), tmp_path / "photos", "--boxes", out / "keypoints.json")
    assert (tmp_path / "photos" / "a.jpg").read_bytes() == before
    assert json.loads((out / "keypoints.json").read_text()) == boxes


def test_pictures_of_one_name_have_names_of_their_own_in_the_results(
    experiment, save, tmp_path: Path, run, capsys
) -> None:
    for number, camera in ((1, "cam1"), (2, "cam2")):
        (tmp_path / camera).mkdir()
        Image.new("RGB", (40 * number, 50)).save(tmp_path / camera / "000001.png")
    code, out = run(save(experiment), tmp_path / "cam1", tmp_path / "cam2")
    assert code == 0
    found = {one["file_name"]: one["bbox"][2] for one in results(out)}
    assert found == {"cam1/000001.png": 40, "cam2/000001.png": 80}
    assert "2 people in 2 of 2 pictures" in capsys.readouterr().out
