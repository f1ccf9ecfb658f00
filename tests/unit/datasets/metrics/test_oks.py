import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from datasets.keypoints import KEYPOINTS, oks_sigmas
from datasets.metrics.oks import STATISTICS, coco_average_precision, coco_truth, oks, oks_nms, pck

SIGMAS = np.array(oks_sigmas(KEYPOINTS))


def test_oks_worked_by_hand() -> None:
    truth = np.array([[0.0, 0.0], [10.0, 0.0], [50.0, 50.0]])
    predicted = truth + np.array([[3.0, 4.0], [0.0, 0.0], [1000.0, 0.0]])
    sigmas = np.array([0.05, 0.1, 0.1])
    # Distance 5, area 500: 25 / (2 · 500 · 0.1²) = 2.5. The third keypoint is not labelled.
    expected = (np.exp(-2.5) + 1) / 2
    found = oks(predicted, truth, np.array([True, True, False]), np.array(500.0), sigmas)
    assert found == pytest.approx(expected)


def test_oks_of_nothing_labelled_is_not_a_number() -> None:
    points = np.zeros((2, 3, 2))
    labelled = np.array([[True, False, False], [False, False, False]])
    found = oks(points, points, labelled, np.array([9.0, 9.0]), np.ones(3))
    np.testing.assert_array_equal(found, [1, np.nan])


def person(rng: np.random.Generator, ident: int, image: int, K: int = 17) -> dict[str, Any]:
    points = np.column_stack([rng.uniform(0, 100, (K, 2)), rng.choice([0, 1, 2], K, p=[0.2, 0.3, 0.5])])
    points[0, 2] = 2
    count = int((points[:, 2] > 0).sum())
    return {
        "id": ident, "image_id": image, "category_id": 1, "iscrowd": 0, "area": 4000.0,
        "bbox": [0, 0, 100, 100], "num_keypoints": count, "keypoints": points.reshape(-1).tolist(),
    }  # fmt: skip


def document(people: list[dict[str, Any]]) -> dict[str, Any]:
    images = [{"id": ident} for ident in sorted({p["image_id"] for p in people})]
    return {"images": images, "annotations": people, "categories": [{"id": 1, "name": "person"}]}


def result(image: int, points: np.ndarray, score: float) -> dict[str, Any]:
    keypoints = np.column_stack([points, np.ones(len(points))]).reshape(-1).tolist()
    return {"image_id": image, "category_id": 1, "keypoints": keypoints, "score": score}


def test_oks_is_that_of_pycocotools() -> None:
    rng = np.random.default_rng(0)
    truth = coco_truth(document([person(rng, 1, 1), person(rng, 2, 1)]))
    predicted = rng.uniform(0, 100, (3, 17, 2)) * 0.2 + 40
    results = truth.loadRes(
        [result(1, points, score) for points, score in zip(predicted, (3, 2, 1), strict=True)]
    )
    evaluation = COCOeval(truth, results, "keypoints")
    evaluation.evaluate()
    gt = np.array([a["keypoints"] for a in truth.dataset["annotations"]]).reshape(2, 1, 17, 3)
    ours = oks(predicted[None], gt[..., :2], gt[..., 2] > 0, np.full((2, 1), 4000.0), SIGMAS)
    np.testing.assert_allclose(evaluation.ious[1, 1], ours.T, rtol=1e-9)


def test_average_precision_worked_by_hand() -> None:
    """Two people; the surest detection is false, the second exact, the third at OKS 0.625."""
    one = np.column_stack([np.arange(4) * 10.0, np.zeros(4), np.full(4, 2)])
    two = one + np.array([0, 60, 0])
    people = [
        {
            "id": ident, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 2000.0,
            "bbox": [0, 0, 40, 70], "num_keypoints": 4, "keypoints": points.reshape(-1).tolist(),
        }
        for ident, points in ((1, one), (2, two))
    ]  # fmt: skip
    sigmas = [0.1] * 4
    half = two[:, :2].copy()
    half[0, 0] += np.sqrt(2 * 2000 * 0.04 * np.log(2))  # this keypoint's similarity is 1/2
    half[1, 0] += 1000  # and this one's 0: OKS (0.5 + 0 + 1 + 1) / 4
    found = coco_average_precision(
        coco_truth(document(people)),
        [result(1, one[:, :2] + 500, 0.9), result(1, one[:, :2], 0.8), result(1, half, 0.7)],
        sigmas,
    )
    # To OKS 0.60 both are found: precision 2/3 at every recall (made monotone). Above: 1/2 to recall 0.5.
    low, high = 2 / 3, 0.5 * 51 / 101
    assert found["AP50"] == pytest.approx(100 * low, abs=1e-6)
    assert found["AP75"] == pytest.approx(100 * high, abs=1e-6)
    assert found["AP"] == pytest.approx(100 * (3 * low + 7 * high) / 10, abs=1e-6)
    assert found["AR"] == pytest.approx(100 * (3 * 1 + 7 * 0.5) / 10)


