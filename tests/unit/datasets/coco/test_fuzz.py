"""COCO's files spoiled at random: what is read of them is sound, or a DataError says what is wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from datasets.coco import samples as coco_samples
from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths
from tests.support.fuzzing import fuzzed
from tests.support.spoiling import outcome, replaced, spoiled

POINTS = [5, 6, 2, 20, 30, 1]
PERSON = {"category_id": 1, "bbox": [2.5, 3, 30, 40], "area": 500.5, "iscrowd": 0, "num_keypoints": 2}
COCO = {
    "images": [{"id": n, "file_name": f"{n}.png", "width": 64, "height": 48} for n in (1, 2)],
    "annotations": [
        {**PERSON, "id": n, "image_id": image, "keypoints": POINTS} for n, image in ((5, 1), (6, 1), (7, 2))
    ],
    "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "left_eye"], "skeleton": [[1, 2]]}],
}
BOXES = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5} for _ in range(2)]


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    root = tmp_path_factory.mktemp("coco")
    for folder in ("annotations", "train", "val"):
        (root / folder).mkdir()
    for split in ("train", "val"):
        for n in (1, 2):
            Image.new("RGB", (64, 48), (n, 9, 9)).save(root / split / f"{n}.png")
        (root / "annotations" / f"{split}.json").write_text(json.dumps(COCO))
    return root


@fuzzed("annotations", text=spoiled(COCO), skip=st.booleans())
def test_a_spoiled_coco_file_is_prepared_soundly_or_refused(
    coco: Path, tmp_path_factory: Any, text: str, skip: bool
) -> None:
    place = DataPaths(tmp_path_factory.mktemp("cache"), coco)

    def read() -> Any:
        data = CocoKeypoints(source=CocoFolder.bind(coco, sigmas=None, skip_broken=skip), size=(32, 24))
        data.prepare(place)
        return data.open(place, 0).train

    with replaced(coco / "annotations" / "train.json", text):
        train = outcome(read)
        if train is not None:
            batch = train.__getitems__([(0, index) for index in range(len(train))])
            assert np.isfinite(batch.target.numpy()).all()


@fuzzed("annotations", text=spoiled(COCO))
def test_what_is_sifted_from_a_spoiled_coco_file_fits_together(coco: Path, text: str) -> None:
    with replaced(coco / "annotations" / "train.json", text):
        found = outcome(lambda: coco_samples.parse_set(coco))
        if found is not None:
            samples, annotations = found[0].train.samples, found[0].train.annotations
            assert len(set(annotations.id.tolist())) == len(annotations.id)
            assert (samples.picture < len(annotations.pictures)).all()
            assert np.isfinite(samples.points).all() and np.isfinite(samples.corners).all()  # noqa: PT018
            outcome(lambda: coco_samples.read(coco))


@fuzzed("detections", text=spoiled(BOXES))
def test_spoiled_detections_give_boxes_in_pictures_or_are_refused(coco: Path, text: str) -> None:
    path = coco / "boxes.json"
    path.write_text(text)
    found = outcome(lambda: coco_samples.read(coco, path))
    if found is not None:
        assert np.isfinite(found.val.samples.score).all()
        assert (found.val.samples.corners[:, :2] <= found.val.samples.corners[:, 2:]).all()
