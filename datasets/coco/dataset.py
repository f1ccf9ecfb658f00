"""COCO keypoints, opened: samples from the packs, and the benchmark's metrics.

Shapes: N samples of a split, K keypoints.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO

from datasets.base.kinds import Kinds
from datasets.coco.kinds import coco_kinds
from datasets.contract import Pairs, Predictions, PredictionsError
from datasets.crops.pose_split import PoseSplit, order_of
from datasets.metrics.oks import coco_average_precision, coco_truth, oks_nms, pck, person_scores

Floats = NDArray[np.float64]

REPORTED = ("AP", "AP50", "AP75", "APm", "APl", "AR")
"""Of COCO's ten statistics, those that the paper's tables are about."""

NMS_THRESHOLD = 0.9
"""OKS above which two detections are one person, as in the authors' code."""

PCK_REACH = 0.1
"""Distance at which a keypoint counts as found, as a share of the square root of the person's area."""


@dataclass(frozen=True)
class CocoData:
    """An open data set, as `datasets.contract.Data`."""

    train: PoseSplit
    val: PoseSplit
    flip_pairs: Pairs | None
    sigmas: tuple[float, ...]

    error_unit: ClassVar[str] = "% of √area"

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """COCO's evaluation of the validation set, in percent.

        A person's score is mean + max of the keypoints' scores; a detected box adds its own, and OKS-NMS
        drops duplicates (the authors' code). `AP shuffled` is the AP with these scores permuted among the
        people: what AP has over it comes from ranking. On annotated boxes there is also `PCK@0.1`: keypoints
        within 0.1 sqrt(area). What the set doesn't define, such as APm without people of that size, is left
        out.

        Raises:
            PredictionsError: an id is unknown, missing or repeated, a shape is wrong, or a number not finite.
        """
        arrays = self.val.pack.arrays
        rows = order_of(predictions, self.val.ids, len(self.sigmas), 2)
        if predictions.score.shape != predictions.mu.shape[:2] or not np.isfinite(predictions.score).all():
            raise PredictionsError(
                f"scores of shape {predictions.score.shape}, or not finite, for mu {predictions.mu.shape}"
            )
        points = self.val.to_picture(predictions.mu[rows].astype(np.float64))
        score = person_scores(predictions.score[rows].astype(np.float64), arrays["score"])
        detected = not arrays["labelled"].any()
        kept = self._without_duplicates(points, score) if detected else np.arange(len(points))
        shuffled = np.random.default_rng(0).permutation(score[kept])
        measured = self._average_precision(points, score[kept], kept)
        metrics = {name: measured[name] for name in REPORTED if name in measured}
        metrics["AP shuffled"] = self._average_precision(points, shuffled, kept, sizes=False)["AP"]
        if not detected:
            reach = PCK_REACH * np.sqrt(arrays["area"])
            metrics["PCK@0.1"] = pck(points, arrays["points"], arrays["labelled"], reach)
        return metrics

    def errors(self, mu: Floats) -> Floats:
        """(N, K) distances in percent of the square root of the person's area, NaN where not labelled."""
        arrays = self.val.pack.arrays
        distance = np.linalg.norm(self.val.to_picture(mu) - arrays["points"], axis=2)
        size = np.sqrt(np.where(arrays["area"] > 0, arrays["area"], np.nan))[:, None]
        return np.where(arrays["labelled"], 100 * distance / size, np.nan)

    def bodies(self, mu: Floats) -> None:
        """Nobody is known in 3-D."""

    def kinds(self) -> Kinds:
        """Whole and alone, in a crowd, cut off by the picture's edge, or with few labels otherwise."""
        return coco_kinds(self.val.pack)

    def _without_duplicates(self, points: Floats, score: Floats) -> NDArray[np.int64]:
        arrays, sigmas = self.val.pack.arrays, np.array(self.sigmas)
        area = arrays["options"][:, 0, 2:].prod(1)  # of the padded crop, as in the authors' code
        order = np.argsort(arrays["image_id"], kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(arrays["image_id"][order])) + 1)
        kept = [g[oks_nms(points[g], score[g], area[g], sigmas, NMS_THRESHOLD)] for g in groups]
        return np.sort(np.concatenate(kept))

    def _average_precision(
        self, points: Floats, score: Floats, kept: NDArray[np.int64], sizes: bool = True
    ) -> dict[str, float]:
        image_ids = self.val.pack.arrays["image_id"][kept]
        rows = np.pad(points[kept], ((0, 0), (0, 0), (0, 1)), constant_values=1.0).reshape(len(kept), -1)
        columns = zip(image_ids.tolist(), rows.tolist(), score.tolist(), strict=True)
        detections = [
            {"image_id": image, "category_id": 1, "keypoints": row, "score": value}
            for image, row, value in columns
        ]
        return coco_average_precision(self._truth, detections, self.sigmas, sizes=sizes)

    @cached_property
    def _truth(self) -> COCO:
        arrays = self.val.pack.arrays
        images = [{"id": ident} for ident in arrays["truth_images"].tolist()]
        annotations = [_annotation(arrays, index) for index in range(len(arrays["truth_area"]))]
        category = {"id": 1, "name": "person"}
        return coco_truth({"images": images, "annotations": annotations, "categories": [category]})

    def __getstate__(self) -> dict[str, Any]:
        # Another process builds its own index of the truth.
        return {name: value for name, value in self.__dict__.items() if name != "_truth"}


def _annotation(arrays: Any, index: int) -> dict[str, Any]:
    return {
        "id": index + 1,  # not the file's own: see coco_truth
        "image_id": int(arrays["truth_image_id"][index]),
        "category_id": 1,
        "bbox": arrays["truth_box"][index].tolist(),
        "area": float(arrays["truth_area"][index]),
        "iscrowd": int(arrays["truth_crowd"][index]),
        "num_keypoints": int(arrays["truth_count"][index]),
        "keypoints": arrays["truth_keypoints"][index].reshape(-1).tolist(),
    }
