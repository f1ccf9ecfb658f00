"""Trials and declarations to be kept in a store, and a look behind the tracker."""

from typing import Any

from orchestrator.schema.declaration import CellSource, Declaration, DeclaredColumn, DeclaredRow
from orchestrator.tracking.tracker import Tracker, TrialInfo

TRIAL = TrialInfo(
    fingerprint="abc123",
    name="RLE 3x64, seed 0",
    group="coco-demo",
    seed=7,
    tags={"table.1": "3x64"},
    json='{"schedule": {"epochs": 40}, "objective": {"kind": "rle"}}',
    params={"row": "3x64", "epochs": "40"},
    headline="AP",
    data="d1",
    commit="0e30145",
    machine="2 cores",
    world_size=2,
    checkpoint="/storage/abc123/checkpoint.pt",
)
SECRET = "pa55word"


def client(tracker: Tracker) -> Any:
    return tracker._client


def train(tracker: Tracker, trial: TrialInfo = TRIAL, epochs: int = 3, status: Any = "finished") -> None:
    tracker.start(trial)
    for epoch in range(1, epochs + 1):
        tracker.epoch(trial.fingerprint, epoch, {"loss": 1.0 / epoch, "PCKh@0.5": 80.0 + epoch})
    tracker.finish(trial.fingerprint, status, {"loss": 1.0 / epochs, "AP": 47.25}, 12.5)


def declaration(**changes: Any) -> Declaration:
    fields: dict[str, Any] = {
        "table": "1",
        "title": "What a flow costs",
        "says": "Larger flows bring nothing.",
        "scale": "demo",
        "report": "demo",
        "data": "100 people",
        "data_fingerprints": ("d1",),
        "seeds": (0, 1, 2),
        "columns": (DeclaredColumn(name="AP"),),
        "rows": (
            DeclaredRow(
                key="a", label="3 × 64", cells={"AP": CellSource(key="AP", fingerprints=("abc123",))}
            ),
        ),
        "command": "python sweeps/flow_size.py",
    }
    return Declaration(**(fields | changes))
