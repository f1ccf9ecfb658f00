"""Seeds that follow the open questions: after how many a table is judged, and which rows get more."""

from collections.abc import Mapping, Sequence

from orchestrator.schema.declaration import Declaration
from orchestrator.schema.record import Record
from orchestrator.stats.aggregate import fill
from orchestrator.stats.samples import terms
from orchestrator.stats.verdict import Verdict
from orchestrator.util.errors import SweepError

LOOKS = (4, 7, 12, 20)
"""Numbers of seeds at which claims are judged, fixed in advance; docs/verdicts.md has their power."""

USUAL_SHARE = 0.39
"""Of the trainings of most seeds for every row: the mean over effects like the published ones."""


def schedule(most: int) -> tuple[int, ...]:
    """The looks of a run of at most `most` seeds for a row; the last is after all of them."""
    return (*(look for look in LOOKS if look < most), most)


def remembered(before: Declaration | None, now: Declaration) -> Declaration:
    """`now`, with the looks that its table has had before on the same experiments.

    What was looked at once counts as a look for good: the level that it used is gone. So does the number of
    seeds by which the level is spent, which must not change once a look has been made.
    """
    looks = {len(now.seeds)}
    most = now.max_seeds
    if before is not None and _same_experiments(before, now):
        looks |= set(before.looks or (len(before.seeds),))
        most = before.max_seeds
    return now.model_copy(update={"looks": tuple(sorted(looks)), "max_seeds": most})


def undecided_rows(declaration: Declaration, records: Mapping[str, Record]) -> set[str]:
    """The rows behind claims that further seeds may decide.

    A claim whose cells gave the same difference with every seed has no test, and more seeds would change that
    only by accident.
    """
    from orchestrator.stats.hypothesis_tests import judge  # scipy.stats takes most of a second

    verdicts = judge(declaration, fill(declaration, records))
    undecided = [
        claim
        for claim, verdict in zip(declaration.claims, verdicts, strict=True)
        if verdict.verdict == "undecided" and not _without_variation(verdict, declaration)
    ]
    refs = [ref for claim in undecided for ref, _ in terms(claim)]
    return {ref.row for ref in refs}


def check_max_seeds(planned: Sequence[Declaration], asked: int) -> None:
    """Refuse more seeds than a table's level was divided over at its first look: they could decide nothing.

    Raises:
        SweepError: a table has fewer.
    """
    fewer = {declaration.heading: declaration.max_seeds for declaration in planned}
    found = sorted((most, heading) for heading, most in fewer.items() if most < asked)
    if found:
        most, heading = found[0]
        raise SweepError(
            f"{heading} was first judged for at most {most} seeds, and its level is used up with them; "
            f"seeds beyond that decide nothing. Use --max-seeds {most}, or another --results",
            code="max-seeds-changed",
        )


def _without_variation(verdict: Verdict, declaration: Declaration) -> bool:
    return verdict.p is None and verdict.n >= len(declaration.seeds)


def _same_experiments(before: Declaration, now: Declaration) -> bool:
    """Whether a cell of `now` shows a job that one of `before` showed."""
    return bool(set(before.fingerprints) & set(now.fingerprints))
