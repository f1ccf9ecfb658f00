"""Predictions in any order come back in the split's; what does not fit is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.contract import Predictions, PredictionsError
from datasets.crops.crop import Augment
from datasets.crops.pose_split import ordered, reach_of


def predictions(ids: list[int], points: int = 3, dim: int = 3) -> Predictions:
    """Each number tells its id."""
    mu = np.array(ids, np.float32)[:, None, None] * np.ones((1, points, dim), np.float32)
    return Predictions(np.array(ids, np.int64), mu, None, mu[..., 0])


@given(st.permutations(range(3, 9)), st.permutations(range(3, 9)))
def test_every_id_gets_its_own_prediction(given_: list[int], wanted: list[int]) -> None:
    found = ordered(predictions(given_), np.array(wanted), 3, 3)
    assert found[:, 0, 0].tolist() == wanted


@pytest.mark.parametrize("ids", [[1, 2], [1, 2, 4], [1, 2, 2], [1, 2, 3, 3]])
def test_missing_unknown_and_repeated_ids_are_refused(ids: list[int]) -> None:
    with pytest.raises(PredictionsError):
        ordered(predictions(ids), np.array([1, 2, 3]), 3, 3)


@pytest.mark.parametrize(("points", "dim"), [(4, 3), (3, 2)])
def test_another_shape_is_refused(points: int, dim: int) -> None:
    with pytest.raises(PredictionsError):
        ordered(predictions([1, 2, 3], points, dim), np.array([1, 2, 3]), 3, 3)


def test_numbers_that_are_not_finite_are_refused() -> None:
    bad = predictions([1, 2, 3])
    bad.mu[1, 2, 0] = np.inf
    with pytest.raises(PredictionsError):
        ordered(bad, np.array([1, 2, 3]), 3, 3)


def test_only_what_reaches_further_needs_another_pack() -> None:
    base = Augment(rotation=30, rotation_probability=0.5)
    same = [Augment(rotation=30, rotation_probability=0.9), Augment(rotation=30, flip=0, scale=(0.5, 1.25))]
    other = [Augment(rotation=31), Augment(rotation=30, shift=0.1), Augment(rotation=30, half_body=0)]
    assert all(reach_of(augment) == reach_of(base) for augment in same)
    assert all(reach_of(augment) != reach_of(base) for augment in other)
    assert reach_of(Augment(rotation=30, rotation_probability=0)) == reach_of(Augment(rotation=0))
