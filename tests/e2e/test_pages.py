"""The pages of the documentation: built strictly, complete, and read in a browser from a folder alone."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import models
from datasets import public
from orchestrator.sweep import sweep
from tests.support.paths import ROOT

PAGES = sorted(
    path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")
)
BROKEN = """
[nothing][models.Nothing]

[no page](nowhere.md)

[no heading](sweeps.md#nothing)
"""


def build(config: Path, site: Path) -> "subprocess.CompletedProcess[str]":
    """As `make docs`. Warnings that are not printed would not fail, so that it is not quiet."""
    command = [sys.executable, "-m", "mkdocs", "build", "--config-file", config, "--site-dir", site]
    return subprocess.run(command, cwd=config.parent, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "site"
    done = build(ROOT / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stderr
    return folder


def anchors(site: Path, page: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', (site / "api" / page).read_text()))


def test_every_public_name_is_on_a_page_with_its_docstring(site: Path) -> None:
    assert {f"models.{name}" for name in models.__all__} <= anchors(site, "models.html")
    assert {f"datasets.{name}" for name in public.__all__} <= anchors(site, "datasets.html")
    declared = [
        name for name, kind in vars(sweep).items() if getattr(kind, "__module__", "") == sweep.__name__
    ]
    assert {f"orchestrator.sweep.sweep.{name}" for name in declared} <= anchors(site, "sweeps.html")
    text = (site / "api" / "datasets.html").read_text()
    assert "Uint8 (B, H, W, 3), RGB" in text  # a comment behind a field


def test_examples_are_blocks_of_code(site: Path) -> None:
    assert not [page for page in PAGES if "<blockquote>" in (site / page).read_text()]


def test_a_broken_reference_of_any_kind_fails(tmp_path: Path) -> None:
    shutil.copyfile(ROOT / "mkdocs.yml", tmp_path / "mkdocs.yml")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for package in ("models", "datasets", "orchestrator", "sweeps"):
        (tmp_path / package).symlink_to(ROOT / package)
    page = tmp_path / "docs" / "api" / "models.md"
    page.write_text(page.read_text() + BROKEN)
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode != 0
    for missing in ("models.Nothing", "nowhere.md", "sweeps.md#nothing"):
        assert missing in done.stderr


@pytest.fixture(params=["light", "dark"])
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    page = browser.new_page(color_scheme=request.param)
    page.elsewhere = []
    page.on("request", lambda asked: page.elsewhere.append(asked.url) if "://" in asked.url else None)
    yield page
    page.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_is_wider_than_the_screen_or_asks_for_anything_elsewhere(
    site: Path, page: Any, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for name in PAGES:
        page.goto((site / name).as_uri())
        scrolled = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert scrolled == 0, name
    assert [url for url in page.elsewhere if not url.startswith(site.as_uri())] == []


def test_the_search_works_from_the_folder(site: Path, page: Any) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto((site / "index.html").as_uri())
    query = page.locator("input[name=query]")
    found = page.locator(".md-search-result__link").filter(has_text="coco_average_precision")
    for _ in range(60):  # what is typed before the index is loaded starts no search
        query.fill("coco_average_precision")
        query.press("End")
        page.wait_for_timeout(500)
        if found.count():
            break
    found.first.wait_for()
