"""Figures of densities: a panel a row, a histogram of errors a method, the standard ones beside all."""

from typing import Any

import numpy as np
import pytest
from matplotlib.image import AxesImage

from orchestrator.probes.learned_density import BINS, CUT, MAP, MAP_BINS
from orchestrator.report.figures import probe_figure, svg
from orchestrator.report.figures.learned_density import density_maps, density_marginals
from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.schema.plots import DensityMaps, DensityMarginals


def drawn(scale: float, errors: bool) -> dict[str, Any]:
    """A Laplace density as the probe keeps it."""
    marginal = np.exp(-np.abs(MAP)) / 2
    found: dict[str, Any] = {
        "scale": [scale, scale],
        "map": np.outer(marginal, marginal).ravel().tolist(),
        "cut": (np.exp(-np.abs(CUT)) / 2).tolist(),
    }
    if errors:
        cells = len(MAP_BINS) - 1
        found["errors"] = {"map": [0.01] * cells**2, "cut": [0.05] * (len(BINS) - 1)}
    return found


def probe_rows() -> list[ProbeRow]:
    rle = {
        "method": "RLE",
        "points": 1234,
        "densities": {
            "RLE G": drawn(0.05, errors=True),
            "RLE QG": drawn(0.04, errors=True),
            "Laplace": drawn(1, errors=False),
            "Gaussian": drawn(0.97, errors=False),
        },
    }
    dle = {"method": "DLE", "points": 1234, "densities": {"DLE G": drawn(0.4, errors=True)}}
    keys = {"RLE G": rle, "RLE QG": rle, "DLE G": dle, "Laplace": rle, "Gaussian": rle}
    return [ProbeRow(key, f"the {key}", {2: detail, 7: {}}) for key, detail in keys.items()]


def test_every_row_has_a_panel_and_every_method_its_errors() -> None:
    figure, caption = density_maps(probe_rows()) or pytest.fail("nothing drawn")
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == [
        "the RLE G",
        "the RLE QG",
        "RLE: true errors",
        "the DLE G",
        "DLE: true errors",
        "the Laplace",
        "the Gaussian",
    ]
    assert "Seed 2; 1,234 keypoints." in caption


def test_all_maps_have_one_colour_scale() -> None:
    figure, _ = density_maps(probe_rows()) or pytest.fail("nothing drawn")
    images = [image for ax in figure.axes for image in ax.get_children() if isinstance(image, AxesImage)]
    assert len(images) == 7
    assert len({image.get_clim() for image in images}) == 1


def test_a_scale_stands_in_the_corner_of_its_density() -> None:
    figure, _ = density_maps(probe_rows()) or pytest.fail("nothing drawn")
    noted = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert noted == ["scale 0.05", "scale 0.04", "scale 0.4", "scale 1", "scale 0.97"]


def test_every_method_has_its_cuts_beside_the_standard_ones() -> None:
    figure, caption = density_marginals(probe_rows()) or pytest.fail("nothing drawn")
    peak, _, dle, _ = figure.axes
    assert (peak.get_title(loc="left"), dle.get_title(loc="left")) == ("RLE", "DLE")
    assert [len(ax.lines) for ax in figure.axes] == [4, 4, 3, 3]
    assert [ax.get_yscale() for ax in figure.axes] == ["linear", "log"] * 2
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["G, the flow", "Q · G · s", "the Laplace", "the Gaussian", "true errors"]
    assert "1,234 keypoints" in caption


def test_rows_that_have_not_been_looked_at_are_left_out() -> None:
    assert density_maps([]) is None
    assert density_marginals(probe_rows()[3:]) is None
    figure, _ = density_maps(probe_rows()[2:3]) or pytest.fail("nothing drawn")
    assert [ax.get_title() for ax in figure.axes if ax.get_title()] == ["the DLE G", "DLE: true errors"]


@pytest.mark.parametrize("plot", [DensityMaps(column="Peak"), DensityMarginals(column="Peak")])
def test_equal_details_give_equal_bytes(plot: DensityMaps | DensityMarginals) -> None:
    first, second = (probe_figure(plot, probe_rows()) for _ in range(2))
    assert first is not None
    assert second is not None
    assert svg(first[0]) == svg(second[0])
