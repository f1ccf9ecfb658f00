"""The errors of annotators: joints are labelled imprecisely, sometimes on the wrong side, or not at all.

The size of the errors follows COCO's own measurement of its annotators: a standard deviation of
sigma_k sqrt(area) for a joint of kind k (the constants of COCO's keypoint evaluation).

Shapes: K labelled joints.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.config import Amount, Frozen
from datasets.keypoints import SIGMAS
from datasets.synthetic.people.image import Observation
from datasets.synthetic.people.poses import Probability

_ABOVE = {"elbow": "shoulder", "wrist": "elbow", "knee": "hip", "ankle": "knee"}
_FACE = ("nose", "eye", "ear")
_ARM, _LEG, _TRUNK = ("elbow", "wrist"), ("knee", "ankle"), ("shoulder", "hip")


class LabelNoise(Frozen):
    """Sizes are in units of sigma_k sqrt(area), per axis, unless noted otherwise."""

    visible: Amount = Field(0.2, ge=0.0)  # standard deviation where the joint is visible
    outliers: Probability = 0.06  # of visible joints: labelled carelessly
    outlier_factor: Amount = Field(5.0, ge=1.0)  # how much larger these errors are
    hidden: Amount = Field(0.72, ge=0.0)  # scale of Student's t where the joint is occluded
    tail: Amount = Field(2.5, gt=0.0)  # its degrees of freedom
    slide: Amount = Field(0.96, ge=0.0)  # scale of the Laplace error along an occluded limb
    swapped: Probability = 0.03  # left and right, for arms and legs each; twice that from behind
    unlabelled: Probability = 0.3  # of occluded joints of the body
    unlabelled_face: Probability = 0.79  # of occluded joints of the face


def label_observation(
    rng: np.random.Generator,
    noise: LabelNoise,
    names: tuple[str, ...],
    joints: list[int],
    observation: Observation,
    size: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The truth and the labels of K joints of a person, each (K, 3): x, y in px and COCO's flag.

    Args:
        names: (K,) as `label` takes them.
        joints: (K,) their indices in the skeleton.
        size: (width, height) px of the image, inside which all labels lie.
    """
    points, flags = observation.points[joints], observation.flags[joints]
    labelled = label(rng, noise, names, points, flags, observation.area, observation.from_behind)
    labelled[:, :2] = labelled[:, :2].clip(0.0, np.array(size) - 1.0)
    return np.column_stack([points, flags]), labelled


def label(
    rng: np.random.Generator,
    noise: LabelNoise,
    names: tuple[str, ...],
    points: NDArray[np.float64],
    flags: NDArray[np.int64],
    area: float,
    from_behind: bool,
) -> NDArray[np.float64]:
    """An annotator's labels.

    Args:
        names: (K,) joints, as `left_elbow`.
        points: (K, 2) px, the true positions.
        flags: (K,) 0 outside the image, 1 occluded, 2 visible.
        area: px² of the person that are visible.
        from_behind: the person is seen from behind.

    Returns:
        (K, 3) x, y in px and COCO's flag: 0 not labelled (then x = y = 0), 1 occluded, 2 visible.
    """
    given = np.where((flags == 1) & (rng.random(len(names)) < _unlabelled(noise, names)), 0, flags)
    labelled = np.column_stack([points + _errors(rng, noise, names, points, flags, area), given])
    labelled = labelled[_swapped_sides(rng, noise, names, from_behind)]
    labelled[labelled[:, 2] == 0] = 0.0
    return labelled


def joint_kind(name: str) -> str:
    """`left_elbow` -> `elbow`."""
    return name.rsplit("_", maxsplit=1)[-1]


def _unlabelled(noise: LabelNoise, names: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array(
        [noise.unlabelled_face if joint_kind(name) in _FACE else noise.unlabelled for name in names]
    )


def _errors(
    rng: np.random.Generator,
    noise: LabelNoise,
    names: tuple[str, ...],
    points: NDArray[np.float64],
    flags: NDArray[np.int64],
    area: float,
) -> NDArray[np.float64]:
    """(K, 2) px. Draws the same random numbers whatever the flags: no joint's error changes another's."""
    unit = np.array([SIGMAS[joint_kind(name)] for name in names]) * np.sqrt(area)
    normal = rng.standard_normal((len(names), 2))
    careless = np.where(rng.random(len(names)) < noise.outliers, noise.outlier_factor, 1.0)
    heavy = np.sqrt(noise.tail / rng.chisquare(noise.tail, len(names)).clip(1e-3))
    along = rng.laplace(0.0, noise.slide, len(names))
    visible = noise.visible * careless[:, None] * normal
    hidden = noise.hidden * heavy[:, None] * normal + along[:, None] * _limbs(names, points)
    return np.asarray(unit[:, None] * np.where(flags[:, None] == 2, visible, hidden))


def _limbs(names: tuple[str, ...], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, 2) unit vectors from the joint above to each joint of a limb; zero elsewhere."""
    directions = np.zeros((len(names), 2))
    for index, name in enumerate(names):
        if joint_kind(name) in _ABOVE:
            above = name.replace(joint_kind(name), _ABOVE[joint_kind(name)])
            limb = points[index] - points[names.index(above)]
            directions[index] = limb / max(float(np.hypot(*limb)), 1e-6)
    return directions


def _swapped_sides(
    rng: np.random.Generator, noise: LabelNoise, names: tuple[str, ...], from_behind: bool
) -> NDArray[np.int64]:
    """(K,) the joint whose label each gets. Arms, legs and, from behind, the trunk may be swapped."""
    order = np.arange(len(names))
    probability = min(1.0, noise.swapped * (2.0 if from_behind else 1.0))
    groups = (_ARM, _LEG, _TRUNK) if from_behind else (_ARM, _LEG)
    for group in groups:
        if rng.random() < probability:
            for index, name in enumerate(names):
                if joint_kind(name) in group:
                    order[index] = names.index(_mirrored(name))
    return order


def _mirrored(name: str) -> str:
    return name.replace("left_", "right_") if name.startswith("left_") else name.replace("right_", "left_")
