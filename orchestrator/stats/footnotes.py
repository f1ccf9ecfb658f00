"""Footnotes of a cell: what became of its seeds."""

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.stats.seed_results import Outcome, SeedResult

VERBS: Mapping[Outcome, str] = {
    "diverged": "diverged",
    "collapsed": "collapsed",
    "failed": "failed",
    "running": "still running",
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
    return (*found, *_warnings(seeds))


def _warnings(seeds: Sequence[SeedResult]) -> tuple[str, ...]:
    """Each warning once, with all seeds that raised it."""
    seeds_by_warning: dict[str, list[str]] = {}
    for seed in seeds:
        if seed.warnings:
            seeds_by_warning.setdefault(_digest(seed.warnings), []).append(str(seed.seed))
    lines = [
        f"{'seed' if len(of) == 1 else 'seeds'} {', '.join(of)}: {what}"
        for what, of in seeds_by_warning.items()
    ]
    return (f"warnings, {'; '.join(lines)}",) if lines else ()


def _each(seeds: Iterable[SeedResult]) -> str:
    return ", ".join(f"seed {seed.seed}" + (f" ({seed.reason})" if seed.reason else "") for seed in seeds)


def _digest(warnings: Sequence[str]) -> str:
    """The first warning about each quantity, and how many followed."""
    by_quantity: dict[str, list[str]] = {}
    for warning in warnings:
        by_quantity.setdefault(warning.split(" = ")[0], []).append(warning)
    return ", ".join(
        first + (f" (and {len(again)} more)" if again else "") for first, *again in by_quantity.values()
    )
