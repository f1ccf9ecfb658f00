"""Samples and metrics of an open data set."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.coco.dataset import CocoData
from datasets.contract import DataPaths, Predictions, PredictionsError
from datasets.crops.crop import STILL, Augment

SIZE = (48, 36)

Opener = Callable[..., CocoData]


@pytest.fixture
def opened(tree: Any, tmp_path: Path) -> Opener:
    """Opens the small set, with detections and other fields as asked."""

    def prepare(detections: list[dict[str, Any]] | None = None, seed: int = 0, **fields: Any) -> CocoData:
        path = tree.root / "detections.json"
        path.write_text(json.dumps(detections))
        source = CocoFolder.bind(tree.root, None if detections is None else path)
        data, place = (
            CocoKeypoints(source=source, **{"size": SIZE, **fields}),
            DataPaths(tmp_path / "c", tree.root),
        )
        data.prepare(place)
        return data.open(place, seed)

    return prepare


def keys(epoch: int, count: int = 8) -> list[tuple[int, int]]:
    return [(epoch, index) for index in range(count)]


def exact(data: CocoData) -> Predictions:
    batch = data.val.__getitems__(keys(0))
    mu = batch.target.numpy()
    return Predictions(batch.id.numpy(), mu, None, np.ones(mu.shape[:2], np.float32))


def test_a_batch_has_the_shapes_and_types_of_the_contract(opened: Opener) -> None:
    batch = opened().train.__getitems__(keys(0, 3))
    assert [(t.dtype, tuple(t.shape)) for t in batch] == [
        (torch.uint8, (3, 48, 36, 3)),
        (torch.float32, (3, 17, 2)),
        (torch.float32, (3, 17, 2)),
        (torch.int64, (3,)),
    ]


def test_ids_are_the_annotations_own_in_the_order_of_the_indices(tree: Any, opened: Opener) -> None:
    train = opened().train
    assert train.ids.tolist() == [a["id"] for a in tree.read("train")["annotations"]]
    assert train.__getitems__([(0, 5), (0, 2)]).id.tolist() == train.ids[[5, 2]].tolist()


def test_the_same_key_gives_the_same_bits_whatever_its_company(opened: Opener) -> None:
    train = opened().train
    whole = train.__getitems__(keys(3))
    for index in range(8):
        alone = train.__getitems__([(3, index)])
        assert all(torch.equal(a[0], b[index]) for a, b in zip(alone, whole, strict=True))


def test_epochs_and_seeds_differ(opened: Opener) -> None:
    batches = [opened(seed=seed).train.__getitems__(keys(epoch)) for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        for index in range(8):
            assert not torch.equal(batches[one].target[index], batches[other].target[index])
            assert not torch.equal(batches[one].image[index], batches[other].image[index])


def test_validation_is_never_augmented(opened: Opener) -> None:
    val = opened().val
    assert torch.equal(val.__getitems__(keys(0)).image, val.__getitems__(keys(7)).image)
    assert torch.equal(val.__getitems__(keys(0)).target, val.__getitems__(keys(7)).target)


def test_a_validation_sample_worked_by_hand(tree: Any, opened: Opener) -> None:
    val, first = opened().val, tree.read("val")["annotations"][0]
    x, y, w, h = first["bbox"]
    height = max(h - 1, (w - 1) / 0.75) * 1.25
    points = np.array(first["keypoints"]).reshape(17, 3)
    middle = np.array([x + (w - 1) / 2, y + (h - 1) / 2])
    expected = (points[:, :2] - middle) / (0.75 * height, height)
    batch, labelled = val.__getitems__([(0, 0)]), points[:, 2] > 0
    np.testing.assert_allclose(batch.target[0].numpy()[labelled], expected[labelled], atol=2e-3)
    np.testing.assert_array_equal(batch.weight[0].numpy(), np.repeat(labelled[:, None], 2, 1))
    zoom = 0.75 * height / 36
    map_ = np.array([[zoom, 0, middle[0] - 18 * zoom], [0, zoom, middle[1] - 24 * zoom]])
    pixels = np.asarray(Image.open(tree.root / "val" / "0101.png"))
    warped = cv2.warpAffine(pixels, map_, (36, 48), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    assert np.abs(warped.astype(int) - batch.image[0].numpy()).mean() < 3  # the map is rounded


def test_a_mirrored_sample_shows_left_as_right(opened: Opener) -> None:
    plain = opened(augment=STILL).train.__getitems__(keys(0))
    mirrored = opened(augment=Augment(**{**STILL.model_dump(), "flip": 1.0})).train.__getitems__(keys(0))
    order = [0, *(i + 1 if i % 2 else i - 1 for i in range(1, 17))]
    torch.testing.assert_close(mirrored.weight, plain.weight[:, order])
    expected = plain.target[:, order] * torch.tensor([-1.0, 1.0])
    seen = plain.weight[:, order] > 0
    torch.testing.assert_close(mirrored.target[seen], expected[seen], atol=1e-4, rtol=0)
    # A column to the right of the middle of one is as far to its left in the other.
    torch.testing.assert_close(
        mirrored.image[:, :, 1:].float(), plain.image.flip(2)[:, :, :-1].float(), atol=3, rtol=0
    )


def test_a_set_that_cannot_be_mirrored_never_is(tree: Any, opened: Opener) -> None:
    for split in ("train", "val"):
        tree.edit(split, lambda d: d["categories"][0]["keypoints"].__setitem__(2, "neck"))
    data = opened(augment=Augment(**{**STILL.model_dump(), "flip": 1.0}))
    assert data.flip_pairs is None
    still = opened(augment=STILL).train.__getitems__(keys(0))
    assert torch.equal(data.train.__getitems__(keys(0)).image, still.image)


def test_joints_outside_the_crop_keep_their_weight(opened: Opener) -> None:
    batch = opened(padding=0.5).val.__getitems__(keys(0))
    outside = (batch.target.abs() > 0.5).any(2) & (batch.weight[..., 0] > 0)
    assert outside.any()


def test_the_truth_scores_100_in_any_order(opened: Opener) -> None:
    data = opened()
    right = exact(data)
    order = np.random.default_rng(0).permutation(8)
    shuffled = Predictions(right.id[order], right.mu[order], None, right.score[order])
    found = data.metrics(shuffled)
    assert found == data.metrics(right)
    assert found == dict.fromkeys(
        ["AP", "AP50", "AP75", "APm", "AR", "AP shuffled", "PCK@0.1"], pytest.approx(100)
    )


def test_ap_rewards_scores_that_rank_and_shuffled_does_not(opened: Opener) -> None:
    data = opened()
    right = exact(data)
    mu, good = right.mu.copy(), np.arange(8) % 2 == 0
    mu[~good] += 0.5
    score = np.where(good, 0.9, 0.1)[:, None].repeat(17, 1).astype(np.float32)
    knows = data.metrics(Predictions(right.id, mu, None, score))
    errs = data.metrics(Predictions(right.id, mu, None, 1 - score))
    assert knows["AP"] > knows["AP shuffled"]
    assert errs["AP"] < knows["AP"]
    assert knows["PCK@0.1"] == errs["PCK@0.1"] == pytest.approx(50, abs=10)


@pytest.mark.parametrize(
    ("right_one", "wrong_ones"),
    [
        ([0.9] + [0.4] * 16, [0.5] * 17),  # by the mean alone the wrong ones would come first
        ([0.8] * 17, [1.0] + [0.3] * 16),  # by the maximum alone
    ],
)
def test_a_persons_score_is_mean_plus_max(
    opened: Opener, right_one: list[float], wrong_ones: list[float]
) -> None:
    data = opened()
    right = exact(data)
    mu, score = right.mu.copy(), np.array([right_one] + [wrong_ones] * 7, np.float32)
    mu[1:] += 0.5
    found = data.metrics(Predictions(right.id, mu, None, score))
    assert found["AP"] == pytest.approx(100 * 13 / 101, abs=0.1)  # precision 1 up to a recall of 1/8


def detections(tree: Any) -> list[dict[str, Any]]:
    """Every annotated box twice, the second time a little off and less sure; and last one of nobody."""
    people = tree.read("val")["annotations"]
    found = []
    for number, person in enumerate(people):
        (x, y, w, h), score = person["bbox"], 0.9 - 0.1 * number
        found.append({"image_id": person["image_id"], "category_id": 1, "bbox": [x, y, w, h], "score": score})
        found.append({**found[-1], "bbox": [x + 1, y, w, h], "score": score - 0.05})
    return [*found, {**found[0], "bbox": [60, 40, 50, 40], "score": 0.1}]


def on_detections(tree: Any, data: CocoData) -> Predictions:
    """The true keypoints of each box's person, in the box's crop; the middle for the box of nobody."""
    points = np.repeat(
        [np.array(a["keypoints"]).reshape(17, 3) for a in tree.read("val")["annotations"]], 2, 0
    )
    options = data.val.pack.arrays["options"][:16, 0]
    mu = (points[:, :, :2] - options[:, None, :2]) / options[:, None, 2:]
    mu = np.concatenate([mu, np.zeros((1, 17, 2))]).astype(np.float32)
    return Predictions(data.val.ids, mu, None, np.ones((17, 17), np.float32))


def test_detected_boxes_are_suppressed_and_ranked_by_their_own_score(tree: Any, opened: Opener) -> None:
    data = opened(detections(tree))
    found = data.metrics(on_detections(tree, data))
    assert found["AP"] == pytest.approx(100)  # duplicates are gone, the box of nobody comes last
    assert "PCK@0.1" not in found


def test_without_its_score_a_detected_box_of_nobody_costs_precision(tree: Any, opened: Opener) -> None:
    boxes = detections(tree)
    boxes[-1]["score"] = 5.0
    data = opened(boxes)
    assert data.metrics(on_detections(tree, data))["AP"] < 99


def spoiled(right: Predictions, **fields: Any) -> Predictions:
    return Predictions(**{"id": right.id, "mu": right.mu, "sigma": None, "score": right.score, **fields})


def test_predictions_that_do_not_fit_are_refused(opened: Opener) -> None:
    data = opened()
    right = exact(data)
    nan = right.mu.copy()
    nan[3, 4, 1] = np.nan
    for wrong in (
        spoiled(right, id=right.id + 1),
        spoiled(right, id=right.id[[0, *range(7)]]),
        Predictions(right.id[1:], right.mu[1:], None, right.score[1:]),
        spoiled(right, mu=right.mu[:, :16]),
        spoiled(right, score=right.score[:, :1]),
        spoiled(right, mu=nan),
    ):
        with pytest.raises(PredictionsError):
            data.metrics(wrong)


def test_an_annotation_with_id_0_counts_like_any_other(tree: Any, opened: Opener) -> None:
    tree.edit("val", lambda d: d["annotations"][0].update(id=0))
    data = opened()
    assert data.metrics(exact(data))["AP"] == pytest.approx(100)


def test_a_data_set_that_has_measured_can_be_sent_to_another_process(opened: Opener) -> None:
    import pickle

    data = opened()
    found = data.metrics(exact(data))
    sent = pickle.dumps(data)
    assert len(sent) < 5000
    assert pickle.loads(sent).metrics(exact(data)) == found
