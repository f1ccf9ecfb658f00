"""The report says all that the records say, from them alone, in files that stand by themselves."""

import csv
import io
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from rich.console import Console

from orchestrator import figures, report, tables
from orchestrator.records import (
    Below,
    CellRef,
    CellSource,
    Claim,
    Curves,
    Declaration,
    DeclaredColumn,
    DeclaredRow,
    Equivalent,
    Greater,
    PaperCell,
    Record,
    Scatter,
)

SEEDS = (0, 1, 2)
DATA = "a1b2c3d4e5f60718"
MEASURED = {"AP": "AP", "AP50": "AP50", "AP75": "AP75", "AP shuffled": "AP shuffled"}
TIMED = {"Step": "step_ms", "Flow share": "flow_share"}
FLOPS = DeclaredColumn(name="FLOPs", better="lower", human=True, says="of the flow, forward, a picture")
PARAMS = DeclaredColumn(name="Params", better="lower", human=True, says="of the flow")
AP, AP50, AP75 = (DeclaredColumn(name=name, unit="%", better="higher") for name in ("AP", "AP50", "AP75"))
SHUFFLED = DeclaredColumn(
    name="AP shuffled", unit="%", better="higher", ours=True, says="AP with the scores permuted"
)
STEP = DeclaredColumn(name="Step", unit="ms", better="lower", ours=True, says="a training step")
SHARE = DeclaredColumn(name="Flow share", unit="%", digits=2, better="lower", ours=True)

PAPER_1 = {
    "3x64": (1.8e6, 53.8e3, 70.5, 88.5, 77.4),
    "3x128": (6.9e6, 205.8e3, 70.2, 88.5, 77.3),
    "3x256": (27.3e6, 804.8e3, 69.6, 87.9, 76.5),
    "5x32": (1.3e6, 40.0e3, 70.0, 88.2, 76.8),
    "5x64": (5.2e6, 153.6e3, 70.3, 88.7, 77.4),
}
PAPER_7 = {
    "DLE": (1.8e6, 62.7, 86.1, 70.4),
    "RLE (Q+G)": (1.8e6, 70.5, 88.5, 77.4),
    "RLE (Q+G+s)": (44.2e6, 70.5, 88.6, 77.4),
}
OURS_7 = {
    "Direct L1": "no likelihood at all",
    "Laplace, learned scale": "Q alone, no flow",
    "RLE (Q+G+s), s sampled": "s from fresh samples of Q each step",
    "DLE <official> & co": "the authors' broadcasting",
}
ENDS = {
    "3x64": 46.0,
    "3x128": 45.8,
    "3x256": 44.9,
    "5x32": 45.6,
    "DLE": 31.0,
    "RLE (Q+G)": 46.0,
    "RLE (Q+G+s)": 45.7,
    "Direct L1": 38.2,
    "Laplace, learned scale": 45.1,
    "RLE (Q+G+s), s sampled": 46.3,
}
"""AP of the rows that were trained; 5x64 and the last of Table 7 were not."""


def fingerprints(kind: str, row: str) -> tuple[str, ...]:
    return tuple(f"{kind}/{row}/{seed}" for seed in SEEDS)


def cells(row: str, computed: Mapping[str, float], timed: Mapping[str, str]) -> dict[str, CellSource]:
    return {
        **{name: CellSource(value=value) for name, value in computed.items()},
        **{
            name: CellSource(key=key, fingerprints=fingerprints("fit", row)) for name, key in MEASURED.items()
        },
        **{name: CellSource(key=key, fingerprints=fingerprints("step", row)) for name, key in timed.items()},
    }


def paper(
    table: str, rows: Mapping[str, tuple[float, ...]], columns: tuple[str, ...]
) -> tuple[PaperCell, ...]:
    return tuple(
        PaperCell(
            table=table, row=row, column=column, value=value, unit="", source=f"supplement, Table {table}"
        )
        for row, values in rows.items()
        for column, value in zip(columns, values, strict=True)
    )


def ap(row: str) -> CellRef:
    return CellRef(row=row, column="AP")


def declaration(
    table: str, rows: tuple[DeclaredRow, ...], columns: tuple[DeclaredColumn, ...], claims: tuple[Claim, ...]
) -> Declaration:
    numbers = PAPER_1 if table == "1" else PAPER_7
    printed = tuple(column.name for column in columns if not column.ours)
    return Declaration(
        table=table,
        title="Computation complexity of RealNVP" if table == "1" else "Effectiveness of RLE",
        says="Each row is one way to train.",
        scale="demo",
        data="generated people in COCO's format",
        data_fingerprints=(DATA,),
        seeds=SEEDS,
        columns=columns,
        rows=rows,
        paper=paper(table, numbers, printed),
        claims=claims,
        plots=(
            Scatter(x="FLOPs", y="AP", log_x=True),
            Curves(key="AP", title="AP by epoch"),
            Curves(key="no such"),
        ),
        command=f"python sweeps/table_{table}.py --seeds 3",
    )


