"""Rows, declarations and records of small tables."""

from dataclasses import replace
from typing import Any

from orchestrator.schema.declaration import CellSource, Declaration, DeclaredColumn, DeclaredRow, PaperCell
from orchestrator.schema.record import Record

SEEDS = (0, 1, 2)
AP = DeclaredColumn(name="AP", unit="%", better="higher")
SIZE = DeclaredColumn(name="Params", human=True)


def record(row: str, seed: int, value: float, **changes: Any) -> Record:
    made = Record(
        f"{row}{seed}",
        f"{row}, seed {seed}",
        "finished",
        seed,
        {"AP": value, "PCK": 2 * value},
        data="people",
    )
    return replace(made, **changes)


def records(*made: Record) -> dict[str, Record]:
    return {one.fingerprint: one for one in made}


def row(key: str, **changes: Any) -> DeclaredRow:
    fingerprints = tuple(f"{key}{seed}" for seed in SEEDS)
    cells = {"AP": CellSource(key="AP", fingerprints=fingerprints)}
    return DeclaredRow(**{"key": key, "label": key, "cells": cells, **changes})


def declare(*rows: DeclaredRow, **changes: Any) -> Declaration:
    fields: dict[str, Any] = {
        "table": "1",
        "title": "What a flow costs",
        "scale": "demo",
        "data": "100 people",
        "data_fingerprints": ("people",),
        "seeds": SEEDS,
        "columns": (AP,),
        "rows": rows,
        "paper": (PaperCell(table="1", row="a", column="AP", value=70.5, unit="%", source="supplement"),),
    }
    return Declaration(**(fields | changes))


def big() -> tuple[Declaration, dict[str, Record]]:
    """A table with everything in it: computed and measured, diverged, not run, ours, signs to escape."""
    measured = CellSource(key="AP", fingerprints=("a0", "a1", "a2"))
    rows = (
        DeclaredRow(key="a", label="3 × 64", cells={"Params": CellSource(value=804_888), "AP": measured}),
        row("b", label="*RLE | 50% & σ_x", description="From weights of a heatmap model."),
        row("c", label="Laplace", in_paper=False),
    )
    paper = (
        PaperCell(table="1", row="a", column="AP", value=70.0, unit="%", source="supplement, Table 1"),
        PaperCell(table="1", row="a", column="Params", value=804_800, unit="", source="supplement, Table 1"),
        PaperCell(table="1", row="c", column="AP", value=67.45, unit="%", source="main paper"),
    )
    found = records(
        record("a", 0, 46.5, machine="2 CPU cores"),
        record("a", 1, 47.5),
        record("a", 2, 0.0, status="diverged"),
        *(record("c", seed, 0.0, status="diverged") for seed in SEEDS),
    )
    return declare(*rows, columns=(SIZE, AP), paper=paper, title="Costs & gains"), found
