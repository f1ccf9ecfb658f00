"""`rle-lab predict` on videos, from the command line to the files that it writes."""

import csv
import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets.io.video import Frame, Video, open_video
from tests.support.errors import refused
from tests.support.videos import cut, pictures, write_video

NOISE = [np.random.default_rng(n).integers(0, 256, (48, 64, 3), dtype=np.uint8) for n in range(5)]


def frames(path: Path) -> list[Frame]:
    with open_video(path) as video:
        return list(video.frames())


def results(out: Path, name: str = "walk") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / f"{name}.json").read_text())
    return found


def table(out: Path, name: str = "walk") -> list[dict[str, str]]:
    with (out / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """Five frames of noise at a variable rate."""
    return write_video(tmp_path / "walk.mp4", NOISE, [0, 40, 50, 200, 240])


def test_a_frame_has_the_numbers_of_the_same_picture(experiment, save, walk, run, tmp_path) -> None:
    stills = tmp_path / "stills"
    stills.mkdir()
    for frame in frames(walk):
        Image.fromarray(frame.pixels).save(stills / f"{frame.number}.png")
    model = save(experiment)
    code, out = run(model, walk)
    moving = results(out)
    _, out = run(model, stills)
    still = results(out, "keypoints")
    assert code == 0
    assert len(moving) == 5
    for one, other in zip(moving, still, strict=True):
        assert one | {"file_name": "", "frame": 0, "time": 0} == other | {
            "file_name": "",
            "frame": 0,
            "time": 0,
        }


def test_results_and_table_have_the_frame_and_the_containers_time(
    experiment, save, walk, run, capsys
) -> None:
    _, out = run(save(experiment), walk)
    found = results(out)
    assert [(one["frame"], one["image_id"], one["file_name"]) for one in found] == [
        (number, number, "walk.mp4") for number in range(5)
    ]
    assert [one["time"] for one in found] == [0, 0.04, 0.05, 0.2, 0.24]
    rows = table(out)
    assert [(row["frame"], row["time"], row["person"]) for row in rows[:: len(rows) // 5]] == [
        ("0", "0.0", "1"), ("1", "0.04", "1"), ("2", "0.05", "1"), ("3", "0.2", "1"), ("4", "0.24", "1"),
    ]  # fmt: skip
    x, y, confidence = found[3]["keypoints"][:3]
    row = next(row for row in rows if row["frame"] == "3")
    assert [float(row[name]) for name in ("x", "y", "confidence")] == [x, y, confidence]
    assert "each whole frame is the box of one" in " ".join(capsys.readouterr().out.split())


def test_the_drawn_video_has_every_frame_at_its_time(experiment, save, walk, run) -> None:
    _, out = run(save(experiment), walk)
    drawn = frames(out / "drawings" / "walk.mp4")
    assert [float(frame.time or 0) for frame in drawn] == [0, 0.04, 0.05, 0.2, 0.24]
    assert {frame.pixels.shape for frame in drawn} == {(480, 640, 3)}


def test_a_drawn_video_keeps_the_colours_of_frames_without_people(experiment, save, run, tmp_path) -> None:
    video = write_video(tmp_path / "walk.mp4", pictures(3, (645, 701)))  # odd, which H.264 is not
    boxes = [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 64, 48], "score": 0.5}]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    code, out = run(save(experiment), video, "--boxes", tmp_path / "boxes.json")
    drawn = frames(out / "drawings" / "walk.mp4")
    assert code == 0
    assert [one["frame"] for one in results(out)] == [1]
    assert drawn[2].pixels.shape == (646, 702, 3)
    for frame in (drawn[0], drawn[2]):
        source = pictures(3, (645, 701))[frame.number].astype(int)
        assert abs(frame.pixels[:645, :701].astype(int) - source)[32:, 32:].max() < 8
        assert abs(frame.pixels[:8, :8].astype(int) - (255, 0, 0)).max() < 12


def test_a_turned_video_has_the_numbers_of_upright_pictures(experiment, save, run, tmp_path) -> None:
    turned = write_video(tmp_path / "walk.mp4", NOISE[:2], turned=(90, False))
    stills = tmp_path / "stills"
    stills.mkdir()
    with open_video(turned, as_stored=True) as video:
        for frame in video.frames():
            Image.fromarray(np.rot90(frame.pixels)).save(stills / f"{frame.number}.png")
    model = save(experiment)
    _, out = run(model, stills)
    expected = [(one["bbox"], one["keypoints"]) for one in results(out, "keypoints")]
    _, out = run(model, turned)
    assert [(one["bbox"], one["keypoints"]) for one in results(out)] == expected
    assert expected[0][0] == [0, 0, 48, 64]
    assert frames(out / "drawings" / "walk.mp4")[0].pixels.shape == (640, 480, 3)
    _, out = run(model, turned, "--exif", "stored")
    assert results(out)[0]["bbox"] == [0, 0, 64, 48]


