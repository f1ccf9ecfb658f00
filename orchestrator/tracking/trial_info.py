"""What is known of a trial before it starts, as its run shows it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.tracking.client import PROJECT, DataInput, now
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
        data_name: of its data, to be read, such as "generated coco".
        data_folder: where its data lie; empty where they are generated.
        data_json: every field of its data's configuration.
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
    data_name: str = ""
    data_folder: str = ""
    data_json: str = ""


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


def data_inputs(trial: TrialInfo) -> tuple[DataInput, ...]:
    """The splits that a trial sees, as MLflow's data sets: a training both, a measurement the validation's.

    MLflow tells data sets apart by name and digest; both splits have the digest of their whole set.
    """
    if not trial.data:
        return ()
    splits = {"train": "training", "val": "validation"} if trial.headline else {"val": "validation"}
    name = trial.data_name or "data"
    if trial.data_folder:
        source = ("local", json.dumps({"uri": trial.data_folder}))
    else:
        source = ("code", json.dumps({"tags": {"mlflow.source.git.commit": trial.commit}}))
    return tuple(
        DataInput(f"{name} {split}", trial.data, context, *source, trial.data_json)
        for split, context in splits.items()
    )
