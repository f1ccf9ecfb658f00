"""Verdicts on a table's claims: t-tests over seeds, repeated at declared looks, with Holm's correction.

A claim is about a mean over seeds: of `a - b` paired by seed, or of `a` alone. Seeds that one of the cells
lacks are left out. The test decides on which side of the claim's bound the mean lies:

- Greater, NotGreater, Below: two-sided t-test, so that the verdict is the side on which the whole interval
  lies;
- Equivalent, mean within the margin: two one-sided tests (Schuirmann 1987), p the larger of the two;
- Equivalent, mean outside the margin: two-sided t-test against the margin.

A claim of equivalence is either true or false, so only one of its two tests can err: they count once in
Holm's family, which consists of all claims of the table that could be tested.

Where the seeds grew from look to look, p-values and intervals are those of sequential tests (sequential.py),
and Holm's procedure over them is the group-sequential one of Maurer and Bretz (2013).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from orchestrator.schema.claims import Below, Claim, Equivalent, NotGreater
from orchestrator.schema.declaration import Declaration
from orchestrator.stats import verdict_text
from orchestrator.stats.aggregate import FilledTable
from orchestrator.stats.collapse import UNJUDGED_SCALE
from orchestrator.stats.multiplicity import holm
from orchestrator.stats.samples import Look, Sample, looks, sample
from orchestrator.stats.sequential import Sides, interval, p_values
from orchestrator.stats.verdict import MOST_NEEDED, Decision, Verdict

Floats = NDArray[np.float64]

LEVEL = 0.05  # family-wise error rate of a table's verdicts
POWER = 0.8


def judge(declaration: Declaration, filled: FilledTable) -> tuple[Verdict, ...]:
    """A verdict for each declared claim, in the declared order.

    Fewer than two seeds, or seeds without variation, leave a claim undecided, unless both cells of an
    equivalence have the same value with each seed. A cell without a value makes it "not run". Computed cells
    have no seeds: between two of them the claim is either true or false.

    A claim about a row of which a run diverged or collapsed cannot be judged: those that went well are a
    selection. Nor can any at scale "smoke".
    """
    samples = [sample(claim, filled) for claim in declaration.claims]
    unjudged = declaration.scale == UNJUDGED_SCALE
    seen = [() if unjudged else looks(one, declaration) for one in samples]
    tested = [index for index, made in enumerate(seen) if made]
    tests = [_test(declaration.claims[index], seen[index], declaration) for index in tested]
    corrected = _corrected([test.p for test in tests])
    verdicts = {
        index: _tested(declaration.claims[index], seen[index], filled, test, *how)
        for index, test, how in zip(tested, tests, corrected, strict=True)
    }
    return tuple(
        verdicts[index] if index in verdicts else _untested(claim, samples[index], filled)
        for index, claim in enumerate(declaration.claims)
    )


@dataclass(frozen=True)
class _Test:
    """A claim's test, before the correction for the table's other claims."""

    p: float
    supports: bool  # the side of the bound that it speaks for


def _test(claim: Claim, made: Sequence[Look], declaration: Declaration) -> _Test:
    counts, most = [look.n for look in made], _max_seeds(declaration, made)
    gaps = np.array([_gap(claim, look.mean) / look.error for look in made])
    if not isinstance(claim, Equivalent):
        p = float(p_values(gaps, counts, most))
        # Of several looks the strongest decides, and with it the side.
        return _Test(p, bool(gaps[np.argmax(_each(gaps, counts, most))] > 0))
    ends = [np.array([(claim.margin + sign * look.mean) / look.error for look in made]) for sign in (1, -1)]
    within = max(float(p_values(end, counts, most, sides=1)) for end in ends)
    outside = float(p_values(np.minimum(gaps, 0.0), counts, most))
    if len(made) == 1:
        return _Test(within, True) if gaps[0] > 0 else _Test(outside, False)
    return _Test(within, True) if within <= outside else _Test(outside, False)


def _each(gaps: Floats, counts: Sequence[int], most: int) -> Floats:
    """How strongly each look speaks by itself: minus the p-value that it would bring about alone."""
    alone = np.where(np.eye(len(gaps), dtype=bool), gaps, 0.0)
    return -p_values(alone, counts, most)


def _max_seeds(declaration: Declaration, made: Sequence[Look]) -> int:
    """Without declared looks the one test may spend everything."""
    return declaration.max_seeds if declaration.looks else made[-1].n


def _corrected(p: Sequence[float]) -> list[tuple[float, int]]:
    """Holm's p-value of each, and the factor by which its level is divided.

    A claim that is not rejected has the factor at which the procedure stopped, so that its interval, at the
    level divided by that, contains the bound.
    """
    if not p:
        return []
    adjusted = holm(np.array(p))
    open_claims = int((adjusted > LEVEL).sum())
    ranks = np.argsort(np.argsort(p, kind="stable"), kind="stable")
    return [
        (float(one), len(p) - int(rank) if one <= LEVEL else open_claims)
        for one, rank in zip(adjusted, ranks, strict=True)
    ]


def _gap(claim: Claim, mean: float) -> float:
    """Distance of the mean from the bound; positive on the side that supports the claim."""
    if isinstance(claim, Equivalent):
        return claim.margin - abs(mean)
    if isinstance(claim, NotGreater):
        return claim.margin - mean
    return claim.limit - mean if isinstance(claim, Below) else mean


def _sides(claim: Claim, gap: float) -> int:
    return 1 if isinstance(claim, Equivalent) and gap > 0 else 2


def _seeds_needed(claim: Claim, look: Look, level: float) -> int | None:
    n = np.arange(look.n + 1, MOST_NEEDED + 1)
    enough = np.flatnonzero(_power(claim, look, level, n) >= POWER)
    return int(n[enough[0]]) if enough.size else None


def _power(claim: Claim, look: Look, level: float, n: NDArray[np.int_]) -> Floats:
    """The probability that n seeds reach the verdict on the mean's side, from the noncentral t."""
    error = look.std / np.sqrt(n)
    gap = _gap(claim, look.mean)
    sides = _sides(claim, gap)
    critical = stats.t.isf(level / sides, n - 1)
    power = stats.nct.sf(critical, n - 1, abs(gap) / error)
    if sides == 1 and isinstance(claim, Equivalent):
        # Both one-sided tests must reject; subtract the cases in which the farther one does not.
        power = power - stats.nct.cdf(critical, n - 1, (claim.margin + abs(look.mean)) / error)
    return np.asarray(power, dtype=np.float64)


