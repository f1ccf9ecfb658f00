"""What tells jobs apart: their names, and the few parameters that a list of runs shows."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.jobs.job import Job

NEUTRAL = ("seed", "of.seed", "evaluate_every", "recipe_batch", "recipe_epochs")
"""Ends of fields that no name needs: it has the seed already, and the others change no result."""
MOST = 4
"""Differences in a name; a list of runs shows the others."""


def distinct_names(jobs: Sequence[Job]) -> list[str]:
    """A name for each job, which different jobs do not share.

    Where several describe themselves alike, what differs among them is in the name:
    `RLE 3x64 on coco, lr 0.001, seed 0`.
    """
    alike: dict[str, list[int]] = defaultdict(list)
    for index, job in enumerate(jobs):
        alike[job.describe()].append(index)
    names = [job.describe() for job in jobs]
    for name, places in alike.items():
        if len({jobs[place].fingerprint() for place in places}) > 1:
            told = _differences([jobs[place] for place in places])
            for place, words in zip(places, told, strict=True):
                names[place] = _with(name, words)
    return names


def parameters(job: Job, row: str) -> dict[str, str]:
    """What a list of runs shows of a job: few fields with short names, the row of its table the first.

    Args:
        row: the row that it is behind, as `3x64`; empty where there is none.
    """
    flow = getattr(getattr(job.trained or job, "objective", None), "flow", None)
    schedule = job.schedule
    shown = {
        "row": row,
        "flow": "" if flow is None else flow.name,
        "seed": str(job.seed),
        "lr": f"{schedule.optimiser.lr:g}",
        "batch": str(schedule.batch),
        "epochs": str(schedule.epochs),
        "precision": schedule.precision,
    }
    return {name: text for name, text in shown.items() if text}


def differing(jobs: Mapping[str, Job]) -> dict[str, dict[str, str]]:
    """For each training, by fingerprint, the fields in which those on the same data differ, by short name.

    Fields that some of them do not have are left out of these only.
    """
    sets: dict[str, list[str]] = defaultdict(list)
    for fingerprint, job in jobs.items():
        if job.stage == "training" and job.data is not None:
            sets[job.data.fingerprint()].append(fingerprint)
    found: dict[str, dict[str, str]] = {}
    for some in sets.values():
        fields = [_fields(jobs[fp]) for fp in some]
        for fingerprint, own in zip(some, _short(fields, _varying(fields)), strict=True):
            found[fingerprint] = own
    return found


def flatten(fields: Mapping[str, Any]) -> dict[str, str]:
    """Every field as `dotted.name: text`."""
    return dict(_leaves("", fields))


def _leaves(prefix: str, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, Mapping):
        return [(prefix, value if isinstance(value, str) else json.dumps(value))]
    stem = f"{prefix}." if prefix else ""
    return [leaf for key, inner in value.items() for leaf in _leaves(stem + key, inner)]


def _fields(job: Job) -> dict[str, str]:
    fields = flatten(json.loads(job.model_dump_json()))
    return {name: text for name, text in fields.items() if not name.endswith(NEUTRAL)}


def _varying(fields: Sequence[Mapping[str, str]]) -> list[str]:
    """The names of fields that do not have one value in all."""
    names = dict.fromkeys(name for some in fields for name in some)
    return [name for name in names if len({some.get(name) for some in fields}) > 1]


def _short(fields: Sequence[Mapping[str, str]], names: Iterable[str]) -> list[dict[str, str]]:
    """These fields of each, under the shortest ends of their names that tell them apart."""
    every = list(names)
    short = {name: shortest(name, every) for name in every}
    return [{short[name]: some[name] for name in every if name in some} for some in fields]


def shortest(name: str, names: Sequence[str]) -> str:
    """The shortest end of a dotted name that no other of the names has."""
    parts = name.split(".")
    for count in range(1, len(parts)):
        end = ".".join(parts[-count:])
        if sum(other == end or other.endswith(f".{end}") for other in names) == 1:
            return end
    return name


def _differences(jobs: Sequence[Job]) -> list[str]:
    """For each job what sets it apart from the others, in words; its fingerprint where no field does."""
    fields = [_fields(job) for job in jobs]
    words = [
        ", ".join(f"{name} {value}" for name, value in list(own.items())[:MOST])
        for own in _short(fields, _varying(fields))
    ]
    prints = [job.fingerprint() for job in jobs]
    if len(set(words)) == len(set(prints)) and all(words):
        return words
    marks = [fingerprint[:6] for fingerprint in prints]
    return [f"{word}, {mark}" if word else mark for word, mark in zip(words, marks, strict=True)]


def _with(name: str, words: str) -> str:
    """The words before the seed, which stays at the end."""
    stem, comma, seed = name.rpartition(", seed ")
    return f"{stem}, {words}{comma}{seed}" if comma else f"{name}, {words}"
