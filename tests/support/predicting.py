"""`rle-lab predict` as tests run it."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import predict

Run = Callable[..., tuple[int, Path]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command; its exit code and where it wrote."""

    def act(*line: str | Path) -> tuple[int, Path]:
        parser = argparse.ArgumentParser()
        predict.add_parser(parser.add_subparsers())
        out = tmp_path / "out"
        parsed = parser.parse_args(["predict", *map(str, line), "--out", str(out)])
        return parsed.act(parsed), out

    return act


def results(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "keypoints.json").read_text())
    return found