def _tested(
    claim: Claim, made: Sequence[Look], filled: FilledTable, test: _Test, p_holm: float, factor: int
) -> Verdict:
    last, most = made[-1], _max_seeds(filled.declaration, made)
    side: Decision = "supported" if test.supports else "contradicted"
    verdict: Decision = side if p_holm <= LEVEL else "undecided"
    sides: Sides = 1 if isinstance(claim, Equivalent) and test.supports else 2
    low, high = interval(
        [look.mean for look in made],
        [look.error for look in made],
        [look.n for look in made],
        LEVEL / factor,
        most,
        sides,
    )
    final = bool(filled.declaration.looks) and last.n >= most
    needed = _seeds_needed(claim, last, LEVEL / factor) if verdict == "undecided" and not final else None
    found = Verdict(
        claim=claim.description,
        verdict=verdict,
        estimate=last.mean,
        low=low,
        high=high,
        n=last.n,
        p=test.p,
        p_holm=p_holm,
        seeds_needed=needed,
        sentence="",
        confidence=90 if sides == 1 else 95,
        factor=factor,
        looks=tuple(look.n for look in made),
        max_seeds=most,
    )
    return _in_words(claim, found, verdict_text.tested(claim, found, filled), filled)


def _untested(claim: Claim, found: Sample, filled: FilledTable) -> Verdict:
    """The verdict where no test is needed, or none is possible."""
    n, values = len(found.values), list(found.values.values())
    verdict: Decision = "undecided"
    estimate = float(np.mean(values)) if values else None
    if found.lost or filled.declaration.scale == UNJUDGED_SCALE:
        return _unjudged(claim, found, filled)
    if found.missing is not None:
        verdict = "not run"
    elif found.exact is not None:
        verdict, estimate = "supported" if _holds(claim, found.exact) else "contradicted", found.exact
    elif found.identical:
        verdict = "supported"
    ends = found.exact
    sentence = verdict_text.untested(claim, found, verdict, filled)
    tested = Verdict(claim.description, verdict, estimate, ends, ends, n, None, None, None, "")
    return _in_words(claim, tested, sentence, filled)


def _in_words(claim: Claim, found: Verdict, sentence: str, filled: FilledTable) -> Verdict:
    return replace(found, sentence=sentence, effect=verdict_text.effect(claim, found, filled))


def _unjudged(claim: Claim, found: Sample, filled: FilledTable) -> Verdict:
    why = verdict_text.unjudged(found, filled)
    sentence = f"Cannot be judged: {why}."
    return Verdict(
        claim.description, "cannot be judged", None, None, None, 0, None, None, None, sentence, effect=why
    )


def _holds(claim: Claim, value: float) -> bool:
    gap = _gap(claim, value)
    return gap >= 0 if isinstance(claim, Equivalent) else gap > 0
