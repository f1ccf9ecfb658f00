"""Boundaries of whole scans: as in evaluation, and back in the rows of the picture."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from datasets.contract import DataPaths
from datasets.retina.config import RetinaBoundaries
from datasets.retina.scan_files import BOUNDARIES
from datasets.synthetic.retinas.retinas import Retinas
from models.boundary_unet import BoundaryNet
from models.interface import Output
from models.objectives import RLE
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.config.vary import vary
from orchestrator.inference.boxes import PictureBoxes
from orchestrator.inference.found import Units
from orchestrator.inference.scans import INKS, Boundaries, BoundaryFinder, draw
from orchestrator.training.evaluation import predictions
from orchestrator.training.runtime import SingleProcess
from tests.support.errors import refused

SCANS = Retinas(subjects=4, scans=6, labelled=4, height=128, width=64, row_um=15.5)
DATA = RetinaBoundaries(source=SCANS, size=(64, 64), train_subjects=(3, 4), test_subjects=(1, 2))


@pytest.fixture(params=["columns", "pairs"])
def of_retinas(request: pytest.FixtureRequest) -> Experiment:
    return Experiment(
        data=DATA.varied(points_of=request.param),
        model=BoundaryNet(channels=4, depth=2),
        objective=RLE(),
        schedule=Schedule(epochs=1, batch=2),
    )


def finder(trained) -> BoundaryFinder:
    found = BoundaryFinder.of(trained, SingleProcess())
    assert found is not None
    return found


def test_a_scan_as_a_picture_has_the_boundaries_that_evaluation_has(
    of_retinas, initialised, tmp_path: Path
) -> None:
    place = DataPaths(tmp_path / "cache")
    of_retinas.data.prepare(place)
    opened = of_retinas.data.open(place, 0)
    trained = initialised(of_retinas)
    predicted = predictions(trained.net, opened, SingleProcess())
    crops, scans = opened.rows(predicted), opened.val.scans
    for row, where in list(enumerate(opened.val.places.tolist()))[:3]:
        picture = tmp_path / f"{row}.png"
        Image.fromarray(np.asarray(scans.original[where])).save(picture)
        results, drawn = finder(trained).find(PictureBoxes(picture, row, None), picture.name)
        (found,) = results
        expected = scans.flattening(where).to_scan(crops[row].astype(np.float64))
        assert found["boundaries"] == list(BOUNDARIES)
        assert np.array(found["rows"]) == pytest.approx(expected, abs=1e-3)
        assert np.array(found["sigma"]).shape == np.array(found["spread"]).shape == (8, 64)
        assert drawn().shape == (*scans.original[where].shape, 3)


class Level(nn.Module):
    """Every boundary in the same row of every crop, each a bit below the last, with a scale of its own."""

    def forward(self, image: Tensor) -> Output:
        mu = torch.linspace(-0.3, 0.4, 8).expand(len(image), 64, 8)
        return Output(mu, torch.linspace(0.01, 0.08, 8).expand(len(image), 64, 8))


def test_sigma_and_spread_are_in_rows_of_the_scan(of_retinas, initialised) -> None:
    made = finder(initialised(vary(of_retinas, data=DATA)))
    units = Units(np.arange(1, 9) / 10, "")
    made = BoundaryFinder(Level(), made.data, units, made.device)
    scan = np.zeros((128, 64), np.uint8)
    scan[60:90] = 200
    found = made.boundaries(scan)
    assert found.sigma is not None
    assert found.spread is not None
    assert found.sigma == pytest.approx(np.repeat(np.linspace(0.01, 0.08, 8)[:, None] * 64, 64, 1))
    assert found.spread == pytest.approx(found.sigma * units.widths[:, None])
    gaps = np.diff(found.rows, axis=0)
    assert gaps == pytest.approx(np.full((7, 64), 6.4), abs=1e-3)


def test_scans_of_another_width_are_refused(of_retinas, initialised, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((128, 60), np.uint8)).save(tmp_path / "scan.png")
    with refused("other-scan-size") as caught:
        finder(initialised(of_retinas)).find(PictureBoxes(tmp_path / "scan.png", 1, None), "scan.png")
    assert "60" in str(caught.value)
    assert "64" in str(caught.value)


def test_models_of_people_find_no_boundaries(experiment, initialised) -> None:
    assert BoundaryFinder.of(initialised(experiment), SingleProcess()) is None


def test_a_boundary_is_a_line_in_its_colour_and_its_spread_a_band() -> None:
    scan = np.full((100, 40, 3), 50, np.uint8)
    rows = np.stack([np.full(40, 20.0), np.full(40, 70.0)])
    spread = np.stack([np.full(40, 4.0), np.full(40, 8.0)])
    drawn = draw(scan, Boundaries(rows, None, spread))
    for row, ink in zip((20, 70), INKS, strict=True):
        assert drawn[row, 20] == pytest.approx(np.array(ink), abs=35)  # its edges are smoothed
    changed = (drawn != scan).any(2)[:, 20]
    for row, half in ((20, 4), (70, 8)):
        assert changed[row - half : row + half + 1].all()
    assert not changed[:14].any()
    assert not changed[27:60].any()
    assert not changed[81:].any()
    assert not (draw(scan, Boundaries(rows, None, None)) != scan).any(2)[64:69].any()
