"""Keypoints in pixels of the picture, by the crops of evaluation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.human36m.cameras import PELVIS
from datasets.retina.config import DmeFolder, RetinaBoundaries
from models.boundary_unet import BoundaryNet
from models.interface import Output
from models.objectives import RLE
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.inference.boxes import Box, corners
from orchestrator.inference.estimator import Estimator, PredictedPeople, pose_data
from orchestrator.inference.found import Units
from orchestrator.training.regions import Regions
from orchestrator.training.runtime import SingleProcess
from tests.support.errors import refused

SIZE = (180, 240)


class Brightest(nn.Module):
    """Sees every point at the centre of what is white, with a scale of a tenth of the crop."""

    def __init__(self, points: int, dim: int) -> None:
        super().__init__()
        self.shape = (points, dim)

    def forward(self, image: Tensor) -> Output:
        bright = image[..., 0].float() + 1e-9
        height, width = bright.shape[1:]
        x = (bright.sum(1) * torch.arange(width)).sum(1) / bright.sum((1, 2))
        y = (bright.sum(2) * torch.arange(height)).sum(1) / bright.sum((1, 2))
        mu = torch.zeros(len(image), *self.shape)
        mu[..., 0], mu[..., 1] = (x / width - 0.5)[:, None], (y / height - 0.5)[:, None]
        if self.shape[1] == 3:
            mu[..., 2] = 0.07
            mu[:, PELVIS, 2] = 0.05
        return Output(mu, torch.full_like(mu, 0.1))


def estimator(initialised, experiment: Experiment, **changes: object) -> Estimator:
    made = Estimator.of(initialised(experiment), SingleProcess())
    return replace(made, **{"net": Brightest(experiment.data.points, experiment.data.dim), **changes})


def spots(*centres: tuple[int, int]) -> np.ndarray:
    """White squares about centres (x, y) on black."""
    picture = np.zeros((*SIZE, 3), np.uint8)
    for x, y in centres:
        picture[y - 3 : y + 4, x - 3 : x + 4] = 255
    return picture


def boxes_about(*centres: tuple[int, int]) -> np.ndarray:
    return corners([Box((x - 33, y - 27, 60, 50), 0.0) for x, y in centres], SIZE)


def test_points_come_back_to_where_they_are_in_the_picture(of_people, initialised) -> None:
    centres = ((60, 50), (170, 120))
    people = estimator(initialised, of_people).predict(spots(*centres), boxes_about(*centres), np.zeros(2))
    assert people.points.shape == (2, of_people.data.points, 2)
    expected = np.repeat(np.array(centres, np.float64)[:, None], of_people.data.points, 1)
    # The flip test looks for what lies a pixel of the crop beside its mirror image, so that it errs by half.
    assert np.abs(people.points - expected).max() < 1.5


def test_sigma_is_in_pixels_and_spread_in_errors(of_people, initialised) -> None:
    units = np.linspace(0.5, 1.0, of_people.data.dim)
    made = estimator(initialised, of_people, units=Units(units, ""))
    people = made.predict(spots((60, 50)), boxes_about((60, 50)), np.zeros(1))
    assert people.sigma is not None
    assert people.spread is not None
    side = np.sqrt(people.area[0] * np.array([1, 1]) * [of_people.data.size[1], of_people.data.size[0]])
    side = side / np.sqrt([of_people.data.size[0], of_people.data.size[1]])
    assert people.sigma[0, 0, :2] == pytest.approx(0.1 * side, rel=0.01)
    assert people.spread == pytest.approx(people.sigma * units)
    if of_people.data.dim == 3:
        assert people.sigma[0, 0, 2] == pytest.approx(200)  # mm


def test_a_region_is_sigma_times_the_factors_of_its_keypoint_and_its_quarter(of_people, initialised) -> None:
    points = of_people.data.points
    factors = np.linspace(1.0, 2.0, points)
    # Its scale of a tenth of the crop is in the third quarter.
    regions = Regions(
        (50, 90), ((1.0,) * points, tuple(factors)), (0.01, 0.05, 0.5), ((1.0,) * 4, (1, 2, 3, 4))
    )
    made = estimator(initialised, of_people, units=Units(None, "", regions))
    people = made.predict(spots((60, 50)), boxes_about((60, 50)), np.zeros(1))
    assert people.sigma is not None
    assert people.region == pytest.approx(people.sigma * 3 * factors[:, None])


def test_depth_is_in_millimetres_behind_the_pelvis(of_people, initialised) -> None:
    people = estimator(initialised, of_people).predict(spots((60, 50)), boxes_about((60, 50)), np.zeros(1))
    if of_people.data.dim == 2:
        assert people.z is None
    else:
        expected = np.where(np.arange(18) == PELVIS, 0.0, 40.0)
        assert people.z == pytest.approx(expected[None], abs=1e-3)


def test_a_person_ranks_by_mean_and_best_point_and_the_box(experiment, initialised) -> None:
    people = estimator(initialised, experiment).predict(
        spots((60, 50)), np.repeat(boxes_about((60, 50)), 2, axis=0), np.array([0.0, 0.5])
    )
    assert people.score == pytest.approx(0.9)
    assert people.total == pytest.approx([1.8, 2.3])


def test_of_two_detections_of_one_person_the_surest_stays(experiment, initialised) -> None:
    centres = ((60, 50), (60, 50), (170, 120))
    made = estimator(initialised, experiment)
    people = made.predict(spots((60, 50), (170, 120)), boxes_about(*centres), np.array([0.2, 0.9, 0.1]))
    assert made.data.distinct_people(people.points, people.total, people.area).tolist() == [1, 2]
    assert people.rows(np.array([1, 2])).total == pytest.approx(people.total[1:])


def test_a_model_without_scale_has_neither_sigma_nor_spread(plain, initialised, pictures) -> None:
    people = Estimator.of(initialised(plain), SingleProcess()).predict(
        spots((60, 50)), boxes_about((60, 50)), np.zeros(1)
    )
    assert isinstance(people, PredictedPeople)
    assert people.sigma is None
    assert people.spread is None
    assert (people.score == 1).all()


def test_points_that_cannot_be_mirrored_are_looked_at_once(experiment, initialised) -> None:
    names = ("nose", "left_eye")
    data = CocoKeypoints(source=CocoFolder(keypoints=names, skeleton=()), size=(32, 32))
    assert data.flip_pairs is None
    made = estimator(initialised, vary(experiment, data=data))
    people = made.predict(spots((60, 50)), boxes_about((60, 50)), np.zeros(1))
    assert people.points == pytest.approx(np.full((1, 2, 2), (60.0, 50.0)), abs=0.75)


def test_a_model_of_retinas_is_refused(experiment, initialised) -> None:
    data = RetinaBoundaries(source=DmeFolder(), size=(32, 32))
    retina = Experiment(
        data=data, model=BoundaryNet(channels=2, depth=2), objective=RLE(), schedule=experiment.schedule
    )
    with refused("not-a-pose-model"):
        pose_data(initialised(retina))
