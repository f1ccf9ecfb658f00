"""Figures say what the records say, legibly, and the same for the same records."""

from dataclasses import replace
from itertools import combinations
from statistics import fmean

import matplotlib as mpl
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from orchestrator.report import figures
from orchestrator.report.figures.scatter import scatter, scatter_points
from orchestrator.report.figures.style import line_styles, row_colours
from orchestrator.report.figures.training_curves import curve_lines, curves
from orchestrator.schema.declaration import CellSource, Declaration, DeclaredColumn, DeclaredRow, PaperCell
from orchestrator.schema.plots import Curves, Scatter
from orchestrator.schema.record import Record
from orchestrator.stats.aggregate import fill

SEEDS = (0, 1, 2)
AP_BY_COST = Scatter(x="cost", y="AP", log_x=True)
AP_BY_EPOCH = Curves(key="ap")


def declared(keys: tuple[str, ...], scale: str = "demo") -> Declaration:
    """A table with a computed cost and a measured AP, the paper's AP being 70, 71, ..."""
    return Declaration(
        table="1",
        title="Cost",
        scale=scale,
        data="generated",
        data_fingerprints=("d",),
        seeds=SEEDS,
        columns=(DeclaredColumn(name="cost", unit="FLOPs", human=True), DeclaredColumn(name="AP", unit="%")),
        rows=tuple(
            DeclaredRow(
                key=key,
                label=key,
                cells={
                    "cost": CellSource(value=1e6 * 2**place),
                    "AP": CellSource(key="ap", fingerprints=tuple(f"{key}/{seed}" for seed in SEEDS)),
                },
            )
            for place, key in enumerate(keys)
        ),
        paper=tuple(
            PaperCell(table="1", row=key, column=column, value=value, unit="", source="Table 1")
            for place, key in enumerate(keys)
            for column, value in (("cost", 1e6 * 2**place), ("AP", 70.0 + place))
        ),
    )


def figure_of(drawn: tuple[Figure, str] | None) -> Figure:
    assert drawn is not None
    return drawn[0]


def caption(drawn: tuple[Figure, str] | None) -> str:
    assert drawn is not None
    return drawn[1]


def run(
    fingerprint: str, values: list[float], status: str = "finished", data: str = "d"
) -> dict[str, Record]:
    history = {"ap": tuple(enumerate(values, 1))}
    row, seed = fingerprint.split("/")
    return {
        fingerprint: Record(
            fingerprint,
            row,
            status,
            int(seed),
            {"ap": values[-1]},
            history,
            data=data,  # type: ignore[arg-type]
        )
    }


def trained(keys: tuple[str, ...], apart: float = 0.1) -> dict[str, Record]:
    """Three seeds a row, whose ends differ by `apart` from row to row."""
    found: dict[str, Record] = {}
    for place, key in enumerate(keys):
        for seed in SEEDS:
            found |= run(f"{key}/{seed}", [10.0 + seed, 20.0 + seed, 40.0 + seed + apart * place])
    return found


def boxes(figure: Figure, texts: list[Text]) -> list[Bbox]:
    figure.draw_without_rendering()
    return [Text.get_window_extent(text, figure._get_renderer()) for text in texts]  # type: ignore[attr-defined]


def names(ax: Axes, keys: tuple[str, ...]) -> list[Text]:
    return [text for text in ax.texts if text.get_text() in keys]


def assert_apart(found: list[Bbox]) -> None:
    for one, other in combinations(found, 2):
        overlap = Bbox.intersection(one, other)
        assert overlap is None or min(overlap.width, overlap.height) < 0.5


def test_a_method_has_the_same_colour_in_every_table() -> None:
    one = row_colours(["DLE", "RLE (Q+G)", "RLE (Q+G+s)"])
    other = row_colours(["Direct L1", "rle", "dle_official"])
    assert one["RLE (Q+G)"] == other["rle"]
    assert one["DLE"] == other["dle_official"]


