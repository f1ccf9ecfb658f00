"""Verdicts: against scipy, against numbers worked by hand, and against their own error rates."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.support.claims import below, equivalent, greater, not_greater, verdict, verdicts

SPREAD = st.lists(st.floats(-50, 50), min_size=3, max_size=8)


def test_greater_on_numbers_worked_by_hand() -> None:
    # Differences 1, 2, 3: mean 2, standard error 1/sqrt(3), t(0.975, 2) = 4.302653.
    said = verdict(greater(), a=[11.0, 12.0, 13.0], b=[10.0, 10.0, 10.0])
    assert said.estimate == pytest.approx(2.0)
    assert said.high == pytest.approx(2 + 4.302653 / math.sqrt(3), abs=1e-5)
    assert said.low == pytest.approx(2 - 4.302653 / math.sqrt(3), abs=1e-5)
    assert said.p == pytest.approx(0.0741799, abs=1e-6)  # t = 3.4641 at 2 degrees of freedom
    assert (said.verdict, said.n) == ("undecided", 3)


@given(SPREAD, st.floats(0, 30))
def test_greater_agrees_with_scipys_paired_test(values: list[float], shift: float) -> None:
    noise = np.random.default_rng(0).normal(size=len(values))
    a, b = np.array(values) + shift + noise, np.array(values)
    said = verdict(greater(), a=a.tolist(), b=b.tolist())
    expected = stats.ttest_rel(a, b)
    interval = expected.confidence_interval(0.95)
    assert said.p == pytest.approx(expected.pvalue)
    assert (said.low, said.high) == pytest.approx((interval.low, interval.high))
    assert (said.verdict == "undecided") == (interval.low <= 0 <= interval.high)


@given(SPREAD)
def test_equivalence_agrees_with_two_one_sided_tests_of_scipy(values: list[float]) -> None:
    difference = np.random.default_rng(1).normal(0.2, 0.5, size=len(values))
    said = verdict(equivalent(1.0), a=(np.array(values) + difference).tolist(), b=values)
    difference = (np.array(values) + difference) - np.array(values)
    expected = max(
        stats.ttest_1samp(difference, -1.0, alternative="greater").pvalue,
        stats.ttest_1samp(difference, 1.0, alternative="less").pvalue,
    )
    assert said.p == pytest.approx(expected)
    assert (said.verdict == "supported") == (expected <= 0.05)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_claim_is_contradicted_when_the_interval_lies_on_the_other_side(sign: int) -> None:
    b = [50.0, 51.0, 52.0]
    a = [x + sign * d for x, d in zip(b, (5.0, 5.2, 5.1), strict=True)]
    assert verdict(greater(), a=a, b=b).verdict == ("supported" if sign > 0 else "contradicted")
    assert verdict(equivalent(1.0), a=a, b=b).verdict == "contradicted"
    assert verdict(equivalent(10.0), a=a, b=b).verdict == "supported"


def test_equivalence_is_undecided_while_the_interval_crosses_the_margin() -> None:
    said = verdict(equivalent(1.0), a=[50.0, 51.5, 49.5], b=[50.0, 50.0, 50.0])
    assert said.verdict == "undecided"


@given(SPREAD, st.floats(0, 3))
def test_no_better_agrees_with_scipys_test_against_the_margin(values: list[float], margin: float) -> None:
    noise = np.random.default_rng(2).normal(size=len(values))
    difference = (np.array(values) + noise) - np.array(values)
    said = verdict(not_greater(margin), a=(np.array(values) + noise).tolist(), b=values)
    expected = stats.ttest_1samp(difference, margin)
    assert said.p == pytest.approx(expected.pvalue)
    side = "supported" if difference.mean() < margin else "contradicted"
    assert said.verdict == (side if expected.pvalue <= 0.05 else "undecided")


def test_far_worse_is_no_better() -> None:
    b = [50.0, 51.0, 52.0]
    worse, better = (
        [x + d for x, d in zip(b, gaps, strict=True)] for gaps in ((-9, -9.1, -9.2), (9, 9.1, 9.2))
    )
    assert verdict(not_greater(1.0), a=worse, b=b).verdict == "supported"
    assert verdict(equivalent(1.0), a=worse, b=b).verdict == "contradicted"
    assert verdict(not_greater(1.0), a=better, b=b).verdict == "contradicted"
    assert "+1" in verdict(not_greater(1.0), a=worse, b=b).sentence


@pytest.mark.parametrize(
    ("limit", "expected"), [(5.0, "supported"), (2.0, "contradicted"), (3.05, "undecided")]
)
def test_below_judges_the_mean_against_the_limit(limit: float, expected: str) -> None:
    values = [3.0, 3.1, 2.9]
    said = verdict(below(limit), a=values)
    assert said.verdict == expected
    assert said.estimate == pytest.approx(3.0)
    assert said.p == pytest.approx(stats.ttest_1samp(values, limit).pvalue)


def test_holms_correction_on_numbers_worked_by_hand() -> None:
    # At 1 degree of freedom p = 2 atan(1/t) / pi, and differences m ± d have t = m / d.
    def pair(p: float) -> list[float]:
        t = 1 / math.tan(math.pi * p / 2)
        return [t + 1, t - 1]

    rows = {name: pair(p) for name, p in [("a", 0.01), ("c", 0.04), ("d", 0.03), ("e", 0.005)]}
    claims = [greater(name, "zero") for name in rows]
    said = verdicts(claims, zero=[0.0, 0.0], **rows)
    assert [one.p for one in said] == pytest.approx([0.01, 0.04, 0.03, 0.005])
    assert [one.p_holm for one in said] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [one.verdict for one in said] == ["supported", "undecided", "undecided", "supported"]


def test_claims_without_a_test_do_not_weigh_on_the_others() -> None:
    rows = {"a": [11.0, 12.1, 13.2], "b": [10.0, 11.0, 12.0], "one": [1.0], "x": 1.0, "gone": "not run"}
    said = verdicts([greater(), greater("one", "b"), greater("x", "x"), greater("gone", "b")], **rows)
    assert said[0].p_holm == said[0].p
    assert [one.p for one in said[1:]] == [None, None, None]


def test_pairs_are_made_by_seed_and_lone_seeds_are_left_out() -> None:
    said = verdict(greater(), a={0: 5.0, 1: 7.0, 2: 100.0}, b={1: 5.0, 0: 4.0, 7: -100.0})
    assert (said.n, said.estimate) == (2, 1.5)
    assert "over 2 of 3 seeds" in said.sentence


@pytest.mark.parametrize("gone", ["not run", "diverged", "failed", "running", "blank"])
def test_a_cell_without_a_number_makes_a_claim_not_run(gone: str) -> None:
    said = verdict(greater(), a=[1.0, 2.0], b=gone)
    assert (said.verdict, said.estimate, said.n) == ("not run", None, 0)
    assert gone in said.sentence
    assert "B, AP" in said.sentence


def test_a_row_that_is_not_in_the_table_makes_a_claim_not_run() -> None:
    assert verdict(greater("a", "elsewhere"), a=[1.0, 2.0]).verdict == "not run"


def test_one_seed_decides_nothing() -> None:
    said = verdict(greater(), seeds=1, a=[90.0], b=[1.0])
    assert (said.verdict, said.estimate, said.p, said.low) == ("undecided", 89.0, None, None)
    assert "at least two seeds are needed" in said.sentence


def test_no_common_seed_decides_nothing() -> None:
    assert verdict(greater(), a={0: 1.0, 1: 2.0}, b={2: 1.0, 3: 2.0}).verdict == "undecided"


@pytest.mark.parametrize("claim", [greater(), equivalent(1.0), not_greater(1.0), below(1.0)])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_seeds_without_any_spread_decide_nothing(claim: Any, shift: float) -> None:
    b = [0.0, 0.0, 0.0]
    said = verdict(claim, a=[value + shift for value in b], b=b)
    assert (said.verdict, said.p, said.seeds_needed) == ("undecided", None, None)
    assert "all seeds gave the same value" in said.sentence


def test_the_same_value_with_every_seed_is_equivalence() -> None:
    said = verdict(equivalent(1.0), a=[0.1, 0.2, 0.7], b=[0.1, 0.2, 0.7])
    assert (said.verdict, said.estimate, said.p) == ("supported", 0.0, None)
    assert "the same value with every seed" in said.sentence
    assert verdict(greater(), a=[0.1, 0.2, 0.7], b=[0.1, 0.2, 0.7]).verdict == "undecided"
    assert verdict(equivalent(1.0), a=[0.1], b=[0.1]).verdict == "undecided"


def test_rounding_is_not_taken_for_spread() -> None:
    b = [0.1, 0.2, 0.7]
    said = verdict(greater(), a=[value + 0.1 for value in b], b=b)
    assert said.verdict == "undecided"


@pytest.mark.parametrize(
    ("claim", "a", "b", "expected"),
    [
        (greater(), 2.0, 1.0, "supported"),
        (greater(), 1.0, 1.0, "contradicted"),
        (equivalent(0.5), 1.0, 1.5, "supported"),
        (equivalent(0.5), 1.0, 1.6, "contradicted"),
        (below(2.0), 1.0, 0.0, "supported"),
        (below(1.0), 1.0, 0.0, "contradicted"),
    ],
)
def test_computed_cells_are_compared_exactly(claim: Any, a: float, b: float, expected: str) -> None:
    said = verdict(claim, a=a, b=b)
    assert (said.verdict, said.n, said.p) == (expected, 0, None)
    assert said.low == said.high == said.estimate


def test_a_computed_cell_stands_against_every_seed_of_a_measured_one() -> None:
    said = verdict(greater(), a=[5.0, 5.1, 5.2], b=1.0)
    assert said.n == 3
    assert said.p == pytest.approx(stats.ttest_1samp([4.0, 4.1, 4.2], 0).pvalue)


def simulated_power(needed: int, mean: float, sd: float, decide: Any) -> float:
    samples = np.random.default_rng(5).normal(mean, sd, size=(20_000, needed))
    error = samples.std(axis=1, ddof=1) / math.sqrt(needed)
    return float(decide(samples.mean(axis=1), error, needed - 1).mean())


def test_seeds_needed_give_eighty_percent_power_for_a_difference() -> None:
    a = [0.9, -0.5, 1.3]
    said = verdict(greater(), a=a, b=[0.0, 0.0, 0.0])
    mean, sd = float(np.mean(a)), float(np.std(a, ddof=1))

    def decide(m: Any, e: Any, df: int) -> Any:
        return m / e > stats.t.isf(0.025, df)

    assert said.seeds_needed is not None
    assert simulated_power(said.seeds_needed, mean, sd, decide) >= 0.79
    assert simulated_power(said.seeds_needed - 1, mean, sd, decide) < 0.81
    assert f"about {said.seeds_needed} seeds needed for 80 % power" in said.sentence


def test_seeds_needed_give_eighty_percent_power_for_an_equivalence() -> None:
    a = [1.2, -0.6, 0.0]
    said = verdict(equivalent(1.0), a=a, b=[0.0, 0.0, 0.0])
    mean, sd = float(np.mean(a)), float(np.std(a, ddof=1))

    def decide(m: Any, e: Any, df: int) -> Any:
        critical = stats.t.isf(0.05, df)
        return ((1.0 - m) / e > critical) & ((1.0 + m) / e > critical)

    assert said.seeds_needed is not None
    assert simulated_power(said.seeds_needed, mean, sd, decide) >= 0.79
    assert simulated_power(said.seeds_needed - 1, mean, sd, decide) < 0.81


def test_seeds_needed_are_known_only_where_a_number_of_seeds_would_help() -> None:
    assert verdict(greater(), a=[1.0, -1.0, 0.001], b=[0.0, 0.0, 0.0]).seeds_needed is None
    decided = verdict(greater(), a=[1.0, 1.1, 0.9], b=[0.0, 0.0, 0.0])
    assert (decided.verdict, decided.seeds_needed) == ("supported", None)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=6), st.floats(1e-6, 1e6))
def test_any_finite_values_get_a_verdict(values: list[float], margin: float) -> None:
    b = values[::-1]
    for said in verdicts([greater(), equivalent(margin), not_greater(margin), below(margin)], a=values, b=b):
        assert said.verdict in ("supported", "contradicted", "undecided")
        assert said.sentence.endswith(".")
        assert said.p is None or 0 <= said.p <= (said.p_holm or 0) <= 1
        assert said.seeds_needed is None or len(values) < said.seeds_needed <= 1000


def test_a_table_of_true_nulls_errs_in_at_most_five_percent_of_cases() -> None:
    # No difference, a difference of exactly the margin, and a mean at the limit: every decision is an error.
    random = np.random.default_rng(3)
    claims = [greater(), greater("c", "d"), equivalent(1.0, "e", "f"), below(0.0)]
    tables = 600
    wrong = 0
    for _ in range(tables):
        values = {row: random.normal(size=4).tolist() for row in "bcdf"}
        a = random.normal(size=4).tolist()
        e = (random.normal(size=4) + 1.0).tolist()
        wrong += any(said.verdict != "undecided" for said in verdicts(claims, 4, a=a, e=e, **values))
    assert wrong <= stats.binom.ppf(0.999, tables, 0.05)


def test_a_sentence_tells_what_was_compared_and_how_it_came_out() -> None:
    said = verdict(greater(), a=[60.0, 61.0, 62.0], b=[50.0, 50.9, 52.1])
    assert said.claim == "a beats b"
    assert said.sentence == (
        "A minus B, AP: +10.00 over 3 seeds (95 % CI +9.75 to +10.25; p < 0.001): supported."
    )
    said = verdict(below(5.0), a=[3.0, 3.1, 2.9])
    assert said.sentence == (
        "A, AP: 3.00 over 3 seeds against a limit of 5 (95 % CI 2.75 to 3.25; p < 0.001): supported."
    )


def test_a_factor_asks_for_more_than_a_difference() -> None:
    rows = {"a": (12.0, 12.1, 11.9), "b": (10.0, 10.1, 9.9)}
    tenth, fifth = verdicts(
        [greater().model_copy(update={"times": 1.1}), greater().model_copy(update={"times": 1.3})], **rows
    )
    assert (tenth.verdict, fifth.verdict) == ("supported", "contradicted")
    assert tenth.estimate == pytest.approx(12 - 1.1 * 10)
    assert "1.1 × B" in tenth.sentence