def table_1() -> Declaration:
    rows = tuple(
        DeclaredRow(
            key=key, label=key.replace("x", "×"), cells=cells(key, {"FLOPs": flops, "Params": params}, TIMED)
        )
        for key, (flops, params, *_) in PAPER_1.items()
    )
    claims: tuple[Claim, ...] = (
        Equivalent(says="3×256 is no better than 3×64.", a=ap("3x64"), b=ap("3x256"), margin=1.0),
        Equivalent(says="5×64 is no better than 3×64.", a=ap("3x64"), b=ap("5x64"), margin=1.0),
        Below(says="The overhead is negligible.", a=CellRef(row="3x64", column="Flow share"), limit=5.0),
    )
    return declaration("1", rows, (FLOPS, PARAMS, AP, AP50, AP75, SHUFFLED, STEP, SHARE), claims)


def table_7() -> Declaration:
    says = {"RLE (Q+G+s)": "s by the Riemann sum of Eq. 7", **OURS_7}
    rows = tuple(
        DeclaredRow(
            key=key,
            label=key,
            cells=cells(key, {} if key == "Direct L1" else {"FLOPs": PAPER_7.get(key, (1.8e6,))[0]}, {}),
            ours=key in OURS_7,
            says=says.get(key, ""),
        )
        for key in (*PAPER_7, *OURS_7)
    )
    claims: tuple[Claim, ...] = (
        Greater(says="RLE is better than DLE.", a=ap("RLE (Q+G)"), b=ap("DLE")),
        Greater(says="Direct regression is better than RLE.", a=ap("Direct L1"), b=ap("RLE (Q+G)")),
        Greater(says="The flow adds to a Laplace.", a=ap("RLE (Q+G)"), b=ap("Laplace, learned scale")),
    )
    return declaration("7", rows, (FLOPS, AP, AP50, AP75, SHUFFLED), claims)


def fitted(row: str, seed: int, diverged: bool = False) -> Record:
    random = Random(f"{row}{seed}")
    end = ENDS[row] + random.gauss(0, 0.4)
    metrics = {"AP": end, "AP50": end + 25, "AP75": end - 2.5, "AP shuffled": end - 6}
    rising = [
        end * (1 - 0.9 * 0.8**epoch) + random.gauss(0, 0.3) for epoch in range(1, 7 if diverged else 20)
    ]
    return Record(
        fingerprint=f"fit/{row}/{seed}",
        name=f"{row}, seed {seed}",
        status="diverged" if diverged else "finished",
        seed=seed,
        metrics={} if diverged else metrics,
        history={"AP": tuple(enumerate(rising if diverged else [*rising, end], 1))},
        commit="0e30145aa91c",
        data=DATA,
        machine="2 cores of a test machine",
        duration=60.0,
        note="step 812: log s is not finite" if diverged else "",
        alarms=("sigma at its ceiling",) if (row, seed) == ("3x256", 1) else (),
    )


def timed(row: str, seed: int) -> Record:
    share = 1.2 + PAPER_1[row][0] / 2e6 + Random(f"{row}{seed}").gauss(0, 0.1)
    metrics = {"step_ms": 118.0 + share, "flow_share": share}
    return Record(
        f"step/{row}/{seed}", f"step of {row}", "finished", seed, metrics, machine="2 cores of a test machine"
    )


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    wrong = ("RLE (Q+G+s)", 2)
    found = [fitted(row, seed, diverged=(row, seed) == wrong) for row in ENDS for seed in SEEDS]
    found += [timed(row, seed) for row in PAPER_1 for seed in SEEDS]
    return {record.fingerprint: record for record in found}