def test_of_a_video_that_ends_early_all_that_can_be_read_is_done_and_said(
    experiment, save, run, tmp_path, capsys
) -> None:
    code, out = run(save(experiment), cut(write_video(tmp_path / "walk.mp4", NOISE * 4), 0.6))
    done = [one["frame"] for one in results(out)]
    assert code == 0
    assert done == list(range(len(done)))
    assert 0 < len(done) < 20
    assert len(frames(out / "drawings" / "walk.mp4")) == len(done)
    assert f"frame {done[-1]} is the last of 20 that can be read" in " ".join(capsys.readouterr().out.split())


def test_ctrl_c_leaves_whole_files_of_the_frames_that_were_done(
    experiment, save, walk, run, monkeypatch, capsys
) -> None:
    read = Video.frames

    def interrupted(video: Video) -> Iterator[Frame]:
        for frame in read(video):
            yield frame
            if frame.number == 2:
                raise KeyboardInterrupt

    model = save(experiment)
    with monkeypatch.context() as patch:
        patch.setattr(Video, "frames", interrupted)
        code, out = run(model, walk)
    assert code == 130
    assert [one["frame"] for one in results(out)] == [0, 1, 2]
    assert {row["frame"] for row in table(out)} == {"0", "1", "2"}
    assert [frame.number for frame in frames(out / "drawings" / "walk.mp4")] == [0, 1, 2]
    assert sorted(path.name for path in out.rglob("*")) == ["drawings", "walk.csv", "walk.json", "walk.mp4"]
    assert "stopped: walk.mp4" in capsys.readouterr().out
    assert run(model, walk)[0] == 0  # in place of these
    assert len(results(out)) == 5


def test_what_is_interrupted_in_the_middle_of_a_frame_is_left_out(
    experiment, save, walk, run, monkeypatch
) -> None:
    from orchestrator.inference import video_outputs

    written = video_outputs.csv_lines
    calls = iter(range(100))

    def interrupted(lines):
        if next(calls) == 3:  # the header is the first
            raise KeyboardInterrupt
        return written(lines)

    monkeypatch.setattr(video_outputs, "csv_lines", interrupted)
    code, out = run(save(experiment), walk)
    assert code == 130
    assert [one["frame"] for one in results(out)] == [0, 1]
    assert {row["frame"] for row in table(out)} == {"0", "1"}


def test_no_input_and_nothing_of_others_is_written_over(experiment, save, walk, run, tmp_path) -> None:
    model, out = save(experiment), tmp_path / "out"
    (out / "drawings").mkdir(parents=True)
    inside = out / "drawings" / "walk.mp4"
    for place in (lambda: walk.rename(inside), lambda: inside.symlink_to(tmp_path / "nowhere")):
        place()
        before = inside.read_bytes() if inside.exists() else None
        with refused("would-overwrite"):
            run(model, inside if before else write_video(tmp_path / "walk.mp4", NOISE[:2]))
        assert (inside.read_bytes() if before else inside.readlink()) == (before or tmp_path / "nowhere")
        inside.unlink()
    for name in ("walk.csv", "walk.json", "drawings/walk.mp4"):
        (out / name).write_text("mine")
        with refused("would-overwrite"):
            run(model, tmp_path / "walk.mp4")
        assert (out / name).read_text() == "mine"
        (out / name).unlink()


def test_several_videos_have_files_of_their_own_and_a_broken_one_costs_itself(
    experiment, save, walk, run, tmp_path, capsys
) -> None:
    (tmp_path / "b").mkdir()
    again = write_video(tmp_path / "b" / "walk.mp4", NOISE[:2])
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    code, out = run(save(experiment), walk, broken, again)
    assert code == 1
    assert (len(results(out)), len(results(out, "walk-2"))) == (5, 2)
    assert "left out: " in capsys.readouterr().out
    assert not list(out.rglob("broken*"))
    boxes = tmp_path / "boxes.json"
    boxes.write_text("[]")
    with refused("several-videos"):
        run(save(experiment), walk, again, "--boxes", boxes)
    with refused("broken-video"):
        run(save(experiment), broken)


def test_no_frame_is_kept_in_memory(experiment, save, run, tmp_path, monkeypatch) -> None:
    read, seen = Video.frames, list[weakref.ref]()
    alive: list[int] = []

    def watched(video: Video) -> Iterator[Frame]:
        for frame in read(video):
            seen.append(weakref.ref(frame.pixels))
            yield frame
            alive.append(sum(one() is not None for one in seen))

    monkeypatch.setattr(Video, "frames", watched)
    run(save(experiment), write_video(tmp_path / "walk.mp4", pictures(20)))
    assert len(alive) == 20
    assert max(alive) <= 2