def test_rows_are_told_apart_by_colour_and_then_by_stroke() -> None:
    keys = [f"{layers}x{width}" for layers in (3, 5, 7) for width in (32, 64, 128, 256)]
    inks = row_colours(keys)
    assert len(set(list(inks.values())[:7])) == 7
    looks = {(inks[key], line_styles(inks)[key]) for key in keys}
    assert len(looks) == len(keys)


def test_the_papers_points_are_hollow_and_ours_filled() -> None:
    table, keys = declared(("a", "b")), ("a", "b")
    figure = figure_of(scatter(table, fill(table, trained(keys)), AP_BY_COST))
    faces = [
        {to_hex(line.get_markerfacecolor()) for line in ax.lines if line.get_marker() == "o"}
        for ax in figure.axes
    ]
    assert faces[0] == {"#ffffff"}
    assert faces[1] == {to_hex(colour) for colour in row_colours(keys).values()}


def test_panels_of_paper_and_ours_have_the_same_span_below_the_papers_scale() -> None:
    table = declared(("a", "b", "c"))
    paper, ours = figure_of(scatter(table, fill(table, trained(("a", "b", "c"))), AP_BY_COST)).axes
    spans = [ax.get_ylim()[1] - ax.get_ylim()[0] for ax in (paper, ours)]
    assert spans[0] == pytest.approx(spans[1])
    assert paper.get_xlim() == ours.get_xlim()
    assert ours.get_ylim()[1] < paper.get_ylim()[0]


def test_at_the_papers_scale_paper_and_ours_share_a_panel() -> None:
    table = declared(("a", "b"), scale="paper")
    figure = figure_of(scatter(table, fill(table, trained(("a", "b"))), AP_BY_COST))
    assert len(figure.axes) == 1


def test_ours_lies_at_the_mean_with_a_bar_of_one_standard_deviation() -> None:
    table = declared(("a",))
    points = scatter_points(table, fill(table, trained(("a",))), AP_BY_COST)
    ours = next(point for point in points if point.source == "ours")
    assert (ours.x, ours.y, ours.dx, ours.dy) == (1e6, 41.0, 0.0, 1.0)


def test_names_in_a_scatter_plot_do_not_overlap_even_where_points_do() -> None:
    keys = tuple(f"method {number}" for number in range(6))
    table = declared(keys)
    same = table.model_copy(
        update={
            "rows": tuple(
                row.model_copy(update={"cells": row.cells | {"cost": CellSource(value=2e6)}})
                for row in table.rows
            )
        }
    )
    figure = figure_of(scatter(same, fill(same, trained(keys)), AP_BY_COST))
    for ax in figure.axes:
        labels = names(ax, keys)
        assert len(labels) == len(keys)
        assert_apart(boxes(figure, labels))


def test_a_line_is_the_mean_over_seeds_and_its_band_their_range() -> None:
    table = declared(("a",))
    records = trained(("a",))
    figure = figure_of(curves(table, records, AP_BY_EPOCH))
    line = figure.axes[0].lines[0]
    assert list(line.get_xdata()) == [1, 2, 3]
    assert list(line.get_ydata()) == pytest.approx([11, 21, 41])
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (10.0, 42.0)


def test_a_mean_is_taken_only_where_every_seed_has_a_value() -> None:
    table = declared(("a",))
    records = run("a/0", [1.0, 2.0, 3.0]) | run("a/1", [3.0, 4.0])
    (line,) = curve_lines(table, records, AP_BY_EPOCH)
    assert {epoch: fmean(values) for epoch, values in line.by_epoch().items()} == {1: 2.0, 2: 3.0}


def test_names_of_many_close_lines_stay_apart_and_inside_the_figure() -> None:
    keys = tuple(f"a method with a rather long name {number}" for number in range(9))
    table = declared(keys)
    figure = figure_of(curves(table, trained(keys, apart=0.001), AP_BY_EPOCH))
    labels = list(figure.axes[0].texts)
    assert len(labels) == len(keys)
    found = boxes(figure, labels)
    assert_apart(found)
    for box in found:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


