"""Human3.6M, opened: the mixture with MPII, and the benchmark's metrics.

Shapes: B samples of a batch, N samples of a split, P = 18 points, K = 17 joints that are scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from datasets.base.kinds import Kinds
from datasets.base.pose_data import Bodies
from datasets.contract import Batch, Key, Pairs, Predictions
from datasets.crops import crop
from datasets.crops.counter_rng import uniforms
from datasets.crops.pose_split import RANGE, Crops, PoseSplit, batch, ordered
from datasets.human36m.camera import Cameras
from datasets.human36m.cameras import DEPTH, JOINTS, PELVIS, with_thorax
from datasets.human36m.kinds import human36m_kinds
from datasets.metrics import pck_mpjpe

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

FROM_MPII = (6, 2, 1, 0, 3, 4, 5, None, 8, None, 9, 13, 14, 15, 12, 11, 10, 7)
"""MPII's joint for each point; torso and nose have none."""

MIXED_ID = 2**40
"""Where the ids of mixed-in samples start: they count places in the epoch, not people."""


@dataclass(frozen=True)
class MixedSplit:
    """Human3.6M's training samples, then as many drawn from MPII at random, anew in each epoch."""

    own: PoseSplit
    mpii: PoseSplit

    def __len__(self) -> int:
        return 2 * len(self.own)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of a crop."""
        return self.own.size

    @property
    def ids(self) -> Rows:
        """(2 N,) ids of Human3.6M's pictures, then those of the places that MPII's people take."""
        return np.concatenate([self.own.ids, MIXED_ID + np.arange(len(self.own))])

    def __getitems__(self, keys: Sequence[Key]) -> Batch:
        """The samples at `keys`; image (B, H, W, 3), target and weight (B, P, 3)."""
        epochs, index = np.array(keys, np.int64).reshape(-1, 2).T
        ids = self.ids[index]
        # One number selects the person, the rest augment it: a person drawn twice is augmented twice.
        draws = uniforms(self.own.seed, epochs, ids, crop.DRAWS + 1)
        B, P = len(index), len(FROM_MPII)
        height, width = self.own.size
        crops = Crops(np.empty((B, height, width, 3), np.uint8), np.zeros((B, P, 3)), np.zeros((B, P, 3)))
        solid, flat = np.flatnonzero(index < len(self.own)), np.flatnonzero(index >= len(self.own))
        if len(solid):
            _put(crops, solid, self.own.crops(index[solid], draws[solid, :-1]))
        if len(flat):
            people = (draws[flat, -1] * len(self.mpii)).astype(np.int64)
            _put(crops, flat, as_human36m(self.mpii.crops(people, draws[flat, :-1])))
        return batch(crops, ids)


def _put(crops: Crops, rows: Rows, some: Crops) -> None:
    crops.image[rows], crops.target[rows], crops.weight[rows] = some


def as_human36m(crops: Crops) -> Crops:
    """MPII's people (B, 16, 2) as Human3.6M's points (B, 18, 3): z, torso and nose have weight 0.

    So have joints outside the crop, as everywhere in 3-D.
    """
    target, weight = (np.zeros((len(crops.target), len(FROM_MPII), 3)) for _ in range(2))
    points = [point for point, joint in enumerate(FROM_MPII) if joint is not None]
    joints = [joint for joint in FROM_MPII if joint is not None]
    inside = (np.abs(crops.target) <= RANGE).all(2, keepdims=True)
    target[:, points, :2] = crops.target[:, joints]
    weight[:, points, :2] = (crops.weight * inside)[:, joints]
    return Crops(crops.image, target, weight)


@dataclass(frozen=True)
class Human36MData:
    """An open data set, as `datasets.contract.Data`."""

    own: PoseSplit  # the training samples without what is mixed in
    train: PoseSplit | MixedSplit
    val: PoseSplit
    flip_pairs: Pairs | None

    error_unit: ClassVar[str] = "mm"

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """Protocol 2's errors in mm, both skeletons with their pelvis at the origin.

        `MPJPE` is the mean over samples and 17 joints, of which the pelvis has no error, `MPJPE without
        pelvis` over the other 16. `PA-MPJPE` is over 17 again, after the similarity transform that suits each
        person best. `MPJPE of the mean pose` is what predicting the training set's mean target would get.

        Raises:
            PredictionsError: an id is unknown, missing or repeated, a shape is wrong, or a number not finite.
        """
        predicted = self.skeletons(ordered(predictions, self.val.ids, len(FROM_MPII), 3))
        mean = np.broadcast_to(self.own.targets().mean(0), (len(self.val), len(FROM_MPII), 3))
        errors = pck_mpjpe.joint_errors(predicted, self.truth)
        return {
            "MPJPE": float(errors.mean()),
            "MPJPE without pelvis": float(np.delete(errors, PELVIS, axis=1).mean()),
            "PA-MPJPE": float(
                pck_mpjpe.joint_errors(pck_mpjpe.aligned(predicted, self.truth), self.truth).mean()
            ),
            "MPJPE of the mean pose": float(pck_mpjpe.joint_errors(self.skeletons(mean), self.truth).mean()),
        }

    def errors(self, mu: Floats) -> Floats:
        """(N, K) distances in mm, both skeletons with their pelvis at the origin."""
        return pck_mpjpe.joint_errors(self.skeletons(mu), self.truth)

    def bodies(self, mu: Floats) -> Bodies:
        """Predictions and truth (N, P, 3) in mm from the pelvis."""
        return Bodies(with_thorax(self.skeletons(mu)), with_thorax(self.truth))

    def kinds(self) -> Kinds:
        """By how the person stands to the camera, and poses far from the mean pose."""
        return human36m_kinds(self.truth)

    @property
    def truth(self) -> Floats:
        """(N, K, 3) mm, the validation set's joints from the pelvis, in each camera's frame."""
        joints = self.val.pack.arrays["joints"][:, : len(JOINTS)]
        return np.asarray(joints - joints[:, PELVIS, None])

    def skeletons(self, mu: Floats) -> Floats:
        """Joints (N, K, 3) in mm from the pelvis, of predictions (N, P, 3) in the validation set's order.

        Protocol 2 gives the true depth of the pelvis and the camera.
        """
        arrays = self.val.pack.arrays
        depth = (mu[..., 2] - mu[:, PELVIS, None, 2]) * DEPTH + arrays["joints"][:, PELVIS, None, 2]
        joints = self._cameras.lift(self.val.to_picture(mu[..., :2]), depth)[:, : len(JOINTS)]
        return np.asarray(joints - joints[:, PELVIS, None])

    @property
    def _cameras(self) -> Cameras:
        arrays = self.val.pack.arrays
        prefix = "camera_"
        return Cameras(**{key.removeprefix(prefix): arrays[key] for key in arrays if key.startswith(prefix)})
