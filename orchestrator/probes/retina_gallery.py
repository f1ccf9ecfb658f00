"""Predicted boundaries on test subjects' B-scans that annotations select (beside the supplement's Table 8).

Shapes: N scans, K = 8 boundaries, W columns, H rows of a crop.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datasets.retina.config import RetinaData
from datasets.retina.flatten import clean
from datasets.retina.samples import Scans as Prepared
from datasets.retina.scan_files import BOUNDARIES
from orchestrator.probes.base import Probe, ProbeError, ProbeResult, TrainedModel, known_mean
from orchestrator.probes.sigma_in_errors import half_of_errors, training_errors
from orchestrator.training.evaluation import predictions
from orchestrator.training.runtime import SingleProcess
from orchestrator.util.jpeg_text import to_text

Floats = NDArray[np.float64]

MARGIN = 0.12
"""Of a scan that is kept above and below its labels, as a share of their extent."""


class Scans(Probe):
    """Four test scans with predicted and labelled boundaries, and how good the predictions are."""

    kind: Literal["scans"] = "scans"

    def measure(self, model: TrainedModel) -> ProbeResult:
        """Measure a trained model of boundaries, and select which scans are drawn.

        The metrics: `scans` is how many are shown; `error shown` their mean error and `error` that of the
        test set, over labels, in micrometres. `in band` is the percentage of the test set's labels that lie
        in the band drawn for them, mu ± c sigma with one c for each boundary, by which it holds half of the
        labels of training scans. Without a predicted scale there is none.

        Raises:
            TypeError: the data set has no boundaries.
            ProbeError: a prediction is not finite.
        """
        if not isinstance(model.data, RetinaData):
            raise TypeError(f"{model.experiment.data.name} has no boundaries")
        scans, places = model.data.val.scans, model.data.val.places
        boundaries = _boundaries(model, model.data)
        rows = select_scans(scans, places)
        shown = [
            {"where": where, **_drawn(scans, int(places[row]), boundaries.of(row))}
            for row, where in rows.items()
        ]
        metrics = {
            "scans": float(len(rows)),
            "error shown": known_mean(boundaries.um[list(rows)]),
            "error": known_mean(boundaries.um),
            "in band": boundaries.within(),
        }
        measured = {name: value for name, value in metrics.items() if np.isfinite(value)}
        return ProbeResult(measured, {"boundaries": list(BOUNDARIES), "metrics": measured, "scans": shown})


@dataclass(frozen=True)
class Boundaries:
    """Predicted and labelled rows of crops, (N, K, W) or of one scan (K, W); NaN where there is no label."""

    mu: Floats
    truth: Floats
    breadth: Floats | None  # half the height of the band in rows
    row_um: float

    def of(self, row: int) -> "Boundaries":
        """Those of one scan."""
        breadth = None if self.breadth is None else self.breadth[row]
        return replace(self, mu=self.mu[row], truth=self.truth[row], breadth=breadth)

    @property
    def um(self) -> Floats:
        """Distances in micrometres, NaN where there is no label."""
        return np.asarray(np.abs(self.mu - self.truth) * self.row_um)

    def within(self) -> float:
        """The percentage of labels that lie in their band; NaN without one."""
        if self.breadth is None:
            return float("nan")
        error = np.abs(self.mu - self.truth)
        return 100 * known_mean(np.where(np.isnan(error), np.nan, error <= self.breadth))


def _boundaries(model: TrainedModel, data: RetinaData) -> Boundaries:
    """The test set."""
    predicted = predictions(model.net, data, SingleProcess(device=model.device), model.bf16)
    if not np.isfinite(predicted.mu).all():
        raise ProbeError("predictions are not finite", code="not-finite")
    training = training_errors(model)
    breadth = None
    if training is not None and predicted.sigma is not None:
        breadth = band(predicted.sigma.astype(np.float64), factors(*training), *data.config.size)
    return Boundaries(
        mu=data.rows(predicted).astype(np.float64),
        truth=data.val.scans.rows[data.val.places].astype(np.float64),
        breadth=breadth,
        row_um=data.config.source.row_um,
    )


def factors(error: Floats, sigma: Floats, weight: Floats) -> Floats:
    """(K,) how many scales hold half of the labels of each boundary: the median of |error| / sigma.

    Args:
        error, sigma, weight: (n, P, D) of training samples, each column's boundaries side by side.
    """
    errors, sigmas, weights = (values.reshape(-1, len(BOUNDARIES)) for values in (error, sigma, weight))
    live = weights.all(1)
    columns = zip(errors[live].T, sigmas[live].T, strict=True)
    return np.array([half_of_errors(e[:, None], s[:, None]) for e, s in columns])


def band(sigma: Floats, factors: Floats, height: int, width: int) -> Floats:
    """(N, K, W) half the band's height in rows, from sigma (N, P, D) in heights of the crop (H, W)."""
    columns = sigma.reshape(len(sigma), width, len(BOUNDARIES))
    return np.asarray(np.swapaxes(columns * factors, 1, 2) * height)


def select_scans(scans: Prepared, places: NDArray[np.int64]) -> dict[int, str]:
    """Which of a split's scans are shown, as rows of the split, and where each lies in the eye.

    The middle and the first labelled scan of two subjects: that with the thickest retina, from the first
    boundary to the last, since fluid swells it, and that of median thickness among the others. Labels alone
    decide.

    Args:
        places: (N,) of the split in the arrays of `scans`.
    """
    subject, rows = scans.subject[places], scans.rows[places]
    thick = rows[:, -1] - rows[:, 0]
    thickness = {one: known_mean(thick[subject == one]) for one in np.unique(subject).tolist()}
    # A subject without a column that has both boundaries has no thickness, and comes last.
    ranked = sorted(thickness, key=lambda one: -np.nan_to_num(thickness[one], nan=-np.inf))
    others = ranked[1:]
    picked = {ranked[0]: "thickest retina"}
    if others:
        picked[others[len(others) // 2]] = "median thickness"
    selected: dict[int, str] = {}
    for one, how in picked.items():
        mine = np.flatnonzero(subject == one)
        mine = mine[np.argsort(scans.id[places][mine])]
        for row, where in ((mine[len(mine) // 2], "middle"), (mine[0], "edge")):
            selected.setdefault(int(row), f"subject {one} ({how}), {where} scan")
    return selected


def _drawn(scans: Prepared, place: int, boundaries: Boundaries) -> dict[str, Any]:
    """The part of a scan around its labels, as it was before it was flattened; rows count from its top."""
    flattening = scans.flattening(place)
    mu, truth = flattening.to_scan(boundaries.mu), flattening.to_scan(boundaries.truth)
    margin = MARGIN * float(np.nanmax(truth) - np.nanmin(truth))
    top = max(int(np.nanmin(truth) - margin), 0)
    bottom = min(int(np.nanmax(truth) + margin) + 2, flattening.height)
    drawn = {
        "id": int(scans.id[place]),
        "picture": to_text(clean(np.asarray(scans.original[place]))[top:bottom]),
        "mu": _plain(mu - top),
        "truth": _plain(truth - top),
        "error": round(known_mean(boundaries.um), 2),
    }
    return drawn if boundaries.breadth is None else {**drawn, "breadth": _plain(boundaries.breadth)}


def _plain(rows: Floats) -> list[list[float | None]]:
    """For JSON, which knows no NaN."""
    return [[None if np.isnan(value) else round(value, 2) for value in row] for row in rows.tolist()]
