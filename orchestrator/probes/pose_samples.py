"""A validation set's people, their labelled and their predicted joints, whichever set it is.

Shapes: N people, K joints that are drawn, J joints in 3-D, H W pixels of a crop.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from datasets.base.kinds import Kinds
from datasets.base.pose_data import Bodies, OpenPoses, as_poses
from datasets.contract import Predictions
from datasets.crops import crop
from datasets.crops.pose_split import PoseSplit
from datasets.skeleton import Skeleton
from orchestrator.probes.base import ProbeError, TrainedModel
from orchestrator.util.jpeg_text import Picture

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LARGEST = 256
"""Pixels of a crop's height, as it is kept to be shown."""


@dataclass(frozen=True)
class PoseSamples:
    """People with predicted and labelled joints, in units of the crop: u = x / W - 0.5, v = y / H - 0.5."""

    split: PoseSplit
    skeleton: Skeleton
    kinds: Kinds
    mu: Floats  # (N, K, 2)
    sigma: Floats | None  # (N, K, 2)
    score: Floats  # (N, K), higher is surer
    truth: Floats  # (N, K, 2)
    labelled: Bools  # (N, K)
    errors: Floats  # (N, joints of the benchmark) in `unit`, NaN where it counts none
    unit: str
    bodies: Bodies | None = None

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
    poses = as_poses(model.experiment.data)
    if poses is None:
        raise TypeError(f"{model.experiment.data.name} shows no people")
    data = cast(OpenPoses, model.data)
    split, arrays, sigma = data.val, data.val.pack.arrays, predictions.sigma
    mu = predictions.mu.astype(np.float64)
    return PoseSamples(
        split=split,
        skeleton=poses.skeleton,
        kinds=data.kinds(),
        mu=mu[..., :2],
        sigma=None if sigma is None else sigma[..., :2].astype(np.float64),
        score=predictions.score.astype(np.float64),
        truth=crop.to_crop(_maps(split, split.size), arrays["points"], split.size),
        labelled=np.asarray(arrays["labelled"]),
        errors=data.errors(mu),
        unit=data.error_unit,
        bodies=data.bodies(mu),
    )


def _maps(split: PoseSplit, size: tuple[int, int]) -> Floats:
    """From the crops of everybody, at any resolution, to the pictures."""
    placements = split.pack.arrays["options"][:, 0]
    still = np.zeros(len(placements))
    return crop.matrices(placements, still, still > 0, size)
