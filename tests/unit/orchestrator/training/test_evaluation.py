"""The flip test of every kind of output, and the confidence that goes into the metrics."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from datasets.contract import Pairs, Predictions
from models.heatmap_codec import decode, gaussians
from models.interface import Output
from orchestrator.training.evaluation import Compared, compared, evaluate, predict
from orchestrator.training.runtime import SingleProcess
from tests.support.experiments import ToySplit

STRIDE = 4
SIDE = 96
PAIRS: Pairs = ((0, 1),)


def two_spots(*columns: int) -> Tensor:
    """A black picture with white pixels in row 40, which the model below takes for left and right."""
    image = torch.zeros(1, SIDE, SIDE, 3, dtype=torch.uint8)
    image[0, 40, list(columns)] = 255
    return image


class Spots(nn.Module):
    """Point 0 is the leftmost white pixel and point 1 the rightmost: what mirroring swaps."""

    def __init__(self, heatmaps: bool) -> None:
        super().__init__()
        self.heatmaps = heatmaps

    def forward(self, image: Tensor) -> Output:
        rows, columns = image[0, ..., 0].nonzero().unbind(1)
        ends = torch.stack([columns.min(), columns.max()])
        mu = torch.stack([ends / SIDE, rows[:2] / SIDE], -1)[None] - 0.5
        if self.heatmaps:
            maps = gaussians(mu[0], (SIDE // STRIDE, SIDE // STRIDE), sigma=2)[None]
            return Output(*decode(maps)[:1], None, heatmap=maps, score=maps.amax((2, 3)))
        certain = ends[None] / SIDE
        return Output(mu, torch.stack([certain, certain / 2], -1), score=certain)


def test_heatmaps_are_mirrored_swapped_and_moved_before_they_are_read() -> None:
    image, model = two_spots(32, 64), Spots(heatmaps=True)
    alone, both = predict(model, image, None), predict(model, image, PAIRS)
    assert alone.heatmap is not None
    assert both.heatmap is not None
    torch.testing.assert_close(both.heatmap, alone.heatmap)
    torch.testing.assert_close(both.mu, alone.mu)
    torch.testing.assert_close(both.score, torch.ones(1, 2))


def test_without_pairs_to_swap_points_in_the_middle_of_a_symmetric_picture_stay() -> None:
    image = two_spots(36, 60)  # columns 9 and 15 of a map whose mirror image has column i at 24 - i
    mirrored = image.flip(2).roll(1, dims=2)
    assert torch.equal(image, mirrored)
    both = predict(Spots(heatmaps=True), image, PAIRS)
    assert both.mu[0, 0, 0] == -both.mu[0, 1, 0]


def test_averaged_maps_are_read_once_and_not_twice() -> None:
    class Wavering(nn.Module):
        """Sees the spot at column 8 at first, and at column 12 of the same map in the mirror image."""

        calls = 0

        def forward(self, image: Tensor) -> Output:
            self.calls += 1
            maps = torch.zeros(1, 1, 24, 24)
            maps[0, 0, 10, 8 if self.calls == 1 else 24 - 12] = 1.0 if self.calls == 1 else 0.5
            return Output(*decode(maps)[:1], None, heatmap=maps, score=maps.amax((2, 3)))

    both = predict(Wavering(), two_spots(1, 2), ())
    assert both.mu[0, 0, 0].item() == pytest.approx(
        8 / 24 - 0.5
    )  # the mean of the coordinates would be 10 / 24 - 0.5
    assert both.score is not None
    assert both.score.item() == 0.5


def test_coordinates_scales_and_scores_are_averaged_with_their_points_swapped() -> None:
    both = predict(Spots(heatmaps=False), two_spots(20, 60), PAIRS)
    # In the mirror image the spots are at 95 - 60 = 35 and 95 - 20 = 75, and flip_points brings them back.
    torch.testing.assert_close(
        both.mu[0, :, 0], torch.tensor([19.5, 59.5]) / SIDE - 0.5, atol=0.5 / SIDE, rtol=0
    )
    expected = torch.tensor([[(20 + 75) / 2, (60 + 35) / 2]]) / SIDE
    torch.testing.assert_close(both.score, expected)
    torch.testing.assert_close(both.sigma, torch.stack([expected, expected / 2], -1))
    assert both.heatmap is None


@dataclass(frozen=True)
class RecordingData:
    """Data that keeps the predictions it is measured with."""

    val: Any
    train: Any = None
    flip_pairs: Pairs | None = None
    received: list[Predictions] = field(default_factory=list)

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        self.received.append(predictions)
        return {}


class Fixed(nn.Module):
    """The same output for every picture."""

    def __init__(self, sigma: float | None, score: float | None) -> None:
        super().__init__()
        self.sigma, self.score = sigma, score

    def forward(self, image: Tensor) -> Output:
        mu = torch.zeros(len(image), 17, 2)
        sigma = None if self.sigma is None else torch.full_like(mu, self.sigma)
        score = None if self.score is None else torch.full((len(image), 17), self.score)
        return Output(mu, sigma, score=score)


@pytest.mark.parametrize(
    ("sigma", "score", "confidence"),
    [(None, None, 1.0), (0.25, None, 0.75), (None, 0.5, 0.5), (0.25, 0.5, 0.5)],
)
def test_confidence_is_the_models_own_or_one_minus_its_scale_or_one(
    toy: Any, sigma: float | None, score: float | None, confidence: float
) -> None:
    data = RecordingData(toy.val)
    evaluate(Fixed(sigma, score), data, SingleProcess())
    (predictions,) = data.received
    assert predictions.score.dtype == np.float32
    assert predictions.score.tolist() == np.full((10, 17), confidence).tolist()
    assert (predictions.sigma is None) == (sigma is None)


@dataclass(frozen=True)
class First(SingleProcess):
    """The first of several workers, which gathers what each of them would say."""

    shards: tuple[Compared, ...] = ()

    def gather(self, value: Any) -> list[Any]:
        return list(self.shards)


def test_workers_without_a_sample_add_nothing(toy: Any) -> None:
    data, model, workers = RecordingData(toy.val), Fixed(0.25, None), len(toy.val) + 2
    shards = tuple(
        compared(model, data, SingleProcess(rank=rank, world_size=workers)) for rank in range(workers)
    )
    evaluate(model, data, First(world_size=workers, shards=shards))
    (received,) = data.received
    assert sorted(received.id.tolist()) == sorted(toy.val.ids.tolist())
    assert received.sigma is not None
    assert received.mu.shape == received.sigma.shape == (len(toy.val), 17, 2)


def test_how_wide_errors_are_does_not_depend_on_the_workers(toy: Any) -> None:
    data, model = RecordingData(toy.val), Fixed(0.25, None)
    _, alone = evaluate(model, data, SingleProcess())
    shards = tuple(compared(model, data, SingleProcess(rank=rank, world_size=3)) for rank in range(3))
    _, shared = evaluate(model, data, First(world_size=3, shards=shards))
    assert alone is not None
    assert alone == shared
    assert (alone.samples, alone.points) == (10, 170)
    assert evaluate(Fixed(None, None), data, SingleProcess())[1] is None


class Uneven(Fixed):
    """Another place for every picture and its mirror image."""

    def forward(self, image: Tensor) -> Output:
        output = super().forward(image)
        left = image[:, :, : image.shape[2] // 2].float().mean((1, 2, 3)) / 255
        return output._replace(mu=output.mu + left[:, None, None])


def test_a_single_prediction_has_regions_of_its_own(toy: Any) -> None:
    data = replace(RecordingData(ToySplit(120, toy.val.size)), flip_pairs=())
    _, flipped = evaluate(Uneven(0.25, None), data, SingleProcess())
    _, single = evaluate(Uneven(0.25, None), replace(data, flip_pairs=None), SingleProcess())
    assert flipped is not None
    assert single is not None
    assert flipped.single is not None
    assert flipped.single == single.single == single.regions
    assert flipped.regions != flipped.single
