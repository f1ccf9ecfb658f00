"""Heat maps of errors: every cell says its number, colours mean what the caption says."""

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from orchestrator.probes.occlusion import GROUPS
from orchestrator.report.figures import probe_figure, svg
from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.report.figures.style import BLUE, PURPLE
from orchestrator.schema.plots import ErrorMatrix, MatrixDifference

G = len(GROUPS)
ERRORS = 100.0 + np.arange(G * G, dtype=float).reshape(G, G)
MATRIX = ErrorMatrix(column="Mean", method="Integral Pose")
DIFFERENCE = MatrixDifference(column="Integral", minus="RLE", methods=("Integral Pose", "RLE"))


def probe_rows(*tables: np.ndarray, key: str = "Ankle", first: int = 0) -> ProbeRow:
    """A row whose probes, a seed each from `first`, found these tables and 50 mm unoccluded."""
    details = [
        {
            "groups": list(GROUPS),
            "errors": table.tolist(),
            "unoccluded": [50.0] * G,
            "pictures": 1234,
            "square": 46 / 256,
        }
        for table in tables
    ]
    return ProbeRow(key, key, dict(enumerate(details, first)))


def drawn(plot: ErrorMatrix | MatrixDifference, *rows: ProbeRow) -> tuple[Figure, str]:
    figure = probe_figure(plot, rows)
    assert figure is not None
    return figure


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def shades(figure: Figure) -> list[str]:
    """The colour of each cell, row by row."""
    figure.draw_without_rendering()
    return [to_hex(colour) for colour in figure.axes[0].collections[0].get_facecolor()]


def test_every_cell_has_its_error_and_the_last_row_those_without_a_square() -> None:
    figure, caption = drawn(MATRIX, probe_rows(ERRORS), probe_rows(ERRORS, key="Knee"))
    assert texts(figure) == [f"{value:.0f}" for value in ERRORS.flat] + ["50"] * G
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == list(GROUPS)
    assert [label.get_text() for label in ax.get_yticklabels()] == [*GROUPS, "none"]
    assert ax.yaxis_inverted()
    assert "1,234 images, squares of 18% of the crop's side, one seed." in caption


def test_the_mean_over_seeds_is_drawn() -> None:
    figure, caption = drawn(MATRIX, probe_rows(ERRORS, ERRORS + 20))
    assert texts(figure)[0] == "110"
    assert "mean over 2 seeds" in caption


def test_the_shade_is_the_rise_in_the_methods_colour_and_a_fall_is_white() -> None:
    errors = np.full((G, G), 50.0)
    errors[0, :3] = (90.0, 70.0, 30.0)
    found = shades(drawn(MATRIX, probe_rows(errors))[0])
    assert found[0] == to_hex(PURPLE)
    assert found[1] not in (found[0], found[2])
    assert set(found[2:]) == {"#ffffff"}


def test_a_difference_has_the_colour_of_whichever_is_better() -> None:
    better = ERRORS.copy()
    better[0, 0] -= 8
    better[0, 1] += 8
    better[0, 2] += 2
    figure, caption = drawn(DIFFERENCE, probe_rows(ERRORS), probe_rows(better))
    assert texts(figure)[:4] == ["+8", "−8", "−2", "0"]
    found = shades(figure)
    assert (found[0], found[1], found[3]) == (to_hex(BLUE), to_hex(PURPLE), "#ffffff")
    assert found[2] not in found[:2]
    assert "RLE is better in 1 of the 49 cells and in 1 of the 7 on the diagonal" in caption
    assert "the mean difference is 0.0 mm" in caption


def test_only_seeds_of_both_methods_are_compared() -> None:
    first, second = probe_rows(ERRORS, ERRORS + 500), probe_rows(ERRORS - 3, ERRORS - 90, first=0)
    only = ProbeRow("Ankle", "Ankle", {0: second.by_seed[0], 7: second.by_seed[1]})
    figure, caption = drawn(DIFFERENCE, first, only)
    assert set(texts(figure)) == {"+3"}
    assert "one seed" in caption


def test_nothing_is_drawn_of_what_was_not_looked_at() -> None:
    assert probe_figure(MATRIX, ()) is None
    assert probe_figure(DIFFERENCE, ()) is None
    assert probe_figure(DIFFERENCE, (probe_rows(ERRORS), probe_rows(ERRORS, key="Knee"))) is None
    assert probe_figure(DIFFERENCE, (probe_rows(ERRORS), probe_rows(ERRORS, first=5))) is None


def test_equal_tables_have_a_difference_without_colour() -> None:
    figure, caption = drawn(DIFFERENCE, probe_rows(ERRORS), probe_rows(ERRORS))
    assert set(texts(figure)) == {"0"}
    assert "in 0 of the 49 cells" in caption


def test_equal_findings_give_equal_bytes() -> None:
    assert svg(drawn(MATRIX, probe_rows(ERRORS))[0]) == svg(drawn(MATRIX, probe_rows(ERRORS))[0])


@pytest.mark.parametrize("plot", [MATRIX, DIFFERENCE])
def test_numbers_stand_out_from_their_cells(plot: ErrorMatrix | MatrixDifference) -> None:
    """By a contrast of 4.5, what the WCAG asks of text."""
    spread = ERRORS + np.random.default_rng(0).normal(0, 40, ERRORS.shape)
    figure, _ = drawn(plot, probe_rows(spread), probe_rows(ERRORS))
    for cell, text in zip(shades(figure), figure.axes[0].texts, strict=True):
        light, dark = sorted((luminance(cell), luminance(str(text.get_color()))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
