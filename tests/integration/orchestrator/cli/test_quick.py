"""Help and lists come at once: they import nothing that takes seconds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.tracking.tracker import Tracker
from tests.support.paths import ROOT

HEAVY = (
    "torch",
    "pandas",
    "mlflow",
    "ray",
    "numpy",
    "scipy",
    "triton",
    "torchvision",
    "cv2",
    "pydantic",
    "datasets.union",
)
PLANNING = ("torch", "numpy", "cv2", "pydantic", "datasets.union")
"""What a plan takes of these."""
COMMANDS = (
    "run",
    "show",
    "completion",
    "report",
    "publish",
    "bench",
    "prepare",
    "convert",
    "predict",
    "export",
    "import-checkpoint",
    "ui",
    "status",
)

CALL = """
import atexit, sys
from sweeps.__main__ import main
sys.argv[0] = "rle-lab"
atexit.register(lambda: print("heavy:", [name for name in {heavy} if name in sys.modules]))
main()
"""


def call(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CALL.replace("{heavy}", repr(HEAVY)), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["list"],
        ["list", "--json"],
        ["completion", "bash"],
        ["--version"],
        *([name, "--help"] for name in COMMANDS),
    ],
)
def test_help_and_lists_import_nothing_that_takes_seconds(arguments: list[str]) -> None:
    text = call(*arguments)
    assert text.endswith("heavy: []\n")


def test_the_status_of_a_local_store_is_read_without_what_takes_seconds(tracker: Tracker, uri: str) -> None:
    tracker.shared.announce("rle-lab run x", {"abc123": "a job"})
    text = call("status", "--tracking-uri", uri)
    assert "rle-lab run x on " in text
    assert "1 waiting: a job" in text
    assert text.endswith("heavy: []\n")


def test_a_dry_run_without_a_store_makes_none_and_imports_only_what_counts_parameters(tmp_path: Path) -> None:
    text = call("run", "flow_size", "--dry-run", "--results", str(tmp_path / "results"))
    assert "15 trainings, 30 measurements, 0 of them done" in text
    assert text.endswith(f"heavy: {[name for name in HEAVY if name in PLANNING]}\n")
    assert not (tmp_path / "results").exists()


def test_every_command_is_tried() -> None:
    text = call("--help")
    assert set(re.findall(r"^    ([a-z-]+)", text, re.MULTILINE)) == {"list", *COMMANDS}
