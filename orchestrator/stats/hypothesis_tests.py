"""Verdicts on a table's claims: t-tests over seeds, equivalence by two one-sided tests, Holm's correction.

A claim is about a mean over seeds: of `a - b` paired by seed, or of `a` alone. Seeds that one of the cells
lacks are left out. The test decides on which side of the claim's bound the mean lies:

- Greater, Below: two-sided t-test, so that the verdict is the side on which the whole interval lies;
- Equivalent, mean within the margin: two one-sided tests (Schuirmann 1987), p the larger of the two;
- Equivalent, mean outside the margin: two-sided t-test against the margin.

A claim of equivalence is either true or false, so only one of its two tests can err: they count once in
Holm's family, which consists of all claims of the table that could be tested.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from orchestrator.schema.claims import Below, CellRef, Claim, Equivalent, Greater
from orchestrator.schema.declaration import Declaration
from orchestrator.stats.aggregate import FilledTable

LEVEL = 0.05  # family-wise error rate of a table's verdicts
POWER = 0.8
MAX_SEEDS = 1000  # larger estimates are not reported

Decision = Literal["supported", "contradicted", "undecided", "not run"]


@dataclass(frozen=True)
class Verdict:
    """The verdict of the measured seeds on a claim.

    Args:
        claim: the paper's sentence.
        verdict: `supported` or `contradicted` where `p_holm` is at most 0.05.
        estimate: the mean of `a - b`, or of `a` for a claim about one cell.
        low, high: its uncorrected 95 % confidence interval; equal to the estimate for computed cells.
        n: the number of seeds that all cells of the claim have; 0 for computed cells.
        p, p_holm: before and after Holm's correction.
        seeds_needed: total number of seeds that would decide an undecided claim with a power of 80 %, taking
            the mean and standard deviation of these seeds and the level that Holm's procedure now assigns.
            None where the claim is decided, nothing can be computed, or it takes more than 1,000 seeds.
        sentence: all of this in words.
    """

    claim: str
    verdict: Decision
    estimate: float | None
    low: float | None
    high: float | None
    n: int
    p: float | None
    p_holm: float | None
    seeds_needed: int | None
    sentence: str


@dataclass(frozen=True)
class _Sample:
    """The data of a claim: values of seeds, one exact value, or the reason why there is none."""

    values: tuple[float, ...] = ()
    exact: float | None = None
    missing: str = ""
    scale: float = 1.0  # magnitude of the cells' values, to tell variation from rounding

    @property
    def constant(self) -> bool:
        """No variation beyond rounding, so nothing follows for other seeds."""
        return float(np.ptp(self.values)) <= 1e-9 * self.scale

    @property
    def testable(self) -> bool:
        return len(self.values) > 1 and not self.constant

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def std(self) -> float:
        return float(np.std(self.values, ddof=1))


def judge(declaration: Declaration, filled: FilledTable) -> tuple[Verdict, ...]:
    """A verdict for each declared claim, in the declared order.

    Fewer than two seeds, or seeds without variation, leave a claim undecided; a cell without a value makes it
    "not run". Computed cells have no seeds: between two of them the claim is either true or false.
    """
    samples = [_sample(claim, filled) for claim in declaration.claims]
    tested = [index for index, sample in enumerate(samples) if sample.testable]
    p = {index: _p_value(declaration.claims[index], samples[index]) for index in tested}
    factors = _holm_factors(p)
    corrected = _holm(p, factors)
    return tuple(
        _tested(claim, sample, filled, p[index], corrected[index], factors[index])
        if index in p
        else _untested(claim, sample, filled)
        for index, (claim, sample) in enumerate(zip(declaration.claims, samples, strict=True))
    )


def _sample(claim: Claim, filled: FilledTable) -> _Sample:
    cells: list[tuple[Mapping[int, float], float]] = []
    for ref, times in _terms(claim):
        cell = filled.cells.get((ref.row, ref.column))
        if cell is None or cell.mean is None:
            return _Sample(missing=f"{_name(ref, filled)}: {cell.status if cell else 'not in the table'}")
        cells.append(({seed: times * value for seed, value in cell.values.items()}, times * cell.mean))
    scale = max(abs(mean) for _, mean in cells)
    random = [set(values) for values, _ in cells if values]
    if not random:
        return _Sample(exact=_combine([mean for _, mean in cells]), scale=scale)
    # A computed cell has no seeds: its value is the same for all of the other's.
    seeds = sorted(set.intersection(*random))
    return _Sample(
        tuple(_combine([values.get(seed, mean) for values, mean in cells]) for seed in seeds), scale=scale
    )


def _terms(claim: Claim) -> list[tuple[CellRef, float]]:
    """The cells that a claim is about, each with its factor."""
    if isinstance(claim, Below):
        return [(claim.a, 1.0)]
    return [(claim.a, 1.0), (claim.b, claim.times if isinstance(claim, Greater) else 1.0)]


def _combine(values: Sequence[float]) -> float:
    """`a - b`, or `a` where that is all."""
    return values[0] - values[1] if len(values) > 1 else values[0]


def _gap(claim: Claim, mean: float) -> float:
    """Distance of the mean from the bound; positive on the side that supports the claim."""
    if isinstance(claim, Equivalent):
        return claim.margin - abs(mean)
    return claim.limit - mean if isinstance(claim, Below) else mean


def _tails(claim: Claim, gap: float) -> int:
    return 1 if isinstance(claim, Equivalent) and gap > 0 else 2


def _p_value(claim: Claim, sample: _Sample) -> float:
    n, gap = len(sample.values), _gap(claim, sample.mean)
    t = abs(gap) / (sample.std / np.sqrt(n))
    return min(1.0, _tails(claim, gap) * float(stats.t.sf(t, n - 1)))


def _holm_factors(p: dict[int, float]) -> dict[int, int]:
    """Holm's factor of each p-value: the number of claims that are not decided before it."""
    return {index: len(p) - rank for rank, index in enumerate(sorted(p, key=lambda index: p[index]))}


