"""Human3.6M's files spoiled at random: what is read is sound, or a DataError says what is wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from datasets.contract import DataPaths
from datasets.human36m import annotation_files
from datasets.human36m.config import Human36MFolder, Human36MPose
from datasets.synthetic.people.write_human36m import Human36MPeople, write
from tests.support.fuzzing import fuzzed
from tests.support.spoiling import outcome, replaced, spoiled


@pytest.fixture(scope="module")
def human36m(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("h36m") / "set"
    write(Human36MPeople(train=1, val=4, side=32), root, workers=1)
    return root


@fuzzed("annotations", 25, data=st.data(), kind=st.sampled_from(["data", "camera", "joint_3d"]))
def test_a_spoiled_human36m_file_gives_frames_or_is_refused(
    human36m: Path, data: st.DataObject, kind: str
) -> None:
    path = human36m / "annotations" / f"Human36M_subject9_{kind}.json"
    with replaced(path, data.draw(spoiled(json.loads(path.read_text())))):
        found = outcome(lambda: annotation_files.parse_set(human36m, "posenet"))
        if found is not None:
            frames = found[0].val
            assert len(set(frames.id.tolist())) == len(frames.id) == len(frames.pictures)
            assert np.isfinite(frames.cameras.image(frames.cameras.view(frames.world))).all()


def sample(human36m: Path, split: str) -> dict[str, Any]:
    """Frames of one subject as the authors' file has them."""
    data, camera, poses = (
        json.loads(
            (
                human36m / "annotations" / f"Human36M_subject{9 if split == 'val' else 1}_{kind}.json"
            ).read_text()
        )
        for kind in ("data", "camera", "joint_3d")
    )
    images = [image for image in data["images"] if image["frame_idx"] % annotation_files.EVERY[split] == 0][
        :3
    ]
    boxes = {box["image_id"]: box for box in data["annotations"]}

    def annotation(image: dict[str, Any]) -> dict[str, Any]:
        pose = poses[str(image["action_idx"])][str(image["subaction_idx"])][str(image["frame_idx"])]
        return {**boxes[image["id"]], "cam_param": camera[str(image["cam_idx"])], "keypoints_world": pose}

    return {"images": images, "annotations": [annotation(image) for image in images]}


@fuzzed("annotations", 25, data=st.data())
def test_a_spoiled_sample_of_the_authors_gives_frames_or_is_refused(
    human36m: Path, tmp_path_factory: Any, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("samples")
    whole = {split: sample(human36m, split) for split in ("train", "val")}
    for split, name in annotation_files.SAMPLES.items():
        (root / name).write_text(json.dumps(whole[split]))
    (root / "images").symlink_to(human36m / "images")
    assert len(annotation_files.read(root, "sample").train.id) == 3
    (root / annotation_files.SAMPLES["train"]).write_text(data.draw(spoiled(whole["train"])))
    place = DataPaths(root / "cache", root)

    def read() -> Any:
        prepared = Human36MPose(source=Human36MFolder.bind(root, skip_broken=True), size=(32, 32))
        prepared.prepare(place)
        return prepared.open(place, 0).train

    if (train := outcome(read)) is not None:
        assert np.isfinite(train.__getitems__([(0, 0)]).target.numpy()).all()
