"""What is known of a trial before it starts, as its run shows it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.tracking.client import PROJECT, now
from orchestrator.util.mathematics import SCHEMA
from orchestrator.util.redact import shown


@dataclass(frozen=True)
class TrialInfo:
    """What is known of a trial before it starts.

    Args:
        fingerprint: of its job.
        name: to be read, such as "RLE 3x64, seed 0".
        group: the MLflow experiment in which it compares with others, such as "coco-demo".
        seed: of the job.
        tags: further tags, such as `table.1=3x64`.
        json: the whole job, kept as experiment.json and, flattened, as MLflow's parameters.
        data: fingerprint of its data; empty for a measurement without data.
        commit: of the code.
        schema: the number of the code's mathematics.
        machine: the sweep's own, in words, until the end tells where it ran.
        world_size: how many workers share it.
        checkpoint: where its checkpoint lies; empty for none.
    """

    fingerprint: str
    name: str
    group: str
    seed: int
    tags: Mapping[str, str]
    json: str
    data: str = ""
    commit: str = ""
    schema: int = SCHEMA
    machine: str = ""
    world_size: int = 1
    checkpoint: str = ""


def tags(trial: TrialInfo) -> dict[str, str]:
    """The tags of its run when it starts."""
    return {
        **trial.tags,
        "project": PROJECT,
        "fingerprint": trial.fingerprint,
        "seed": str(trial.seed),
        "data": trial.data,
        "commit": trial.commit,
        "schema": str(trial.schema),
        "machine": trial.machine,
        "world_size": str(trial.world_size),
        "checkpoint": shown(trial.checkpoint),
        "alive": str(now()),
        "status": "running",
        "note": "",
        "warnings": "[]",
    }


def flatten(fields: Mapping[str, Any]) -> dict[str, str]:
    """Every field as `dotted.name: text`, as MLflow shows and compares parameters."""
    return dict(_leaves("", fields))


def _leaves(prefix: str, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, Mapping):
        return [(prefix, value if isinstance(value, str) else json.dumps(value))]
    stem = f"{prefix}." if prefix else ""
    return [leaf for key, inner in value.items() for leaf in _leaves(stem + key, inner)]
