"""What is drawn of people lies where it should, and the caption says how they were chosen."""

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from orchestrator.report import figures
from orchestrator.report.figures import draw_skeleton
from orchestrator.report.figures.pose_gallery import draw_person
from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.schema.plots import PosePictures
from orchestrator.util.jpeg_text import to_text

LIMBS, SIDES = [[0, 1], [1, 2]], ["left", "right", "middle"]
MU = [[-0.25, -0.25], [0.25, -0.25], [0.25, 0.25]]
TRUTH = [[-0.25, 0.25], [0.0, 0.0], [0.4, 0.4]]


def person(kind: str, solid: bool = False, **changes: Any) -> dict[str, Any]:
    """A black picture of 60 × 40 and three joints, the last without a label."""
    body = {"body": {"mu": [[0, -500, 300]] * 3, "truth": [[0, 500, -300]] * 3}}
    return {
        "id": 1,
        "kind": kind,
        "picture": to_text(np.zeros((60, 40, 3), np.uint8)),
        "mu": MU,
        "truth": TRUTH,
        "labelled": [True, True, False],
        "surer": [1.0, 1.0, 1.0],
        "ellipse": [[0.05, 0.1]] * 3,
        "error": 12.3,
        **(body if solid else {}),
        **changes,
    }


def detail(people: list[dict[str, Any]], unit: str = "% of √area") -> dict[str, Any]:
    metrics = {"people": float(len(people)), "error shown": 12.3, "error": 11.1, "in ellipse": 43.2}
    return {"unit": unit, "limbs": LIMBS, "sides": SIDES, "metrics": metrics, "people": people}


def made(by_seed: dict[int, dict[str, Any]]) -> tuple[Figure, str]:
    """The figure and its caption, which are there."""
    found = figures.probe_figure(PosePictures(column="x"), [ProbeRow("RLE", "RLE", by_seed)])
    assert found is not None
    return found


def drawn(one: dict[str, Any]) -> np.ndarray:
    """A person rendered at ten dots a pixel, (600, 400, 3) in [0, 1]."""
    figure = Figure(figsize=(4, 6), dpi=100)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    draw_person(ax, one, LIMBS, SIDES)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3] / 255


def at(picture: np.ndarray, u: float, v: float) -> np.ndarray:
    """The colour at a place in units of the crop, whose pixel 0 has its middle half a pixel from the edge."""
    x, y = (u + 0.5) * 40 + 0.5, (v + 0.5) * 60 + 0.5
    return picture[round(10 * y), round(10 * x)]


def test_joints_are_drawn_where_they_are() -> None:
    picture = drawn(person("whole"))
    for (u, v), side in zip(MU, SIDES, strict=True):
        assert np.allclose(at(picture, u, v), to_rgb(draw_skeleton.COLOURS[side]), atol=0.05)
    for u, v in TRUTH[:2]:
        assert np.allclose(at(picture, u, v), to_rgb(draw_skeleton.TRUTH), atol=0.05)


def test_a_limb_has_its_side_and_an_unlabelled_joint_is_not_drawn() -> None:
    picture = drawn(person("whole"))
    assert np.allclose(at(picture, 0.0, -0.25), to_rgb(draw_skeleton.COLOURS["middle"]), atol=0.05)
    assert np.allclose(at(picture, 0.25, 0.05), to_rgb(draw_skeleton.COLOURS["right"]), atol=0.05)
    assert np.allclose(at(picture, *TRUTH[2]), 0, atol=0.02)


def test_the_less_sure_is_the_fainter() -> None:
    sure, unsure = (drawn(person("whole", surer=[share] * 3)) for share in (1.0, 0.0))
    assert at(sure, 0.0, -0.25).sum() > 2 * at(unsure, 0.0, -0.25).sum() > 0


def test_an_ellipse_has_the_spread_as_its_half_axes() -> None:
    figure = Figure()
    ax = figure.add_subplot()
    draw_person(ax, person("whole"), LIMBS, SIDES)
    first = next(patch for patch in ax.patches if isinstance(patch, Ellipse))
    assert first.center == pytest.approx((10, 15))
    assert (first.width, first.height) == pytest.approx((2 * 0.05 * 40, 2 * 0.1 * 60))


def test_kinds_are_columns_and_a_short_one_ends_early() -> None:
    people = [person("whole"), person("whole"), person("crowded")]
    figure, _ = made({0: detail(people)})
    filled = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in filled] == ["whole", "crowded", ""]
    left = [ax.get_position().x0 for ax in filled]
    assert left[0] == left[2] < left[1]


def test_in_3d_each_picture_has_its_side_view_with_depth_to_the_right() -> None:
    people = [person("from behind", solid=True), person("from the side", solid=True)]
    figure, caption = made({0: detail(people, "mm")})
    pictures = [ax for ax in figure.axes if ax.images]
    views = [ax for ax in figure.axes if ax.lines and not ax.images]
    assert len(pictures) == len(views) == 2
    limb = views[0].lines[0].get_xydata()
    assert np.allclose(limb, [300, -500])
    assert views[0].get_ylim()[0] > views[0].get_ylim()[1]  # y points down
    assert "3-D" in caption


def test_the_caption_says_which_seed_and_how_those_shown_compare() -> None:
    _, caption = made({3: detail([person("whole")]), 1: detail([person("crowded")])})
    assert caption.startswith("RLE, seed 1 only: 1 people of the validation set (1 × crowded), selected by")
    assert "contain 43 %" in caption
    assert caption.endswith(
        "Mean error of the people shown: 12.3 % of √area; of the whole set: 11.1 % of √area."
    )


def test_without_a_scale_nothing_is_said_of_ellipses() -> None:
    bare = person("whole")
    del bare["ellipse"]
    figure, caption = made({0: detail([bare])})
    assert "llipse" not in caption
    assert not any(isinstance(patch, Ellipse) for ax in figure.axes for patch in ax.patches)


def test_nothing_looked_at_is_no_figure() -> None:
    assert figures.probe_figure(PosePictures(column="x"), []) is None


def test_equal_details_give_equal_bytes() -> None:
    first, second = (made({0: detail([person("whole")])}) for _ in range(2))
    assert figures.svg(first[0]) == figures.svg(second[0])
