"""COCO keypoints, opened: samples from the packs, and the benchmark's metrics.

Shapes: B samples of a batch, N samples of a split, K keypoints, H W pixels of a crop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools.coco import COCO

from datasets.contract import Batch, Key, Pairs, Predictions
from datasets.crops import cached_crops, crop
from datasets.crops.counter_rng import uniforms
from datasets.crops.crop import Augment
from datasets.crops.pack import Pack, open_pack
from datasets.metrics.oks import coco_average_precision, coco_truth, oks_nms, pck

Floats = NDArray[np.float64]

REPORTED = ("AP", "AP50", "AP75", "APm", "APl", "AR")
"""Of COCO's ten statistics, those that the paper's tables are about."""

NMS_THRESHOLD = 0.9
"""OKS above which two detections are one person, as in the authors' code."""

PCK_REACH = 0.1
"""Distance at which a keypoint counts as found, as a share of the square root of the person's area."""


@dataclass(frozen=True)
class CocoSplit:
    """The samples of one pack. Holds a path, not the pixels, so that it travels to workers cheaply."""

    folder: Path
    size: tuple[int, int]
    augment: Augment
    pairs: Pairs
    seed: int

    @property
    def pack(self) -> Pack:
        """The open pack, shared within the process."""
        return open_pack(self.folder)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ids(self) -> NDArray[np.int64]:
        """(N,) annotation ids, or numbers of detected boxes."""
        return np.asarray(self.pack.arrays["id"])

    def __getitems__(self, keys: Sequence[Key]) -> Batch:
        """The samples at `keys`; image (B, H, W, 3), target and weight (B, K, 2)."""
        pack = self.pack
        epochs, rows = np.array(keys, np.int64).reshape(-1, 2).T
        ids = pack.arrays["id"][rows]
        draws = uniforms(self.seed, epochs, ids, crop.DRAWS)
        place, angle, mirrored = crop.augmented(self.augment, draws, pack.arrays["options"][rows])
        maps = crop.matrices(place, angle, mirrored, self.size)
        target = crop.to_crop(maps, pack.arrays["points"][rows], self.size)
        weight = pack.arrays["labelled"][rows][:, :, None] * np.ones((1, 1, 2))
        target[mirrored] = crop.swap_pairs(target[mirrored], self.pairs)
        weight[mirrored] = crop.swap_pairs(weight[mirrored], self.pairs)
        return Batch(
            image=torch.from_numpy(cached_crops.crops(self.folder, rows, maps, self.size, self.augment)),
            target=torch.from_numpy(target.astype(np.float32)),
            weight=torch.from_numpy(weight.astype(np.float32)),
            id=torch.from_numpy(ids),
        )

    def to_picture(self, mu: Floats) -> Floats:
        """Coordinates (N, K, 2) on the split's unaugmented crops, in its order, as pixels of the pictures."""
        bodies = self.pack.arrays["options"][:, 0]
        still = np.zeros(len(bodies))
        return crop.to_picture(crop.matrices(bodies, still, still > 0, self.size), mu, self.size)


@dataclass(frozen=True)
class CocoData:
    """An open data set, as `datasets.contract.Data`."""

    train: CocoSplit
    val: CocoSplit
    flip_pairs: Pairs | None
    sigmas: tuple[float, ...]

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """COCO's evaluation of the validation set, in percent.

        A person's score is mean + max of the keypoints' scores; a detected box adds its own, and OKS-NMS
        drops duplicates (the authors' code). `AP shuffled` is the AP with these scores permuted among the
        people: what AP has over it comes from ranking. On annotated boxes there is also `PCK@0.1`: keypoints
        within 0.1 sqrt(area). What the set doesn't define, such as APm without people of that size, is left
        out.

        Raises:
            ValueError: an id is unknown, missing or repeated, a shape is wrong, or a number is not finite.
        """
        arrays = self.val.pack.arrays
        mu, confidence = _in_order(predictions, self.val.ids, len(self.sigmas))
        points = self.val.to_picture(mu)
        score = arrays["score"] + confidence.mean(1) + confidence.max(1)
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


def _in_order(predictions: Predictions, ids: NDArray[np.int64], K: int) -> tuple[Floats, Floats]:
    """mu (N, K, 2) and score (N, K), in the order of `ids`."""
    if (
        predictions.mu.shape != (len(predictions.id), K, 2)
        or predictions.score.shape != predictions.mu.shape[:2]
    ):
        raise ValueError(
            f"mu {predictions.mu.shape} and score {predictions.score.shape} of {len(predictions.id)} samples "
            f"with {K} keypoints"
        )
    order, wanted = np.argsort(predictions.id), np.argsort(ids)
    if not np.array_equal(predictions.id[order], ids[wanted]):
        given = np.unique(predictions.id)
        raise ValueError(
            f"ids of predictions: {len(np.setdiff1d(given, ids))} unknown, "
            f"{len(np.setdiff1d(ids, given))} missing, {len(predictions.id) - len(given)} repeated"
        )
    if not (np.isfinite(predictions.mu).all() and np.isfinite(predictions.score).all()):
        raise ValueError("predictions with numbers that are not finite")
    place = np.empty(len(ids), np.int64)
    place[wanted] = order
    return predictions.mu[place].astype(np.float64), predictions.score[place].astype(np.float64)
