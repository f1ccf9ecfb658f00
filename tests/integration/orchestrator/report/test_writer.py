"""The report says all that the records say, from them alone, in files that stand by themselves."""

import csv
import io
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from orchestrator.report import table_formats, writer
from orchestrator.report.figures.training_curves import curves
from orchestrator.schema.declaration import Declaration
from orchestrator.schema.plots import Curves
from orchestrator.schema.record import Record
from tests.support.reported import DATA, SEEDS, table_1, table_7


@pytest.fixture(scope="module")
def page(written: writer.Report) -> str:
    return (written.folder / "report.html").read_text("utf-8")


class Outline(HTMLParser):
    """Collects what a page would load, its anchors and links, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.words: list[str] = []
        self.styled = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.styled = tag == "style"
        for name, value in attrs:
            if name in ("src", "srcset", "data", "poster", "action", "background", "xlink:href"):
                self.sources.append(value or "")
            if name == "href":
                (self.links if tag == "a" else self.sources).append(value or "")
            if name == "id":
                self.anchors.add(value or "")

    def handle_data(self, data: str) -> None:
        if not self.styled:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def test_a_verdict_can_be_redone_from_the_values_by_seed(written: writer.Report) -> None:
    """As a reviewer would, with pandas and scipy alone: paired t-tests, then Holm's correction."""
    frame = pd.read_csv(written.folder / "tables" / "table_7_seeds.csv", dtype={"table": str})
    by_seed = frame[frame.column == "AP"].pivot(index="seed", columns="row", values="value")
    pairs = [("RLE (Q+G)", "DLE"), ("Direct L1", "RLE (Q+G)"), ("RLE (Q+G)", "Laplace, learned scale")]
    p = [stats.ttest_rel(by_seed[a], by_seed[b]).pvalue for a, b in pairs]
    ranked = sorted(range(3), key=lambda index: p[index])
    steps = [min(1.0, (3 - place) * p[index]) for place, index in enumerate(ranked)]
    corrected = {index: max(steps[: place + 1]) for place, index in enumerate(ranked)}
    for index, verdict in enumerate(written.verdicts["7"]):
        assert verdict.p == pytest.approx(p[index], rel=1e-9)
        assert verdict.p_holm == pytest.approx(corrected[index], rel=1e-9)


def test_the_values_by_seed_name_their_runs_and_what_has_no_value(written: writer.Report) -> None:
    frame = pd.read_csv(written.folder / "tables" / "table_7_seeds.csv", dtype={"table": str})
    assert list(frame) == ["table", "row", "column", "seed", "value", "outcome", "fingerprint"]
    lost = frame[(frame.row == "RLE (Q+G+s)") & (frame.column == "AP")].set_index("seed")
    assert list(lost.outcome) == ["measured", "measured", "diverged"]
    assert list(lost.fingerprint) == [f"fit/RLE (Q+G+s)/{seed}" for seed in SEEDS]
    assert lost.value.isna().tolist() == [False, False, True]
    filled = next(part for part in written.filled if part.declaration.table == "7")
    assert filled.cell("RLE (Q+G+s)", "AP").mean == pytest.approx(lost.value.mean())


def test_every_table_and_figure_is_a_file_and_in_both_pages(written: writer.Report, page: str) -> None:
    names = {path.relative_to(written.folder).as_posix() for path in written.paths}
    stems = [f"table_{table}_{plot}" for table in "17" for plot in ("AP_by_FLOPs", "AP_by_epoch")]
    expected = {f"tables/table_{table}.{suffix}" for table in "17" for suffix in ("md", "csv", "tex")}
    expected |= {f"tables/table_{table}_seeds.csv" for table in "17"}
    expected |= {f"figures/{stem}.{suffix}" for stem in stems for suffix in ("svg", "png")}
    assert names == expected | {"README.md", "report.html"}
    assert all(path.stat().st_size for path in written.paths)
    readme = (written.folder / "README.md").read_text("utf-8")
    assert re.findall(r"\]\((figures/[^)]+)\)", readme) == [f"figures/{stem}.svg" for stem in stems]
    assert page.count("<img ") == len(stems)
    assert {"table-1", "table-7"} <= Outline(page).anchors


def test_the_page_loads_nothing_and_all_its_links_lead_somewhere_in_it(page: str) -> None:
    outline = Outline(page)
    assert outline.sources
    assert all(source.startswith("data:image/") for source in outline.sources)
    assert all(link.startswith("#") and link[1:] in outline.anchors for link in outline.links)
    assert not re.search(r"@import|url\(|<script|<iframe|<link", page)


def test_a_plot_without_data_is_left_out(written: writer.Report) -> None:
    assert not [path for path in written.paths if "no_such" in path.name]


def test_paper_and_ours_stand_in_the_page_as_the_tables_print_them(written: writer.Report, page: str) -> None:
    text = Outline(page).text
    for filled in written.filled:
        for (_, name), cell in filled.cells.items():
            column = next(c for c in filled.declaration.columns if c.name == name)
            for value in (cell.paper, cell.mean, cell.std):
                assert value is None or table_formats.number(value, column) in text


def test_the_csv_reads_back_to_the_numbers_of_the_table(written: writer.Report) -> None:
    for filled in written.filled:
        text = (written.folder / f"tables/table_{filled.declaration.table}.csv").read_text("utf-8")
        for line in csv.DictReader(io.StringIO(text)):
            cell = filled.cell(line["row"], line["column"])
            assert line["status"] == cell.status
            read = [float(line[name]) if line[name] else None for name in ("paper", "mean", "std")]
            assert read == [cell.paper, cell.mean, cell.std]