def _holm(p: dict[int, float], factors: dict[int, int]) -> dict[int, float]:
    """Holm's corrected p-values: never below that of a smaller p-value."""
    products = {index: min(1.0, p[index] * factors[index]) for index in p}
    return {index: max(products[other] for other in p if factors[other] >= factors[index]) for index in p}


def _seeds_needed(claim: Claim, sample: _Sample, level: float) -> int | None:
    n = np.arange(len(sample.values) + 1, MAX_SEEDS + 1)
    enough = np.flatnonzero(_power(claim, sample, level, n) >= POWER)
    return int(n[enough[0]]) if enough.size else None


def _power(claim: Claim, sample: _Sample, level: float, n: NDArray[np.int_]) -> NDArray[np.float64]:
    """The probability that n seeds reach the verdict on the mean's side, from the noncentral t."""
    error = sample.std / np.sqrt(n)
    gap = _gap(claim, sample.mean)
    tails = _tails(claim, gap)
    critical = stats.t.isf(level / tails, n - 1)
    power = stats.nct.sf(critical, n - 1, abs(gap) / error)
    if tails == 1 and isinstance(claim, Equivalent):
        # Both one-sided tests must reject; subtract the cases in which the farther one does not.
        power = power - stats.nct.cdf(critical, n - 1, (claim.margin + abs(sample.mean)) / error)
    return np.asarray(power, dtype=np.float64)


def _tested(
    claim: Claim, sample: _Sample, filled: FilledTable, p: float, p_holm: float, factor: int
) -> Verdict:
    n, mean = len(sample.values), sample.mean
    half = float(stats.t.isf(LEVEL / 2, n - 1)) * sample.std / float(np.sqrt(n))
    side: Decision = "supported" if _gap(claim, mean) > 0 else "contradicted"
    verdict: Decision = side if p_holm <= LEVEL else "undecided"
    needed = _seeds_needed(claim, sample, LEVEL / factor) if verdict == "undecided" else None
    low, high = mean - half, mean + half
    p_text = _p_text(p, p_holm)
    measured = (
        f"{_estimate(claim, filled, mean, n)} "
        f"(95 % CI {_signed(claim, filled, low)} to {_signed(claim, filled, high)}; {p_text})"
    )
    sentence = f"{measured}: {verdict}{_seeds_advice(verdict, needed)}."
    return Verdict(claim.description, verdict, mean, low, high, n, p, p_holm, needed, sentence)


