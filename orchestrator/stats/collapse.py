"""Trainings that collapsed: they ended without an error, but a quantity ran away and the metric is at chance.

The criterion is the same for every row and was fixed before any of them was judged by it (docs/verdicts.md).
It needs the record alone, so that it applies to stores of any age. At scale "smoke" nothing collapses: a few
steps leave every metric at chance.
"""

import math
from collections.abc import Iterable, Mapping

from orchestrator.schema.declaration import Declaration
from orchestrator.schema.record import Record
from orchestrator.util.limits import LIMITS, past_limits

UNJUDGED_SCALE = "smoke"
"""Its trainings take seconds, which leaves every metric at chance: no collapse, no verdicts."""

HIGHEST_AT_CHANCE: Mapping[str, float] = {"AP": 10.0, "PCKh@0.5": 55.0}
LOWEST_AT_CHANCE: Mapping[str, float] = {"MAE um": 25.0}
"""What predicting the mean of the training set gets, in round numbers: on generated data 7 AP, 53 PCKh@0.5
and 28 um, on photographs 0 AP."""

SIGMA = (1e-5, 0.9)
"""Within which the geometric mean of sigma lies, of its range from 0 to 1."""

MEAN_POSE, NEAR = "MPJPE of the mean pose", 0.95
"""Human3.6M's records hold the chance level; an MPJPE of at least this share of it is at chance."""


def collapse(metrics: Mapping[str, float], warnings: Iterable[str] = ()) -> str:
    """Why a training that ended did collapse, such as `log_s = 323 in epoch 3, AP 0.2`; empty if it did not.

    Args:
        metrics: the last value of each.
        warnings: quantities that were past their limits in any epoch, as records hold them.
    """
    measured = _at_chance(metrics)
    past = _ran_away(metrics, warnings)
    return ", ".join([*past, measured]) if past and measured else ""


def collapsed(declaration: Declaration, records: Mapping[str, Record]) -> dict[str, str]:
    """The jobs of a table whose training collapsed, by fingerprint, each with the reason.

    A measurement of a model counts with the model's training; a training that starts from the weights of one
    that collapsed counts by itself.
    """
    if declaration.scale == UNJUDGED_SCALE:
        return {}
    known = dict.fromkeys((*declaration.fingerprints, *declaration.prerequisites))
    found = {fp: records[fp] for fp in known if fp in records and records[fp].status == "finished"}
    own = {fp: why for fp, record in found.items() if (why := collapse(record.metrics, record.warnings))}
    measurements = [fp for fp, record in found.items() if "loss" not in record.metrics]
    needed = {fp: [own[need] for need in declaration.needs.get(fp, ()) if need in own] for fp in measurements}
    return own | {fp: whys[-1] for fp, whys in needed.items() if whys}


def _ran_away(metrics: Mapping[str, float], warnings: Iterable[str]) -> list[str]:
    """Each quantity that did, and its value.

    Of sigma the geometric mean over points counts: single points reach an end in trainings that go well.
    """
    past = {name: f"{name} = {value:.3g}" for name, value in past_limits(metrics).items()}
    past |= {name: warning for warning in warnings if (name := warning.split(" = ")[0]) in LIMITS}
    if "log_sigma" not in metrics:
        return list(past.values())
    sigma = math.exp(min(metrics["log_sigma"], 0.0))
    at_end = [] if SIGMA[0] <= sigma <= SIGMA[1] else [f"mean sigma = {sigma:.3g}"]
    return [*(text for name, text in past.items() if name not in ("sigma_min", "sigma_max")), *at_end]


def _at_chance(metrics: Mapping[str, float]) -> str:
    """The metric that is at chance, and its value; empty where none is."""
    for name, high in HIGHEST_AT_CHANCE.items():
        if name in metrics and metrics[name] <= high:
            return f"{name} {metrics[name]:.1f}"
    lowest = dict(LOWEST_AT_CHANCE)
    if MEAN_POSE in metrics:
        lowest["MPJPE"] = NEAR * metrics[MEAN_POSE]
    reached = [name for name, low in lowest.items() if name in metrics and metrics[name] >= low]
    return f"{reached[0]} {metrics[reached[0]]:.1f}" if reached else ""