def test_a_diverged_run_is_marked_and_does_not_set_the_scale() -> None:
    table = declared(("a", "b"))
    records = trained(("a",)) | run("b/0", [10.0, 1e9, float("inf")], status="diverged")
    figure = figure_of(curves(table, records, AP_BY_EPOCH))
    assert figure.axes[0].get_ylim()[1] < 100
    assert [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert "diverged" in caption(curves(table, records, AP_BY_EPOCH))


def test_a_row_that_did_not_train_has_a_label_that_says_so_and_no_leader() -> None:
    table = declared(("a", "b"))
    ended = run("b/0", [0.0, 0.0, 0.0])["b/0"]
    gone = {"b/0": replace(ended, metrics={"ap": 0.0, "AP": 0.0, "log_s": 547.0})}
    for found, word in ((gone, "collapsed"), (run("b/0", [0.0, 0.0], status="diverged"), "diverged")):
        drawn = curves(table, trained(("a",)) | found, AP_BY_EPOCH)
        ax = figure_of(drawn).axes[0]
        assert [label.get_text() for label in ax.texts][1].replace("\n", " ") == f"b ({word})"
        outside = [line for line in ax.lines if line.get_transform() == ax.transAxes]
        assert len(outside) == 1  # the leader of the row that trained
        assert ax.get_ylim()[0] > 1


def test_a_row_that_diverged_before_it_was_measured_is_named_as_such() -> None:
    table = declared(("a", "b"))
    records = trained(("a",)) | {"b/0": replace(run("b/0", [0.0], status="diverged")["b/0"], history={})}
    assert caption(curves(table, records, AP_BY_EPOCH)).endswith("Diverged: b.")
    assert caption(scatter(table, fill(table, records), AP_BY_COST)).endswith("Diverged: b.")


def test_rows_without_data_are_left_out_and_named_in_the_caption() -> None:
    table = declared(("a", "b", "c"))
    records = trained(("a",)) | run("b/0", [1.0, 2.0, 3.0], data="other data")
    assert [line.key for line in curve_lines(table, records, AP_BY_EPOCH)] == ["a"]
    assert caption(curves(table, records, AP_BY_EPOCH)).endswith("No results yet: b, c.")
    assert caption(scatter(table, fill(table, records), AP_BY_COST)).endswith("No results yet: b, c.")


def test_without_any_data_there_is_no_figure() -> None:
    table = declared(("a",)).model_copy(update={"paper": ()})
    assert curves(table, {}, AP_BY_EPOCH) is None
    assert scatter(table, fill(table, {}), AP_BY_COST) is None


def test_all_text_is_at_least_nine_points_high() -> None:
    keys = ("RLE", "DLE")
    table = declared(keys)
    for figure in (
        figure_of(scatter(table, fill(table, trained(keys)), AP_BY_COST)),
        figure_of(curves(table, trained(keys), AP_BY_EPOCH)),
    ):
        assert min(text.get_fontsize() for text in figure.findobj(Text)) >= 9


def test_axes_name_quantity_and_unit() -> None:
    table = declared(("a",))
    figure = figure_of(scatter(table, fill(table, trained(("a",))), AP_BY_COST))
    assert figure.axes[0].get_ylabel() == "AP (%)"
    assert figure.axes[-1].get_xlabel() == "cost (FLOPs)"


def test_equal_records_give_equal_bytes_and_text_stays_text() -> None:
    table, records = declared(("RLE & s", "$x$")), trained(("RLE & s", "$x$"))
    first, second = (figure_of(curves(table, records, AP_BY_EPOCH)) for _ in range(2))
    drawn = figures.svg(first)
    assert drawn == figures.svg(second)
    assert figures.png(first) == figures.png(second)
    assert b"RLE &amp; s" in drawn
    assert b"$x$" in drawn
    assert b"<dc:date>" not in drawn


def test_drawing_leaves_matplotlibs_settings_alone() -> None:
    before = dict(mpl.rcParams)
    figures.svg(figure_of(curves(declared(("a",)), trained(("a",)), AP_BY_EPOCH)))
    assert dict(mpl.rcParams) == before