def _untested(claim: Claim, sample: _Sample, filled: FilledTable) -> Verdict:
    """The verdict where no test is needed, or none is possible."""
    if sample.missing:
        reason = f"Not run: {sample.missing}."
        return Verdict(claim.description, "not run", None, None, None, 0, None, None, None, reason)
    if sample.exact is not None:
        value = sample.exact
        exact: Decision = "supported" if _holds(claim, value) else "contradicted"
        sentence = f"{_estimate(claim, filled, value, 0)}, computed exactly: {exact}."
        return Verdict(claim.description, exact, value, value, value, 0, None, None, None, sentence)
    n = len(sample.values)
    if n == 0:
        reason = "The cells have no seed in common: undecided."
        return Verdict(claim.description, "undecided", None, None, None, 0, None, None, None, reason)
    why = "at least two seeds are needed" if n == 1 else "all seeds gave the same value"
    sentence = f"{_estimate(claim, filled, sample.mean, n)}: undecided, because {why}."
    return Verdict(claim.description, "undecided", sample.mean, None, None, n, None, None, None, sentence)


def _holds(claim: Claim, value: float) -> bool:
    gap = _gap(claim, value)
    return gap >= 0 if isinstance(claim, Equivalent) else gap > 0


def _estimate(claim: Claim, filled: FilledTable, value: float, n: int) -> str:
    planned = len(filled.declaration.seeds)
    seeds = f"{n} seed{'s' * (n != 1)}" if n == planned else f"{n} of {planned} seeds"
    what = _name(claim.a, filled) if isinstance(claim, Below) else _difference(claim, filled)
    bound = ""
    if isinstance(claim, Below):
        bound = f" against a limit of {claim.limit:g}"
    elif isinstance(claim, Equivalent):
        bound = f" against a margin of ± {claim.margin:g}"
    return f"{what}: {_signed(claim, filled, value)}{f' over {seeds}' if n else ''}{bound}"


def _difference(claim: Greater | Equivalent, filled: FilledTable) -> str:
    (a, _), (b, times) = _terms(claim)
    factor = "" if times == 1 else f"{times:g} × "
    if a.column == b.column:
        return f"{_label(a, filled)} minus {factor}{_label(b, filled)}, {a.column}"
    return f"{_name(a, filled)} minus {factor}{_name(b, filled)}"


def _name(ref: CellRef, filled: FilledTable) -> str:
    return f"{_label(ref, filled)}, {ref.column}"


def _label(ref: CellRef, filled: FilledTable) -> str:
    return next((row.label for row in filled.declaration.rows if row.key == ref.row), ref.row)


def _signed(claim: Claim, filled: FilledTable, value: float) -> str:
    """With one digit more than the column, so that a small difference is not printed as zero."""
    column = next(column for column in filled.declaration.columns if column.name == claim.a.column)
    digits = 0 if column.human else column.digits + 1
    return f"{value:,.{digits}f}" if isinstance(claim, Below) else f"{value:+,.{digits}f}"


def _p_text(p: float, p_holm: float) -> str:
    def text(value: float) -> str:
        return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"

    return text(p) if p == p_holm else f"{text(p)}, after Holm's correction {text(p_holm)}"


def _seeds_advice(verdict: Decision, needed: int | None) -> str:
    if verdict != "undecided":
        return ""
    if needed is None:
        return f"; more than {MAX_SEEDS:,} seeds needed for 80 % power at this effect size"
    return f"; about {needed} seeds needed for 80 % power at this effect size"
