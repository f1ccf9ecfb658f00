"""The report in a real browser: nothing is cut without a sign of it, on screens, in the dark and on paper."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.report import writer
from tests.support.reported import ENDS, PAPER_1, SEEDS, fitted, table_1, table_7, timed

WIDTHS = (390, 600, 768, 1024, 1280, 1440)  # pixels: a phone to a laptop
PAPER = 1032  # CSS pixels across A4 landscape within its margins
LEGIBLE = 4.5
"""Contrast of text that WCAG asks for at level AA."""

CUT = """() => [...document.querySelectorAll('p, li, h1, h2, dd, figcaption, blockquote, .badge, svg, img')]
  .filter(e => !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.tagName + ' ' + e.textContent.slice(0, 40))"""
HIDDEN = """() => [...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1)
  .map(e => getComputedStyle(e).maskImage)"""
FAINT = """least => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3)
      .map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('p, td, th, a, li, .badge, h1, h2, figcaption, dt, dd')]
    .filter(e => e.textContent.trim() && !e.closest('svg')).map(e => {
      const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
      return [(a + .05) / (b + .05), e.tagName + ' ' + e.textContent.trim().slice(0, 30)]; })
    .filter(([ratio]) => ratio < least); }"""
OVERPRINTED = """() => { const frame = document.documentElement.getBoundingClientRect();
  const texts = [...document.querySelectorAll('text')].filter(e => e.textContent.trim())
    .map(e => [e.textContent.trim(), e.getBoundingClientRect()]);
  const found = texts.filter(([, r]) => r.left < frame.left - 1 || r.right > frame.right + 1).map(([t]) => t);
  texts.forEach(([one, a], i) => texts.slice(i + 1).forEach(([other, b]) => {
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 2 && down > 4) found.push(one + ' | ' + other); }));
  return found; }"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = [fitted(row, seed) for row in ENDS for seed in SEEDS]
    found += [timed(row, seed) for row in PAPER_1 for seed in SEEDS]
    records = {record.fingerprint: record for record in found}
    return writer.write((table_1(), table_7()), records, tmp_path_factory.mktemp("report")).folder


@pytest.fixture(params=["light", "dark"])
def open_at(request: pytest.FixtureRequest, browser: Any, report: Path) -> Iterator[Any]:
    """Opens the report in a window of a width."""
    context = browser.new_context(color_scheme=request.param)

    def opened(width: int) -> Any:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.goto((report / "report.html").as_uri())
        return page

    yield opened
    context.close()


def test_nothing_runs_out_of_the_window_and_hidden_columns_have_a_cue(open_at: Any) -> None:
    hidden = []
    for width in WIDTHS:
        page = open_at(width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CUT) == []
        page.wait_for_function(f"!({HIDDEN})().includes('none')")  # an observer draws the cue
        cues = page.evaluate(HIDDEN)
        hidden.append(len(cues))
    assert hidden[0] > 0  # a phone shows no whole table
    assert hidden[-1] == 0


def test_the_cue_goes_when_the_last_column_is_reached(open_at: Any) -> None:
    page = open_at(390)
    page.evaluate("document.querySelectorAll('.scroll').forEach(e => e.scrollLeft = e.scrollWidth)")
    page.wait_for_timeout(200)
    assert set(page.evaluate(HIDDEN)) == {"none"}


def test_all_text_stands_out_from_what_is_behind_it(open_at: Any) -> None:
    assert open_at(1280).evaluate(FAINT, LEGIBLE) == []


def test_on_paper_nothing_is_cut_and_provenance_is_open(browser: Any, report: Path, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": PAPER, "height": 700})
    page.emulate_media(media="print")
    page.goto((report / "report.html").as_uri())
    wide = """() => [...document.querySelectorAll('table, img, svg')]
      .filter(e => e.getBoundingClientRect().right > innerWidth + 1).length"""
    assert page.evaluate(wide) == 0
    shown = """() => [...document.querySelectorAll('details > :not(summary)')]
      .map(e => e.getBoundingClientRect().height)"""
    assert min(page.evaluate(shown)) > 0
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", (tmp_path / "report.pdf").read_bytes())
    assert sizes
    assert all(float(width) > float(height) for width, height in sizes)
    page.close()


def test_labels_of_figures_do_not_overprint(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    figures = sorted((report / "figures").glob("*.svg"))
    assert figures
    for figure in figures:
        page.goto(figure.as_uri())
        assert page.evaluate(OVERPRINTED) == [], figure.name
    page.close()