def test_what_the_truth_does_not_define_is_left_out() -> None:
    truth = coco_truth(document([person(np.random.default_rng(0), 1, 1)]))
    found = coco_average_precision(truth, [result(1, np.zeros((17, 2)), 1.0)], SIGMAS)
    assert found["AP"] == 0
    assert set(STATISTICS) - set(found) == {"APl", "ARl"}


def test_other_numbers_of_keypoints_have_their_own_sigmas() -> None:
    rng = np.random.default_rng(0)
    truth = coco_truth(document([person(rng, n, n, K=5) for n in range(1, 4)]))
    exact = [
        result(a["image_id"], np.array(a["keypoints"]).reshape(-1, 3)[:, :2], 1.0)
        for a in truth.dataset["annotations"]
    ]
    assert coco_average_precision(truth, exact, [0.05] * 5)["AP"] == pytest.approx(100)


def test_no_detections_is_an_error() -> None:
    with pytest.raises(ValueError, match="no detections"):
        coco_average_precision(coco_truth(document([])), [], SIGMAS)


def test_evaluation_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    truth = coco_truth(document([person(np.random.default_rng(0), 1, 1)]))
    coco_average_precision(truth, [result(1, np.zeros((17, 2)), 1.0)], SIGMAS)
    assert capsys.readouterr() == ("", "")


def test_pycocotools_gives_the_reference_values(samples: Path) -> None:
    folder = samples / "oks_reference"
    truth: COCO = coco_truth(json.loads((folder / "example_coco_val.json").read_text()))
    found = coco_average_precision(
        truth, json.loads((folder / "example_coco_preds.json").read_text()), SIGMAS
    )
    expected = [0.8609, 0.9931, 0.9109, 0.7756, 0.9373, 0.8750, 1.0, 0.9167, 0.7800, 0.9429]
    np.testing.assert_allclose([found[name] for name in STATISTICS], 100 * np.array(expected), atol=0.006)


def test_without_sizes_all_people_have_the_same_precision(samples: Path) -> None:
    folder = samples / "oks_reference"
    truth = coco_truth(json.loads((folder / "example_coco_val.json").read_text()))
    results = json.loads((folder / "example_coco_preds.json").read_text())
    found = coco_average_precision(truth, results, SIGMAS)
    assert coco_average_precision(truth, results, SIGMAS, sizes=False) == {
        name: value for name, value in found.items() if name[-1] not in "ml"
    }


def test_suppression_keeps_the_best_of_duplicates_and_all_others() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.uniform(0, 100, (2, 17, 2))
    points = np.stack([one, one + 0.1, other, one + 0.2])
    kept = oks_nms(points, np.array([0.5, 0.9, 0.1, 0.7]), np.full(4, 5000.0), SIGMAS)
    assert kept.tolist() == [1, 2]


def test_suppression_starts_above_the_threshold() -> None:
    sigmas, area = np.array([0.5]), np.array([2.0, 4.0])  # the mean, 3, is the area between the two
    for similarity, kept in ((0.91, 1), (0.89, 2)):
        distance = np.sqrt(-np.log(similarity) * 2 * 3)
        points = np.array([[[0.0, 0.0]], [[distance, 0.0]]])
        assert len(oks_nms(points, np.array([2.0, 1.0]), area, sigmas)) == kept


def test_suppression_of_nothing_is_nothing() -> None:
    assert oks_nms(np.zeros((0, 17, 2)), np.zeros(0), np.zeros(0), SIGMAS).tolist() == []


def test_pck_counts_labelled_keypoints_within_reach() -> None:
    truth = np.zeros((2, 2, 2))
    predicted = np.array([[[3.0, 4.0], [0, 5.1]], [[9.0, 0], [11.0, 0]]])
    labelled = np.array([[True, True], [True, False]])
    assert pck(predicted, truth, labelled, np.array([5.0, 10.0])) == pytest.approx(100 * 2 / 3)
