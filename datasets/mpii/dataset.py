"""MPII, opened: samples from the packs, and the benchmark's metrics.

Shapes: N samples of a split, K = 16 joints.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datasets.base.kinds import Kinds
from datasets.contract import Pairs, Predictions
from datasets.crops.pose_split import PoseSplit, ordered
from datasets.metrics import pck_mpjpe
from datasets.mpii.kinds import mpii_kinds
from datasets.mpii.samples import JOINTS

Floats = NDArray[np.float64]

UNCOUNTED = (JOINTS.index("pelvis"), JOINTS.index("thorax"))
"""Joints that MPII's evaluation leaves out."""


@dataclass(frozen=True)
class MpiiData:
    """An open data set, as `datasets.contract.Data`."""

    train: PoseSplit
    val: PoseSplit
    flip_pairs: Pairs | None

    error_unit: ClassVar[str] = "% of the head"

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """MPII's evaluation, in percent, over all joints but pelvis and thorax.

        `PCKh@0.1` is at 0.10 of the head size; `PCKh@0.11` is what much of the code in use computes under
        that name, a row further in its table. `AUC` is the area under the PCKh curve from 0 to 0.5 by
        trapezoids, `AUC mean` the mean of its 51 points.

        Raises:
            PredictionsError: an id is unknown, missing or repeated, a shape is wrong, or a number not finite.
        """
        mu = ordered(predictions, self.val.ids, len(JOINTS), 2)
        errors, counted = self._head_errors(mu), self._counted
        curve = pck_mpjpe.pckh_curve(errors, counted, pck_mpjpe.AUC_THRESHOLDS)
        return {
            "PCKh@0.5": pck_mpjpe.pckh(errors, counted, 0.5),
            "PCKh@0.1": pck_mpjpe.pckh(errors, counted, 0.1),
            "PCKh@0.11": pck_mpjpe.pckh(errors, counted, 0.11),
            "AUC": pck_mpjpe.trapezoid_auc(curve),
            "AUC mean": pck_mpjpe.mean_auc(curve),
        }

    def errors(self, mu: Floats) -> Floats:
        """(N, K) distances in percent of the head's size, NaN where none is counted."""
        return np.where(self._counted, 100 * self._head_errors(mu), np.nan)

    def bodies(self, mu: Floats) -> None:
        """Nobody is known in 3-D."""

    def kinds(self) -> Kinds:
        """Upright, leaning, with an arm up, or with few labels."""
        return mpii_kinds(self.val.pack)

    def _head_errors(self, mu: Floats) -> Floats:
        arrays = self.val.pack.arrays
        return pck_mpjpe.head_errors(self.val.to_picture(mu), arrays["truth"], arrays["head"])

    @property
    def _counted(self) -> NDArray[Any]:
        counted: NDArray[Any] = self.val.pack.arrays["counted"].copy()
        counted[:, UNCOUNTED] = False
        return counted
