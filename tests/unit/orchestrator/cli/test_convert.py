"""`rle-lab convert` says what it assumed, what it wrote, and what comes next."""

import argparse
from pathlib import Path

import pytest

from orchestrator.cli import convert
from tests.support.exports import label_studio


def act(*line: str | Path) -> int:
    parser = argparse.ArgumentParser()
    convert.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["convert", *map(str, line)])
    code: int = parsed.act(parsed)
    return code


def test_it_says_what_was_assumed_and_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label_studio(tmp_path / "mice", [f"{n}.png" for n in range(5)])
    assert act(tmp_path / "mice", tmp_path / "out", "--boxes", "frame") == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "assumed: all pictures are of one video or folder",
        "assumed: whole pictures are the boxes",
        "4 keypoints, 4 labelled in 4 pictures of train, 1 labelled in 1 pictures of val",
        f"rle-lab prepare --data-root {tmp_path / 'out'}",
    ):
        assert words in said