@pytest.fixture(scope="module")
def written(records: dict[str, Record], tmp_path_factory: pytest.TempPathFactory) -> report.Report:
    return report.write((table_1(), table_7()), records, tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def page(written: report.Report) -> str:
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


def test_every_table_and_figure_is_a_file_and_in_both_pages(written: report.Report, page: str) -> None:
    names = {path.relative_to(written.folder).as_posix() for path in written.paths}
    stems = [f"table_{table}_{plot}" for table in "17" for plot in ("AP_by_FLOPs", "AP_by_epoch")]
    expected = {f"tables/table_{table}.{suffix}" for table in "17" for suffix in ("md", "csv", "tex")}
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


def test_a_plot_without_data_is_left_out(written: report.Report) -> None:
    assert not [path for path in written.paths if "no_such" in path.name]


def test_paper_and_ours_stand_in_the_page_as_the_tables_print_them(written: report.Report, page: str) -> None:
    text = Outline(page).text
    for filled in written.filled:
        for (_, name), cell in filled.cells.items():
            column = next(c for c in filled.declaration.columns if c.name == name)
            for value in (cell.paper, cell.mean, cell.std):
                assert value is None or tables.number(value, column) in text


def test_the_csv_reads_back_to_the_numbers_of_the_table(written: report.Report) -> None:
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


def test_what_was_not_run_and_what_diverged_is_said(written: report.Report, page: str) -> None:
    text = Outline(page).text
    assert "not run" in text
    assert "1 of 3 diverged: seed 2 (step 812: log s is not finite)" in text
    assert "sigma at its ceiling" in text
    assert written.filled[1].cell("RLE (Q+G+s)", "AP").n == 2


def test_verdicts_are_printed_as_they_were_judged(written: report.Report, page: str) -> None:
    words = re.findall(r'<div><span class="badge [a-z-]+">. *(.*?)</span></div>', page)
    judged = [verdict.verdict for verdicts in written.verdicts.values() for verdict in verdicts]
    assert words == judged
    assert {"supported", "contradicted", "not run"} <= set(judged)
    readme = (written.folder / "README.md").read_text("utf-8")
    assert re.findall(r"^- . \*\*([a-z ]+)\*\*:", readme, flags=re.MULTILINE) == judged


def test_the_opening_counts_cells_and_warns_of_absolute_numbers(page: str) -> None:
    text = Outline(page).text
    assert "2 tables, 66 of 74 cells filled." in text
    assert "absolute numbers can't be compared with the paper's" in text


def test_at_the_papers_scale_there_is_no_warning(records: dict[str, Record], tmp_path: Path) -> None:
    full = table_1().model_copy(update={"scale": "paper"})
    report.write((full,), records, tmp_path)
    assert "can't be compared" not in (tmp_path / "report.html").read_text("utf-8")


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
    written: report.Report, records: dict[str, Record], tmp_path: Path
) -> None:
    shuffled = dict(reversed(records.items()))
    again = report.write((table_1(), table_7()), shuffled, tmp_path)
    for one, other in zip(written.paths, again.paths, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_without_any_record_the_report_says_not_run(tmp_path: Path) -> None:
    empty = report.write((table_1(), table_7()), {}, tmp_path)
    assert {v.verdict for verdicts in empty.verdicts.values() for v in verdicts} == {"not run"}
    assert (tmp_path / "tables").is_dir()
    assert (tmp_path / "figures").is_dir()
    assert "0 tables" in Outline(_page(report.write((), {}, tmp_path))).text


def _page(written: report.Report) -> str:
    return (written.folder / "report.html").read_text("utf-8")


def test_a_writer_that_fails_leaves_the_report_of_before(
    records: dict[str, Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.write((table_1(),), records, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}

    def broken(_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(report.tables, "latex", broken)
    with pytest.raises(KeyboardInterrupt):
        report.write((table_1(),), {}, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_a_write_that_is_interrupted_leaves_no_half_file(
    records: dict[str, Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report.write((table_1(),), records, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_terminal_shows_tables_verdicts_and_where_the_report_lies(written: report.Report) -> None:
    console = Console(file=io.StringIO(), width=200)
    report.render(console, written)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Table 7. Effectiveness of RLE" in shown
    assert "DLE <official> & co" in shown
    for verdicts in written.verdicts.values():
        for verdict in verdicts:
            assert f"{verdict.verdict}  {verdict.claim}" in shown
    assert "report.html" in shown


def test_the_store_keeps_each_table_with_its_own_files_and_verdicts(written: report.Report) -> None:
    kept: dict[str, tuple[set[str], list[str]]] = {}

    class Store:
        def log_table(
            self, declaration: Declaration, frame: pd.DataFrame, files: Mapping[str, Path], verdicts_json: str
        ) -> None:
            assert len(frame) > 30
            assert all(path.is_file() for path in files.values())
            judged = [verdict["verdict"] for verdict in json.loads(verdicts_json)]
            kept[declaration.table] = set(files), judged

    report.log(Store(), written)
    assert set(kept) == {"1", "7"}
    for table, (files, verdicts) in kept.items():
        assert {f"tables/table_{table}.md", f"figures/table_{table}_AP_by_epoch.svg"} <= files
        assert all(f"table_{table}" in name for name in files)
        assert verdicts == [verdict.verdict for verdict in written.verdicts[table]]


def test_captions_in_the_page_are_those_of_the_figures(
    written: report.Report, records: dict[str, Record], page: str
) -> None:
    caption = figures.curves_caption(table_7(), records, Curves(key="AP", title="AP by epoch"))
    assert "DLE <official> & co" in caption
    assert caption in Outline(page).text
    assert caption == written.sections[1].pictures[1].caption


def test_a_caption_names_no_row_that_the_plot_could_not_show(written: report.Report) -> None:
    caption = written.sections[1].pictures[0].caption
    assert caption.endswith("Nothing of ours to draw yet: DLE <official> & co.")  # Direct L1 has no FLOPs
