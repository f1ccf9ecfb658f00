"""The commands of docs/small_sets.md, as they stand there, on a project of DeepLabCut at tiny size."""

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.io.video import open_video
from tests.support.exports import PAW, deeplabcut
from tests.support.paths import ROOT
from tests.support.videos import pictures, write_video

FRAMES = 12


def commands() -> list[list[str]]:
    """Of the first block of the page, without comments."""
    block = re.search(
        r"^```sh\n(.*?)^```", (ROOT / "docs/small_sets.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert block
    return [shlex.split(line, comments=True) for line in block[1].splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`export/` with two videos of six labelled frames each, and `walk.mp4`."""
    rng = np.random.default_rng(0)
    for video in ("a", "b"):
        frames = {
            f"img{n:03d}.png": {"": {part: tuple(rng.uniform(5, 45, 2)) for part in PAW}}
            for n in range(FRAMES // 2)
        }
        deeplabcut(tmp_path / "export", video, frames)
    write_video(tmp_path / "walk.mp4", pictures(5))
    return tmp_path


def test_from_an_export_to_a_video(folder: Path) -> None:
    pytest.importorskip("timm", reason="photographs want the extra `photos`")
    listed = commands()
    assert [line[:2] for line in listed] == [
        ["rle-lab", name] for name in ("convert", "prepare", "run", "predict")
    ]
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "150"}
    for program, *arguments in listed:
        assert program == "rle-lab"
        shorter = ["--epochs", "1"] if arguments[0] == "run" else []
        done = subprocess.run(
            [sys.executable, "-m", "sweeps", *arguments, *shorter],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    out = folder / "results" / "predictions"
    with (out / "walk.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["frame"], row["keypoint"]) for row in rows] == [
        (str(frame), part) for frame in range(5) for part in PAW
    ]
    with open_video(out / "drawings" / "walk.mp4") as video:
        assert len(list(video.frames())) == 5
