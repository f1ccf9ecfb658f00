"""The benchmarks' metrics, as pure functions.

Shapes: N instances, K keypoints. Coordinates and areas are in pixels of the picture.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Floats = NDArray[np.float64]

STATISTICS = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")
"""COCO's ten keypoint statistics, in pycocotools' order."""


def oks(
    predicted: Floats, truth: Floats, labelled: NDArray[np.bool_], area: Floats, sigmas: Floats
) -> Floats:
    """Object keypoint similarity: the mean over labelled keypoints of exp(-d² / (2 area (2 sigma)²)).

    COCO's definition (cocodataset.org, keypoints evaluation); leading dimensions broadcast.

    Args:
        predicted: (..., K, 2).
        truth: the same of the labels.
        labelled: (..., K).
        area: (...), positive.
        sigmas: (K,).

    Returns:
        (...) in [0, 1], and NaN where no keypoint is labelled.
    """
    squared = ((predicted - truth) ** 2).sum(-1)
    similar = np.exp(-squared / (2 * np.asarray(area)[..., None] * (2 * sigmas) ** 2)) * labelled
    with np.errstate(invalid="ignore"):
        return np.asarray(similar.sum(-1) / labelled.sum(-1))


def person_scores(joints: Floats, boxes: Floats) -> Floats:
    """The score of each person (N,): mean + max of the joints' scores, and the box's own.

    So the authors' code ranks people for COCO's evaluation.

    Args:
        joints: (N, K); boxes: (N,), 0 for annotated boxes.
    """
    return np.asarray(boxes + joints.mean(1) + joints.max(1))


def oks_nms(
    points: Floats, scores: Floats, areas: Floats, sigmas: Floats, threshold: float = 0.9
) -> NDArray[np.int64]:
    """Non-maximum suppression within one picture: of people with OKS above `threshold`, keep the best.

    The area between two detections is the mean of theirs, as in the authors' code and in HRNet.

    Args:
        points: (N, K, 2); scores, areas: (N,).

    Returns:
        the indices kept, best first; equal scores in their order.
    """
    everywhere = np.ones(points.shape[1], bool)
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        between = (areas[best] + areas[left]) / 2
        left = left[oks(points[left], points[best], everywhere, between, sigmas) <= threshold]
    return np.array(kept, np.int64)


def coco_truth(document: Mapping[str, Any]) -> COCO:
    """An index of ground truth for `coco_average_precision`.

    Args:
        document: COCO's JSON with images, annotations and categories; annotation ids count from 1, since
            pycocotools takes a match with annotation 0 for no match.
    """
    truth = COCO()
    truth.dataset = document
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
    return truth


def coco_average_precision(
    truth: COCO, detections: Sequence[Mapping[str, Any]], sigmas: Sequence[float], *, sizes: bool = True
) -> dict[str, float]:
    """COCO's keypoint AP and AR, computed by pycocotools.

    Args:
        detections: COCO results: image_id, category_id, keypoints (3 K numbers), score.
        sigmas: (K,) the set's constants.
        sizes: evaluate medium and large people by themselves too, which takes three times as long.

    Returns:
        STATISTICS in percent, without those that the truth doesn't define (no person of that size).

    Raises:
        ValueError: there are no detections.
    """
    if not detections:
        raise ValueError("no detections to evaluate")
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes([dict(d) for d in detections]), "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        if not sizes:
            evaluation.params.areaRng = evaluation.params.areaRng[:1]
            evaluation.params.areaRngLbl = evaluation.params.areaRngLbl[:1]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    values = zip(STATISTICS, evaluation.stats.tolist(), strict=True)
    return {name: 100 * value for name, value in values if value >= 0}


def pck(predicted: Floats, truth: Floats, labelled: NDArray[np.bool_], reach: Floats) -> float:
    """Percentage of correct keypoints: of all that are labelled, those no farther off than `reach`.

    Args:
        predicted: (N, K, 2).
        truth: the same of the labels.
        labelled: (N, K), at least one.
        reach: (N,).
    """
    near = np.linalg.norm(predicted - truth, axis=-1) <= reach[:, None]
    return float(100 * near[labelled].mean())
