"""A validation set's people, their labelled and their predicted joints, whichever set it is.

Shapes: N people, K joints that are drawn, J joints in 3-D, H W pixels of a crop.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.coco.dataset import CocoData, CocoSplit
from datasets.contract import Predictions
from datasets.crops import crop
from datasets.crops.pose_split import PoseSplit
from datasets.human36m.cameras import JOINTS
from datasets.human36m.dataset import Human36MData
from datasets.metrics import pck_mpjpe
from datasets.mpii.config import UNCOUNTED, MpiiData
from datasets.skeleton import Skeleton, skeleton
from orchestrator.config.experiment import Experiment
from orchestrator.probes.base import ProbeError, TrainedModel
from orchestrator.probes.pose_selection import Kinds, coco_kinds, human36m_kinds, mpii_kinds
from orchestrator.util.jpeg_text import Picture

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LARGEST = 256
"""Pixels of a crop's height, as it is kept to be shown."""


@dataclass(frozen=True)
class Skeletons:
    """Skeletons in 3-D, (N, J, 3) mm from the pelvis in the camera's frame: x right, y down, z away."""

    predicted: Floats
    truth: Floats


@dataclass(frozen=True)
class PoseSamples:
    """People with predicted and labelled joints, in units of the crop: u = x / W - 0.5, v = y / H - 0.5."""

    split: CocoSplit | PoseSplit
    skeleton: Skeleton
    kinds: Kinds
    mu: Floats  # (N, K, 2)
    sigma: Floats | None  # (N, K, 2)
    score: Floats  # (N, K), higher is surer
    truth: Floats  # (N, K, 2)
    labelled: Bools  # (N, K)
    errors: Floats  # (N, joints of the benchmark) in `unit`, NaN where it counts none
    unit: str
    skeletons: Skeletons | None = None

    def picture(self, row: int) -> Picture:
        """A person's crop at the resolution of the picture, (h, w, 3), of the net's aspect ratio.

        It is no higher than `LARGEST` and no lower than what the net sees.
        """
        height, width = self.split.size
        native = self.split.pack.arrays["options"][row, 0, 3]
        tall = round(float(np.clip(native, height, max(height, LARGEST))))
        size = (tall, round(tall * width / height))
        crops = self.split.pack.crop(np.array([row]), _maps(self.split, size)[[row]], size)
        return np.asarray(crops[0])


def pose_samples(model: TrainedModel, predictions: Predictions) -> PoseSamples:
    """The people of the validation set that the model was trained with.

    Args:
        predictions: for the whole set, in its order.

    Raises:
        TypeError: the data set shows no people.
        ProbeError: the predictions are not finite, or in another order.
    """
    if not np.array_equal(predictions.id, model.data.val.ids):
        raise ProbeError("predictions are not in the order of the set", code="other-order")
    if not np.isfinite(predictions.mu).all():
        raise ProbeError("predictions are not finite", code="not-finite")
    match model.data:
        case CocoData() as data:
            return _coco(data, model.experiment, predictions)
        case MpiiData() as data:
            return _mpii(data, model.experiment, predictions)
        case Human36MData() as data:
            return _human36m(data, model.experiment, predictions)
    raise TypeError(f"{model.experiment.data.name} shows no people")


def _coco(data: CocoData, experiment: Experiment, predictions: Predictions) -> PoseSamples:
    arrays = data.val.pack.arrays
    points = data.val.to_picture(predictions.mu.astype(np.float64))
    distance = np.linalg.norm(points - arrays["points"], axis=2)
    size = np.sqrt(np.where(arrays["area"] > 0, arrays["area"], np.nan))[:, None]
    errors = np.where(arrays["labelled"], 100 * distance / size, np.nan)
    return _flat(data.val, experiment, predictions, coco_kinds(data.val.pack), errors, "% of √area")


def _mpii(data: MpiiData, experiment: Experiment, predictions: Predictions) -> PoseSamples:
    arrays = data.val.pack.arrays
    points = data.val.to_picture(predictions.mu.astype(np.float64))
    counted = arrays["counted"].copy()
    counted[:, UNCOUNTED] = False
    shares = pck_mpjpe.head_errors(points, arrays["truth"], arrays["head"])
    errors = np.where(counted, 100 * shares, np.nan)
    return _flat(data.val, experiment, predictions, mpii_kinds(data.val.pack), errors, "% of the head")


def _human36m(data: Human36MData, experiment: Experiment, predictions: Predictions) -> PoseSamples:
    truth = data.truth
    predicted = data.skeletons(predictions.mu.astype(np.float64))
    errors = pck_mpjpe.joint_errors(predicted, truth)
    skeletons = Skeletons(*(_with_thorax(joints) for joints in (predicted, truth)))
    return _flat(data.val, experiment, predictions, human36m_kinds(truth), errors, "mm", skeletons)


def _flat(
    split: CocoSplit | PoseSplit,
    experiment: Experiment,
    predictions: Predictions,
    kinds: Kinds,
    errors: Floats,
    unit: str,
    skeletons: Skeletons | None = None,
) -> PoseSamples:
    """What all sets have in common: joints in the picture."""
    assert experiment.data.kind != "retina"
    arrays, sigma = split.pack.arrays, predictions.sigma
    return PoseSamples(
        split=split,
        skeleton=skeleton(experiment.data),
        kinds=kinds,
        mu=predictions.mu[..., :2].astype(np.float64),
        sigma=None if sigma is None else sigma[..., :2].astype(np.float64),
        score=predictions.score.astype(np.float64),
        truth=crop.to_crop(_maps(split, split.size), arrays["points"], split.size),
        labelled=np.asarray(arrays["labelled"]),
        errors=errors,
        unit=unit,
        skeletons=skeletons,
    )


def _maps(split: CocoSplit | PoseSplit, size: tuple[int, int]) -> Floats:
    """From the crops of everybody, at any resolution, to the pictures."""
    placements = split.pack.arrays["options"][:, 0]
    still = np.zeros(len(placements))
    return crop.matrices(placements, still, still > 0, size)


def _with_thorax(joints: Floats) -> Floats:
    """The benchmark's 17 joints, and the middle of the shoulders, which a drawing goes through."""
    shoulders = [JOINTS.index("left_shoulder"), JOINTS.index("right_shoulder")]
    return np.concatenate([joints, joints[:, shoulders].mean(1, keepdims=True)], axis=1)
