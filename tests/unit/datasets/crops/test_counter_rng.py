import numpy as np
from scipy import stats

from datasets.crops.counter_rng import uniforms


def test_numbers_depend_on_the_key_and_not_on_its_company() -> None:
    epochs, ids = np.array([0, 3, 3, 0]), np.array([5, 5, 6, 6])
    together = uniforms(7, epochs, ids, 8)
    for row in range(4):
        assert np.array_equal(uniforms(7, epochs[row : row + 1], ids[row : row + 1], 8)[0], together[row])


def test_seed_epoch_and_id_each_change_all_numbers() -> None:
    one, zero = np.array([1]), np.array([0])
    rows = [
        uniforms(seed, epoch, ident, 16)[0]
        for seed in (0, 1)
        for epoch in (zero, one)
        for ident in (zero, one)
    ]
    assert len(np.unique(rows)) == 8 * 16


def test_numbers_are_uniform_over_each_part_of_the_key() -> None:
    steps, still = np.arange(20_000), np.full(20_000, 4)
    for epochs, ids in ((steps, still), (still, steps)):
        for column in uniforms(0, epochs, ids, 8).T:
            assert stats.kstest(column, "uniform").pvalue > 1e-4


def test_numbers_of_neighbouring_keys_are_uncorrelated() -> None:
    draws = uniforms(0, np.zeros(20_000, np.int64), np.arange(20_000), 8)
    correlation = np.corrcoef(np.hstack([draws[:-1], draws[1:]]), rowvar=False)
    assert np.abs(correlation - np.eye(16)).max() < 5 / np.sqrt(20_000)
