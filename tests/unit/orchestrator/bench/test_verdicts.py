"""Verdicts by looks: wrong in at most 5 % of tables, at a fraction of the cost of 20 seeds for every row."""

import numpy as np
import pytest

from orchestrator.bench.verdicts import PUBLISHED, Case, decisions, simulate, statistics
from orchestrator.run.looks import LOOKS
from orchestrator.schema.limits import MAX_SEEDS

TABLES = 2000
SLACK = 4 * np.sqrt(0.05 * 0.95 / TABLES)  # four standard errors of a share of 5 %


@pytest.mark.parametrize("effects", [(0.0,), (0.0,) * 6, (0.0, 0.0, 0.0, 1.0, 2.0, 4.0)])
def test_at_most_one_table_in_twenty_holds_a_wrong_verdict(effects: tuple[float, ...]) -> None:
    assert simulate(Case("", effects), LOOKS, TABLES).wrong <= 0.05 + SLACK


def test_looking_often_at_the_full_level_would_be_wrong_far_more_often() -> None:
    """What the looks guard against: the fixed test repeated after 3, 5, 8 and 12 seeds errs in 14 %."""
    t = statistics(np.zeros(1), (3, 5, 8, 12), 20_000, seed=0)
    naive = np.array([4.303, 2.776, 2.365, 2.201])
    assert (np.abs(t[:, 0]) >= naive).any(1).mean() == pytest.approx(0.14, abs=0.01)


def test_effects_as_published_are_decided_for_less_and_about_as_often() -> None:
    for effects in PUBLISHED.values():
        found = simulate(Case("", effects), LOOKS, 500)
        fixed = simulate(Case("", effects), (MAX_SEEDS,), 500)
        assert found.trainings <= 0.6
        assert found.power >= fixed.power - 0.05


@pytest.mark.parametrize(
    ("effect", "power", "seeds"), [(0.94, 0.96, 13.2), (1.27, 1.0, 10.1), (2.2, 1.0, 6.2)]
)
def test_power_and_seeds_of_one_claim_are_those_of_an_independent_simulation(
    effect: float, power: float, seeds: float
) -> None:
    found = simulate(Case("", (effect,)), LOOKS, 4000)
    assert found.power == pytest.approx(power, abs=0.015)
    assert found.seeds == pytest.approx(seeds, abs=0.2)


def test_a_decided_claim_stays_decided_and_leaves_its_level_to_the_others() -> None:
    strong, weak = [50.0, 0.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0]
    t = np.array([[strong, weak]])
    # Alone at half the level the weaker one would be open: 5.86 is what all of it asks for.
    assert decisions(t, LOOKS).tolist() == [[0, 4]]
    assert decisions(np.array([[strong, [6.0, 0.0, 0.0, 0.0]]]), LOOKS).tolist() == [[0, 0]]
    assert decisions(np.array([[[6.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]), LOOKS).tolist() == [[4, 4]]
