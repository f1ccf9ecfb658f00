"""docs/own_sweeps.md as it is written: its files in an empty folder, and its commands one after another."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "own_sweeps.md").read_text()
FILES = dict(re.findall(r"^`(\w+\.py)`:\n\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = [
    line.partition("  #")[0].strip()
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


def call(folder: Path, command: str) -> str:
    """What a command prints, typed in a folder outside the checkout, with the project installed."""
    words = {"rle-lab": f"{sys.executable} -m sweeps", "python": sys.executable}
    program, _, rest = command.partition(" ")
    done = subprocess.run(
        f"{words[program]} {rest}",
        shell=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]} {done.stderr[-3000:]}"
    return done.stdout


def test_an_ablation_has_at_most_thirty_lines() -> None:
    assert FILES.keys() == {"ablation.py", "rates.py", "losses.py", "nets.py", "dots.py"}
    assert len(FILES["ablation.py"].splitlines()) <= 30


@pytest.mark.cluster
def test_the_page_leads_from_an_empty_folder_to_tables(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    printed = {command: call(tmp_path, command) for command in COMMANDS}
    assert len(printed) == 11
    assert "2 jobs, 2 of them already done" in printed["python ablation.py --scale smoke"]
    assert (
        "1 jobs, 1 of them already done" in printed["rle-lab run huber.json --code losses.py --scale smoke"]
    )
    assert "8 epochs decided; done" in printed["rle-lab run rates.py --scale smoke"]
    assert "Dots" in printed["rle-lab report"]  # without the code of the data set
    assert (tmp_path / "results" / "smoke" / "tables" / "width.csv").is_file()
    with (tmp_path / "results" / "smoke" / "tables" / "losses.csv").open() as file:
        rows = {line["row"]: line for line in csv.DictReader(file)}
    assert rows.keys() >= {"L1", "Huber 0.02", "Huber 0.02, delta 0.01", "Huber 0.02, delta 0.05"}
