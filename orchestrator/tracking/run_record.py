"""A run of MLflow as a record, and what metrics are called in both."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from orchestrator.schema.record import Record, Status

HEADLINE = "headline"  # the tag of a training: its metric that MLflow shows, NaN before the first evaluation
STOP = "seconds."  # tags: an epoch after which a training stopped, and how many seconds it had taken so far
LONGEST = 1e9  # seconds that a job may have taken


def metric_name(key: str) -> str:
    """A metric's name as MLflow allows it, which has no @: `PCKh at 0.5`.

    Raises:
        ValueError: there is another sign in it that MLflow has no room for.
    """
    name = key.replace("@", " at ")
    if not re.fullmatch(r"[/\w.\- :]+", name):
        raise ValueError(f"{key!r} can't be a metric's name: use letters, digits and / _ . - : @")
    return name


def metric_key(name: str) -> str:
    """The inverse of `metric_name`."""
    return name.replace(" at ", "@")


def record_of(run: Any, history: dict[str, tuple[tuple[int, float], ...]]) -> Record:
    """A run as a record, without the NaN that stands for its headline in epochs without an evaluation."""
    record, headline = _record(run, history), run.data.tags.get(HEADLINE, "")
    points = tuple(point for point in history.get(headline, ()) if not math.isnan(point[1]))
    known = not math.isnan(record.metrics.get(headline, math.nan))
    return replace(
        record,
        metrics={key: value for key, value in record.metrics.items() if key != headline or known},
        history={key: points if key == headline else found for key, found in history.items()},
    )


def _record(run: Any, history: dict[str, tuple[tuple[int, float], ...]]) -> Record:
    tags = run.data.tags
    return Record(
        fingerprint=tags["fingerprint"],
        name=run.info.run_name or tags["fingerprint"],
        status=_status(run),
        seed=_whole(tags, "seed"),
        metrics={metric_key(name): value for name, value in run.data.metrics.items()},
        history=history,
        commit=tags.get("commit", ""),
        data=tags.get("data", ""),
        machine=tags.get("machine", ""),
        precision=tags.get("precision", _former_precision(run.data.metrics)),
        processor=tags.get("processor", ""),
        torch=tags.get("torch", ""),
        schema=_whole(tags, "schema", "1"),
        world_size=_whole(tags, "world_size", "1"),
        duration=_seconds(tags, "duration"),
        stops={int(name[len(STOP) :]): _seconds(tags, name) for name in tags if _is_stop(name)},
        note=tags.get("note", ""),
        warnings=_warnings(tags),
        run_id=run.info.run_id,
        day=datetime.fromtimestamp(run.info.start_time / 1000, UTC).date().isoformat(),
    )


def _whole(tags: Mapping[str, str], name: str, default: str | None = None) -> int:
    """A whole number, 0 or more. A run without it, where there is no default, can't be told from others."""
    text = tags.get(name, default)
    if text is None or not text.isdecimal():
        raise ValueError(f"its tag {name} is {text!r}, no whole number")
    return int(text)


def _is_stop(name: str) -> bool:
    return bool(re.fullmatch(rf"{re.escape(STOP)}\d{{1,9}}", name, re.ASCII))


def _seconds(tags: Mapping[str, str], name: str) -> float:
    text = tags.get(name, "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < LONGEST:
        raise ValueError(f"its tag {name} is {text!r}, no number of seconds")
    return seconds


def _warnings(tags: Mapping[str, str]) -> tuple[str, ...]:
    name = "warnings" if "warnings" in tags else "alarms"
    try:
        found = json.loads(tags.get(name, "[]"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(warning, str) for warning in found):
        raise ValueError(f"its tag {name} is no list of sentences")
    return tuple(found)


def _former_precision(metrics: Mapping[str, float]) -> str:
    """As older runs say it."""
    if "bf16" not in metrics:
        return ""
    return "bf16" if metrics["bf16"] else "float32"


def _status(run: Any) -> Status:
    match run.info.status:
        case "FINISHED":
            return "diverged" if run.data.tags.get("status") == "diverged" else "finished"
        case "KILLED" if run.data.tags.get("status") == "stopped":
            return "stopped"
        case "FAILED" | "KILLED":
            return "failed"
        case _:
            return "running"
