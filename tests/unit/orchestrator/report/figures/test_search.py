"""Figures of searches: what they show, and where there is nothing to show."""

from matplotlib.collections import LineCollection

from orchestrator.report import figures
from orchestrator.report.figures.search import _front
from orchestrator.schema.declaration import (
    CellSource,
    Declaration,
    DeclaredColumn,
    DeclaredRow,
    Searched,
    SearchedTrial,
)
from orchestrator.schema.plots import FieldImportance, Front, ParallelCoordinates, SearchPlot
from orchestrator.schema.record import Record
from orchestrator.stats.aggregate import fill

PLOTS = (Front(x="FLOPs", y="AP"), FieldImportance(key="AP"), ParallelCoordinates(key="AP"))


def trial(number: int) -> SearchedTrial:
    epochs = (1, 3) if number % 2 else (1,)
    return SearchedTrial(
        number=number,
        fingerprint=f"{number:016x}",
        values=(0.001 * 2**number, ("laplace", "gaussian")[number % 2], 16),
        epochs=epochs,
        finished=len(epochs) == 2,
        counted={"FLOPs": 1000.0 * 2**number},
    )


def record(number: int) -> Record:
    history = {"AP": ((1, 10.0 + number), (3, 20.0 + 3 * (number % 5)))}
    return Record(
        f"{number:016x}", f"trial {number}", "finished", 0, {"AP": history["AP"][-1][1]}, history, data="d"
    )


def declared(trials: int) -> Declaration:
    found = tuple(trial(number) for number in range(trials))
    return Declaration(
        table="A search",
        title="",
        scale="demo",
        data="",
        data_fingerprints=("d",),
        seeds=(0,),
        columns=(
            DeclaredColumn(name="FLOPs", better="lower", human=True),
            DeclaredColumn(name="AP", unit="%"),
        ),
        rows=tuple(
            DeclaredRow(
                key=key,
                label=key,
                cells={
                    "FLOPs": CellSource(value=flops),
                    "AP": CellSource(key="AP", fingerprints=(fingerprint,)),
                },
            )
            for key, flops, fingerprint in (("trial 1", 2000.0, f"{1:016x}"), ("grid", 5000.0, f"{99:016x}"))
        ),
        searched=Searched(fields=("lr", "density", "width"), log=("lr",), trials=found),
    )


def draw(plot: SearchPlot, trials: int = 9):
    records = {one.fingerprint: one for one in map(record, [*range(trials), 99])}
    declaration = declared(trials)
    return figures.draw(plot, declaration, fill(declaration, records), records, {})


def test_the_front_shows_trials_at_their_end_and_names_the_grid() -> None:
    figure, caption = draw(PLOTS[0])
    (ax,) = figure.axes
    shown = [tuple(map(tuple, points.get_offsets())) for points in ax.collections]
    assert shown[0] == tuple((1000.0 * 2**n, 20.0 + 3 * (n % 5)) for n in (1, 3, 5, 7))
    assert shown[1] == ((2000.0, 23.0), (8000.0, 29.0))
    assert shown[2] == ((5000.0, 32.0),)
    assert [text.get_text() for text in ax.texts] == ["grid"]
    assert "4 trials" in caption


def test_a_front_is_lower_in_one_and_better_in_the_other() -> None:
    points = [(3.0, 1.0), (1.0, 1.0), (2.0, 5.0), (2.0, 4.0), (4.0, 5.0)]
    assert _front(points, higher=True) == [(1.0, 1.0), (2.0, 5.0)]
    assert _front(points, higher=False) == [(1.0, 1.0)]


def test_every_trial_is_a_line_through_its_values_to_its_metric() -> None:
    figure, _ = draw(PLOTS[2])
    (ax,) = figure.axes
    (lines,) = [found for found in ax.collections if isinstance(found, LineCollection)]
    assert len(lines.get_segments()) == 9
    assert all(len(segment) == 4 for segment in lines.get_segments())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["lr", "density", "width", "AP"]


def test_bars_are_the_fields_that_vary() -> None:
    figure, caption = draw(PLOTS[1])
    (ax,) = figure.axes
    assert {label.get_text() for label in ax.get_yticklabels()} == {"lr", "density"}
    assert "9 trials" in caption


def test_without_trials_there_is_no_figure_and_the_same_values_give_the_same_bytes() -> None:
    for plot in PLOTS:
        assert draw(plot, 0) is None
        (first, _), (second, _) = draw(plot), draw(plot)
        assert figures.svg(first) == figures.svg(second)
