"""Warnings of trainings: which are usual and said once of a report, and how the others read in a footnote."""

from collections.abc import Iterable, Sequence

from orchestrator.schema.record import Record

USUAL = "sigma_max"
"""The quantity that passes its limit in most trainings with a learned scale (util/limits.py)."""


def has_sigma(records: Iterable[Record]) -> bool:
    """Whether one of them is of a training with a learned scale."""
    return any(USUAL in record.metrics or _rang(record) for record in records)


def at_ceiling(records: Iterable[Record]) -> bool:
    """Whether sigma reached its ceiling in one of them."""
    return any(map(_rang, records))


def footnote(warnings_of_seeds: Iterable[tuple[int | None, Sequence[str]]]) -> tuple[str, ...]:
    """Each unusual warning once, with all seeds that raised it; empty without any."""
    seeds_by_warning: dict[str, list[str]] = {}
    for seed, warnings in warnings_of_seeds:
        if unusual := [warning for warning in warnings if _quantity(warning) != USUAL]:
            seeds_by_warning.setdefault(_digest(unusual), []).append(str(seed))
    lines = [
        f"{'seed' if len(of) == 1 else 'seeds'} {', '.join(of)}: {what}"
        for what, of in seeds_by_warning.items()
    ]
    return (f"warnings, {'; '.join(lines)}",) if lines else ()


def _digest(warnings: Sequence[str]) -> str:
    """The first warning about each quantity, and how many followed."""
    by_quantity: dict[str, list[str]] = {}
    for warning in warnings:
        by_quantity.setdefault(_quantity(warning), []).append(warning)
    return ", ".join(
        first + (f" (and {len(again)} more)" if again else "") for first, *again in by_quantity.values()
    )


def _quantity(warning: str) -> str:
    return warning.split(" = ", maxsplit=1)[0]


def _rang(record: Record) -> bool:
    return any(_quantity(warning) == USUAL for warning in record.warnings)
