"""Verdicts in words."""

from orchestrator.schema.claims import Below, CellRef, Claim, Equivalent, Greater, NotGreater
from orchestrator.stats.aggregate import FilledTable
from orchestrator.stats.collapse import UNJUDGED_SCALE
from orchestrator.stats.samples import Sample, terms
from orchestrator.stats.seed_results import LOST
from orchestrator.stats.verdict import MOST_NEEDED, Decision, Verdict


def tested(claim: Claim, found: Verdict, filled: FilledTable) -> str:
    """The estimate, its interval and p-value, the verdict, and what an open one would take."""
    assert found.estimate is not None
    assert found.low is not None
    assert found.high is not None
    low, high = (_signed(claim, filled, end) for end in (found.low, found.high))
    measured = f"{_estimate(claim, filled, found.estimate, found.n)} "
    measured += f"({found.confidence} % CI {low} to {high}{_adjusted(found)}; {_p_text(found)})"
    return f"{measured}: {_outcome(found, low, high)}."


def effect(claim: Claim, found: Verdict, filled: FilledTable) -> str:
    """What is compared, with the estimate and its interval."""
    if found.estimate is None:
        return "no number yet"
    text = f"{_compared(claim, filled)}: {_signed(claim, filled, found.estimate)}"
    if found.low is None or found.high is None or found.low == found.high:
        return text
    return f"{text} ({_signed(claim, filled, found.low)} to {_signed(claim, filled, found.high)})"


def untested(claim: Claim, found: Sample, verdict: Decision, filled: FilledTable) -> str:
    """Why there was nothing to test."""
    if found.missing is not None:
        cell = filled.cells.get((found.missing.row, found.missing.column))
        return f"Not run: {_name(found.missing, filled)}: {cell.status if cell else 'not in the table'}."
    if found.exact is not None:
        return f"{_estimate(claim, filled, found.exact, 0)}, computed exactly: {verdict}."
    n = len(found.values)
    if n == 0:
        return "The cells have no seed in common: undecided."
    mean = sum(found.values.values()) / n
    if found.identical:
        return f"{_estimate(claim, filled, mean, n)}: {verdict}, both have the same value with every seed."
    return f"{_estimate(claim, filled, mean, n)}: undecided, because {_obstacle(found, filled)}."


def unjudged(found: Sample, filled: FilledTable) -> str:
    """Why a claim cannot be judged."""
    if filled.declaration.scale == UNJUDGED_SCALE:
        return f"scale “{UNJUDGED_SCALE}” trains for seconds, only to see that everything works"
    return " and ".join(dict.fromkeys(_lost(ref, filled) for ref in found.lost))


def _lost(ref: CellRef, filled: FilledTable) -> str:
    """Such as `2 of 3 runs of DLE diverged or collapsed`."""
    cell = filled.cell(ref.row, ref.column)
    how = " or ".join(word for word in LOST if word in cell.lost)
    return f"{len(cell.lost)} of {cell.runs} runs of {_label(ref, filled)} {how}"


def _obstacle(found: Sample, filled: FilledTable) -> str:
    first = filled.declaration.seeds[: (filled.declaration.looks or (0,))[0]]
    awaited = sorted(found.pending.intersection(first))
    if awaited:
        listed = ", ".join(map(str, awaited))
        return f"it is first tested after {len(first)} seeds, of which {listed} are not finished"
    return "at least two seeds are needed" if len(found.values) == 1 else "all seeds gave the same value"


def _adjusted(found: Verdict) -> str:
    """What the interval is adjusted for."""
    reasons = [f"{found.factor} claims"] if found.factor > 1 else []
    if len(found.looks) > 1:
        reasons.append(f"looks after {', '.join(map(str, found.looks))} seeds")
    elif found.n < found.max_seeds:
        reasons.append(f"a look after {found.n} of up to {found.max_seeds} seeds")
    return f", adjusted for {' and '.join(reasons)}" if reasons else ""


def _outcome(found: Verdict, low: str, high: str) -> str:
    if found.verdict != "undecided":
        return found.verdict
    if found.seeds_needed is None and found.n >= found.max_seeds and len(found.looks) > 1:
        return f"no verdict within {found.max_seeds} seeds, the difference lies between {low} and {high}"
    if found.seeds_needed is None:
        return f"undecided; more than {MOST_NEEDED:,} seeds needed for 80 % power at this effect size"
    return f"undecided; about {found.seeds_needed} seeds needed for 80 % power at this effect size"


def _estimate(claim: Claim, filled: FilledTable, value: float, n: int) -> str:
    planned = len(filled.declaration.seeds)
    short = n < planned and not filled.declaration.looks
    seeds = f"{n} of {planned} seeds" if short else f"{n} seed{'s' * (n != 1)}"
    bound = ""
    if isinstance(claim, Below):
        bound = f" against a limit of {claim.limit:g}"
    elif isinstance(claim, Equivalent):
        bound = f" against a margin of ± {claim.margin:g}"
    elif isinstance(claim, NotGreater):
        bound = f" against a margin of {claim.margin:+g}"
    return (
        f"{_compared(claim, filled)}: {_signed(claim, filled, value)}{f' over {seeds}' if n else ''}{bound}"
    )


def _compared(claim: Claim, filled: FilledTable) -> str:
    return _name(claim.a, filled) if isinstance(claim, Below) else _difference(claim, filled)


def _difference(claim: Greater | NotGreater | Equivalent, filled: FilledTable) -> str:
    (a, _), (b, times) = terms(claim)
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


def _p_text(found: Verdict) -> str:
    def text(value: float | None) -> str:
        assert value is not None
        return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"

    alone = text(found.p)
    return alone if found.p == found.p_holm else f"{alone}, after Holm's correction {text(found.p_holm)}"
