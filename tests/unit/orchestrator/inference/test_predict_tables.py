"""Predictions as CSV, and what is said of videos among pictures."""

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.inference.outputs import Outputs
from orchestrator.inference.people import PeopleFinder
from orchestrator.inference.predict_folder import find_pictures, find_videos, videos_in
from orchestrator.inference.scans import BoundaryFinder
from tests.support.errors import refused


def people_finder() -> Any:
    estimator: Any = SimpleNamespace(data=SimpleNamespace(names=("nose", "tail")))
    return PeopleFinder(estimator, 1)


def table(finder: Any, results: list[dict[str, Any]], folder: Path) -> list[dict[str, str]]:
    out = Outputs(folder, "keypoints.json", finder.header)
    out.prepare([], [])
    out.write(results, finder.lines(results))
    out.prepare([], [])  # its own files may be written over
    with (folder / out.table).open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_keypoint_of_each_person_is_a_line(tmp_path: Path) -> None:
    person = {
        "file_name": "a.jpg",
        "image_id": 1,
        "score": 0.5,
        "keypoints": [1.0, 2.0, 0.9, 3.0, 4.0, 0.8],
        "sigma": [0.1, 0.2, 0.3, 0.4],
        "spread": [1.1, 1.2, 1.3, 1.4],
        "region": [2.1, 2.2, 2.3, 2.4],
    }
    rows = table(people_finder(), [person, person, {**person, "file_name": "b.jpg"}], tmp_path)
    assert [(row["file_name"], row["person"], row["keypoint"]) for row in rows] == [
        *(("a.jpg", "1", "nose"), ("a.jpg", "1", "tail"), ("a.jpg", "2", "nose"), ("a.jpg", "2", "tail")),
        *(("b.jpg", "1", "nose"), ("b.jpg", "1", "tail")),
    ]
    tail = rows[1]
    assert [tail[name] for name in ("x", "y", "z", "confidence")] == ["3.0", "4.0", "", "0.8"]
    assert [tail[f"sigma_{axis}"] for axis in "xyz"] == ["0.3", "0.4", ""]
    assert [tail[f"spread_{axis}"] for axis in "xyz"] == ["1.3", "1.4", ""]
    assert [tail[f"region_{axis}"] for axis in "xyz"] == ["2.3", "2.4", ""]


def test_models_with_depth_have_three_axes_and_models_without_a_scale_none(tmp_path: Path) -> None:
    person = {"file_name": "a.jpg", "image_id": 1, "score": 1.0, "keypoints": [1.0, 2.0, 0.9, 3.0, 4.0, 0.8]}
    deep = {**person, "z": [7.0, 8.0], "sigma": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}
    row = table(people_finder(), [deep], tmp_path)[1]
    assert (row["z"], row["sigma_z"], row["spread_x"]) == ("8.0", "0.6", "")
    assert table(people_finder(), [person], tmp_path)[0]["sigma_x"] == ""


def test_each_column_of_each_boundary_is_a_line(tmp_path: Path) -> None:
    finder = BoundaryFinder(None, None, None, None)  # type: ignore[arg-type]  # only its tables are asked for
    scan = {
        "file_name": "s.png",
        "image_id": 1,
        "boundaries": ["ILM", "BM"],
        "rows": [[1.0, 2.0], [5.0, 6.0]],
    }
    rows = table(finder, [{**scan, "sigma": [[0.1, 0.2], [0.3, 0.4]]}], tmp_path)
    assert [
        (row["boundary"], row["column"], row["row"], row["sigma"], row["spread"]) for row in rows[1:3]
    ] == [
        ("ILM", "1", "2.0", "0.2", ""),
        ("BM", "0", "5.0", "0.3", ""),
    ]


def test_a_table_of_somebody_else_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "keypoints.csv").write_text("my,notes\n")
    with refused("would-overwrite"):
        table(people_finder(), [], tmp_path)


def test_a_folder_of_nothing_but_videos_is_told_to_name_them(tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").write_bytes(b"")
    with refused("no-pictures") as caught:
        find_pictures([tmp_path])
    assert "walk.mp4" in str(caught.value)


@pytest.mark.parametrize("name", ["walk.mp4", "WALK.MOV", "walk.mkv"])
def test_videos_are_known_by_their_names_and_not_mixed_with_pictures(name: str, tmp_path: Path) -> None:
    video, picture = tmp_path / name, tmp_path / "a.jpg"
    assert find_videos([video, video]) == (video,)
    assert find_videos([picture, tmp_path]) == ()
    with refused("pictures-and-videos"):
        find_videos([video, picture])


def test_a_video_beside_pictures_is_named(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.mp4"):
        (tmp_path / name).write_bytes(b"")
    assert find_pictures([tmp_path]) == (tmp_path / "a.jpg",)
    assert videos_in([tmp_path, tmp_path / "a.jpg"]) == (tmp_path / "b.mp4",)