def test_row_names_are_escaped(page: str) -> None:
    assert "DLE &lt;official&gt; &amp; co" in page
    assert "<official>" not in page


def test_what_was_not_run_and_what_diverged_is_said(written: writer.Report, page: str) -> None:
    text = Outline(page).text
    assert "not run" in text
    assert "1 of 3 diverged: seed 2 (step 812: log s is not finite)" in text
    assert text.count("In 1 of 1 rows with a predicted scale, σ of some keypoint reached its ceiling") == 1
    assert "sigma_max" not in text
    assert written.filled[1].cell("RLE (Q+G+s)", "AP").n == 2


def test_verdicts_are_printed_as_they_were_judged(written: writer.Report, page: str) -> None:
    words = re.findall(r'<div><span class="badge [a-z-]+">. *(.*?)</span></div>', page)
    judged = [verdict.verdict for verdicts in written.verdicts.values() for verdict in verdicts]
    assert words == judged
    assert {"supported", "contradicted", "not run"} <= set(judged)
    readme = (written.folder / "README.md").read_text("utf-8")
    assert re.findall(r"^- . \*\*([a-z ]+)\*\*:", readme, flags=re.MULTILINE) == judged


def test_the_opening_counts_cells_and_warns_of_absolute_numbers(page: str) -> None:
    text = Outline(page).text
    assert "2 tables, 66 of 74 cells filled." in text
    assert "absolute numbers are not comparable with the paper's" in text


def test_at_the_papers_scale_there_is_no_warning(records: dict[str, Record], tmp_path: Path) -> None:
    full = table_1().model_copy(update={"scale": "paper"})
    writer.write((full,), records, tmp_path)
    assert "not comparable" not in (tmp_path / "report.html").read_text("utf-8")


def test_the_origin_of_the_numbers_is_told(page: str) -> None:
    text = Outline(page).text
    for told in (
        DATA,
        "0, 1, 2",
        "0e30145aa91c",
        "2 cores of a test machine",
        "python sweeps/table_7.py --seeds 3",
    ):
        assert told in text


def test_equal_records_give_equal_files(
    written: writer.Report, records: dict[str, Record], tmp_path: Path
) -> None:
    shuffled = dict(reversed(records.items()))
    again = writer.write((table_1(), table_7()), shuffled, tmp_path)
    for one, other in zip(written.paths, again.paths, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_without_any_record_the_report_says_not_run(tmp_path: Path) -> None:
    empty = writer.write((table_1(), table_7()), {}, tmp_path)
    assert {v.verdict for verdicts in empty.verdicts.values() for v in verdicts} == {"not run"}
    assert (tmp_path / "tables").is_dir()
    assert (tmp_path / "figures").is_dir()
    assert "0 tables" in Outline(_page(writer.write((), {}, tmp_path))).text


def _page(written: writer.Report) -> str:
    return (written.folder / "report.html").read_text("utf-8")


def test_a_writer_that_fails_leaves_the_report_of_before(
    records: dict[str, Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.write((table_1(),), records, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}

    def broken(_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(table_formats, "latex", broken)
    with pytest.raises(KeyboardInterrupt):
        writer.write((table_1(),), {}, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_a_write_that_is_interrupted_leaves_no_half_file(
    records: dict[str, Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path, target: Path) -> Path:
        assert path.stat().st_size > 0
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        writer.write((table_1(),), records, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_store_keeps_each_table_with_its_own_files_and_verdicts(written: writer.Report) -> None:
    kept: dict[str, tuple[set[str], list[str]]] = {}

    class Store:
        def log_table(
            self, declaration: Declaration, frame: pd.DataFrame, files: Mapping[str, Path], verdicts_json: str
        ) -> None:
            assert len(frame) > 30
            assert all(path.is_file() for path in files.values())
            judged = [verdict["verdict"] for verdict in json.loads(verdicts_json)]
            kept[declaration.table] = set(files), judged

    writer.log(Store(), written)
    assert set(kept) == {"1", "7"}
    for table, (files, verdicts) in kept.items():
        assert {f"tables/table_{table}.md", f"figures/table_{table}_AP_by_epoch.svg"} <= files
        assert all(f"table_{table}" in name for name in files)
        assert verdicts == [verdict.verdict for verdict in written.verdicts[table]]


def test_captions_in_the_page_are_those_of_the_figures(
    written: writer.Report, records: dict[str, Record], page: str
) -> None:
    drawn = curves(table_7(), records, Curves(key="AP", title="AP by epoch"))
    assert drawn is not None
    caption = drawn[1]
    assert "DLE <official> & co" in caption
    assert caption in Outline(page).text
    assert caption == written.sections[1].figures[1].caption


def test_a_caption_names_no_row_that_the_plot_could_not_show(written: writer.Report) -> None:
    caption = written.sections[1].figures[0].caption
    assert caption.endswith("No results yet: DLE <official> & co.")  # Direct L1 has no FLOPs


def test_names_of_folders_are_text_in_every_line_of_the_markdown_page(
    records: dict[str, Record], tmp_path: Path
) -> None:
    name = "<img src=x onerror=alert(1)> `x` &lt; *b*\n# head"
    table = table_1().model_copy(
        update={"data": name, "command": f"python a.py '{name}'", "scale": "demo", "assumed": (name,)}
    )
    writer.write((table,), records, tmp_path)
    readme = (tmp_path / "README.md").read_text("utf-8")
    assert not re.search(r"^# head", readme, flags=re.MULTILINE)
    prose = re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "", readme)  # without what stands as code
    assert "onerror" in prose
    assert re.findall(r"(?<!\\)<(?!br)", prose) == []
    assert re.findall(r"(?<!\\)&", prose) == []
