"""All of the paper at smoke scale, once: every table, every figure, and the page that shows them."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.schema.paper_numbers import paper_cells
from sweeps.baselines import PAPER
from tests.support.paths import ROOT

TABLES = ("1", "2", "3", "4", "5", "6", "7", "8")
FIGURES = ("Figure 1", "Figure 2", "Figure 3", "Figure 4", "Figure 5")
MINUTES = 20


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("everything")
    command = [sys.executable, "-m", "sweeps", "run", "--scale", "smoke", "--results", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60 * MINUTES, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("table", TABLES)
def test_every_cell_of_the_paper_has_a_number_of_ours_beside_it(results: Path, table: str) -> None:
    with (results / "tables" / f"table_{table}.csv").open(encoding="utf-8", newline="") as file:
        cells = {(row["row"], row["column"]): row for row in csv.DictReader(file)}
    printed = paper_cells(PAPER, table)
    assert printed
    for cell in printed:
        found = cells[cell.row, cell.column]
        assert float(found["paper"]) == cell.value
        assert found["status"] in ("measured", "computed"), found
        assert found["mean"], found


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_of_the_paper_is_drawn(results: Path, figure: str) -> None:
    slug = figure.lower().replace(" ", "_")
    drawn = list((results / "figures").glob(f"{slug}_*.png"))
    assert drawn
    assert all(path.stat().st_size > 5_000 for path in drawn)
    assert f"## {figure}" in (results / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_shows_everything_by_itself_in_a_browser(results: Path, browser: Any, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((results / "report.html").as_uri())
    headings = page.locator("h2").all_inner_texts()
    for name in (*(f"Table {table}" for table in TABLES), *FIGURES):
        assert any(heading.startswith(f"{name}.") for heading in headings), name
    broken = page.evaluate("[...document.images].filter(i => !i.complete || i.naturalWidth == 0).length")
    assert page.locator("figure img").count() >= len(FIGURES)
    assert broken == 0
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    # Wide tables scroll by themselves; the page must not.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
