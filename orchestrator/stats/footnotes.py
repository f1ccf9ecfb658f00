"""Footnotes of a cell: what became of its seeds."""

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.stats import training_warnings
from orchestrator.stats.seed_results import Outcome, SeedResult

VERBS: Mapping[Outcome, str] = {
    "diverged": "diverged",
    "collapsed": "collapsed",
    "failed": "failed",
    "running": "still running",
    "stopped": "stopped by a search before its end",
}


def notes(seeds: Sequence[SeedResult], planned: int) -> tuple[str, ...]:
    """Footnotes of a cell: seeds that are missing and why, and warnings."""
    measured = sum(seed.outcome == "measured" for seed in seeds)
    found = [seed.reason for seed in seeds if seed.outcome == "rejected"]
    for outcome, verb in VERBS.items():
        those = [seed for seed in seeds if seed.outcome == outcome]
        if those:
            found.append(f"{len(those)} of {planned} {verb}: {_each(those)}")
    blocked = [seed for seed in seeds if seed.outcome == "not run" and seed.reason]
    if blocked:
        found.append(
            f"{len(blocked)} of {planned} not run because a training they need did not finish: "
            f"{_each(blocked)}"
        )
    missing = [seed for seed in seeds if seed.outcome == "not run" and not seed.reason]
    if measured and missing:
        which = "" if None in (seed.seed for seed in missing) else f"; not run: {_each(missing)}"
        found.append(f"{measured} of {planned} seeds{which}")
    elif 0 < len(seeds) < planned:
        found.append(f"{len(seeds)} of {planned} seeds")
    return (*found, *training_warnings.footnote((seed.seed, seed.warnings) for seed in seeds))


def _each(seeds: Iterable[SeedResult]) -> str:
    return ", ".join(f"seed {seed.seed}" + (f" ({seed.reason})" if seed.reason else "") for seed in seeds)
