"""What is known of a trial before it starts, as its run shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        json: the whole job, kept as experiment.json.
        params: what MLflow shows of it, few and short; nothing is read back from them.
        headline: the metric that MLflow's list shows, such as "AP"; empty for a measurement.
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
    params: Mapping[str, str] = field(default_factory=dict)
    headline: str = ""
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
        "headline": trial.headline,
        "checkpoint": shown(trial.checkpoint),
        "alive": str(now()),
        "began": str(now()),
        "status": "running",
        "note": "",
        "warnings": "[]",
    }
