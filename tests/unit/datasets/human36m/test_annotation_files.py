"""Human3.6M's files in both layouts: protocol 2, both readings of t, what is said of a wrong record."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.human36m import annotation_files
from datasets.human36m.annotation_files import SAMPLES, SUBJECTS
from datasets.synthetic.people.write_human36m import Human36MPeople, write
from tests.support.errors import refused

PEOPLE = Human36MPeople(train=2, val=8, side=32)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated") / "human36m"
    write(PEOPLE, folder, workers=1)
    return folder


@pytest.fixture
def root(generated: Path, tmp_path: Path) -> Path:
    """A set whose annotations a test may change."""
    shutil.copytree(generated / "annotations", tmp_path / "annotations")
    (tmp_path / "images").symlink_to(generated / "images")
    return tmp_path


def path(root: Path, kind: str, subject: int = 5) -> Path:
    return root / "annotations" / f"Human36M_subject{subject}_{kind}.json"


def edit(file: Path, change: Callable[[Any], Any]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def as_samples(root: Path) -> None:
    """The authors' two files in place of the release's, thinned out as they are."""
    for split, subjects in SUBJECTS.items():
        images, annotations = [], []
        for subject in subjects:
            data, camera, joints = (
                json.loads(path(root, kind, subject).read_text()) for kind in ("data", "camera", "joint_3d")
            )
            for image, annotation in zip(data["images"], data["annotations"], strict=True):
                frame = joints[str(image["action_idx"])][str(image["subaction_idx"])][str(image["frame_idx"])]
                calibration = camera[str(image["cam_idx"])]
                R, t = np.array(calibration["R"]), np.array(calibration["t"])
                images.append({key: image[key] for key in ("file_name", "width", "height", "id")})
                annotations.append(
                    {
                        "image_id": annotation["image_id"],
                        "bbox": annotation["bbox"],
                        "cam_param": {**calibration, "t": (-R.T @ t).tolist()},  # its position
                        "keypoints_world": frame,
                    }
                )
        name = root / "annotations" / SAMPLES[split]
        name.write_text(json.dumps({"images": images, "annotations": annotations}))
    for file in (root / "annotations").glob("Human36M_*"):
        file.unlink()


# --- what the files mean ---


def test_both_layouts_and_both_readings_of_t_give_the_same_frames(root: Path) -> None:
    release = annotation_files.read(root, annotation_files.find_layout(root))
    as_samples(root)
    assert annotation_files.find_layout(root) == "sample"
    samples = annotation_files.read(root, "sample")
    for one, other in ((release.train, samples.train), (release.val, samples.val)):
        assert one.id.tolist() == other.id.tolist()
        assert one.left_out == other.left_out
        np.testing.assert_array_equal(one.corners, other.corners)
        np.testing.assert_allclose(
            one.cameras.image(one.cameras.view(one.world)),
            other.cameras.image(other.cameras.view(other.world)),
            atol=1e-6,
        )


def test_every_fifth_frame_trains_and_every_64th_tests(root: Path) -> None:
    def shift(step: int) -> Callable[[Any], None]:
        def change(data: Any) -> None:
            for image in data["images"][:4]:
                image["frame_idx"] += step

        return change

    before = annotation_files.read(root, "posenet")
    edit(path(root, "data", 5), shift(4))
    edit(path(root, "data", 11), shift(5))
    after = annotation_files.read(root, "posenet")
    assert len(before.train.id) - len(after.train.id) == len(before.val.id) - len(after.val.id) == 4


def test_subjects_of_protocol_two_alone_are_read(root: Path) -> None:
    found = annotation_files.read(root, "posenet")
    names = {split: {p.path.name[:4] for p in getattr(found, split).pictures} for split in ("train", "val")}
    assert names == {"train": {"s_01", "s_05", "s_06", "s_07", "s_08"}, "val": {"s_09", "s_11"}}


def test_the_excluded_sequences_are_left_out_and_counted(root: Path) -> None:
    found = annotation_files.read(root, "posenet")
    assert not any("s_09_act_05_subact_02" in p.path.name for p in found.val.pictures)
    assert any("s_11_act_05_subact_02" in p.path.name for p in found.val.pictures)
    assert found.val.left_out == {"of excluded sequences": 4}


def test_a_box_with_next_to_nothing_in_its_picture_is_left_out_and_counted(root: Path) -> None:
    edit(path(root, "data"), lambda data: data["annotations"][1].update(bbox=[5.0, 3.0, 1.0, 20.0]))
    found = annotation_files.read(root, "posenet")
    assert found.train.left_out == {"with an empty box": 1}


def test_boxes_are_clipped_to_their_pictures(root: Path) -> None:
    edit(path(root, "data", 1), lambda data: data["annotations"][0].update(bbox=[-5.0, 2.0, 200.0, 20.0]))
    found = annotation_files.read(root, "posenet")
    assert found.train.corners[0].tolist() == [0.0, 2.0, 31.0, 21.0]


def test_the_digest_knows_annotations_and_pictures(root: Path, generated: Path) -> None:
    before = annotation_files.read(root, "posenet").digest()
    assert annotation_files.read(generated, "posenet").digest() == before
    edit(path(root, "camera"), lambda camera: camera["2"].update(f=[57.0, 57.5]))
    assert annotation_files.read(root, "posenet").digest() != before


# --- what is wrong ---

Case = tuple[str, Callable[[Any], Any], str, str]

WRONG: dict[str, Case] = {
    "an image without a frame": (
        "data",
        lambda d: d["images"][2].pop("frame_idx"),
        "images[2]",
        "missing-field",
    ),
    "an image without a file": (
        "data",
        lambda d: d["images"][2].pop("file_name"),
        "images[2]",
        "missing-field",
    ),
    "a width of nothing": ("data", lambda d: d["images"][2].update(width=0), "images[2]", "out-of-range"),
    "an image without its box": (
        "data",
        lambda d: d["annotations"].pop(2),
        "images[2]",
        "unknown-image",
    ),
    "a box of three": ("data", lambda d: d["annotations"][2]["bbox"].pop(), "annotations[2]", "wrong-length"),
    "a box outside its picture": (
        "data",
        lambda d: d["annotations"][2].update(bbox=[-50.0, 3.0, 20.0, 20.0]),
        "images[2]",
        "box-outside",
    ),
    "an id that occurs twice": (
        "data",
        lambda d: d["images"][2].update(id=d["images"][1]["id"]),
        "images[2]",
        "repeated-id",
    ),
    "a camera that isn't there": ("camera", lambda d: d.pop("3"), "", "missing-field"),
    "a camera without t": ("camera", lambda d: d["3"].pop("t"), "3", "not-a-list"),
    "a rotation that isn't one": (
        "camera",
        lambda d: d["3"]["R"].__setitem__(0, [2.0, 0.0, 0.0]),
        "3",
        "not-a-rotation",
    ),
    "a mirrored rotation": (
        "camera",
        lambda d: d["3"].update(R=(-np.array(d["3"]["R"])).tolist()),
        "3",
        "not-a-rotation",
    ),
    "a focal length below zero": ("camera", lambda d: d["3"].update(f=[-1.0, 2.0]), "3", "not-positive"),
    "a camera elsewhere": (
        "camera",
        lambda d: d["3"].update(t=[3000.0, 9.0, 5000.0]),
        "3",
        "wrong-camera",
    ),
    "a pose that isn't there": ("joint_3d", lambda d: d["2"]["1"].pop("0"), "[2][1][0]", "not-a-list"),
    "a pose of 16": ("joint_3d", lambda d: d["2"]["1"]["0"].pop(), "[2][1][0]", "wrong-length"),
    "a joint that is NaN": (
        "joint_3d",
        lambda d: d["2"]["1"]["0"][4].__setitem__(1, float("nan")),
        "[2][1][0]",
        "not-finite",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_record_is_named_with_its_file_and_field(root: Path, case: str) -> None:
    kind, change, record, code = WRONG[case]
    edit(path(root, kind), change)
    with refused(code) as caught:
        annotation_files.read(root, "posenet")
    assert caught.value.path == str(path(root, kind))
    assert caught.value.record.split(" (id")[0] == record


SAMPLE_WRONG: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "no joints": (
        lambda d: d["annotations"][1].pop("keypoints_world"),
        "images[1]",
        "missing-field",
    ),
    "no camera": (lambda d: d["annotations"][1].pop("cam_param"), "images[1]", "missing-field"),
    "a camera without R": (
        lambda d: d["annotations"][1]["cam_param"].pop("R"),
        "images[1].cam_param",
        "not-a-list",
    ),
    "one annotation less": (lambda d: d["annotations"].pop(), "", "wrong-length"),
}


@pytest.mark.parametrize("case", SAMPLE_WRONG)
def test_a_wrong_sample_is_named_with_its_file_and_field(root: Path, case: str) -> None:
    change, record, code = SAMPLE_WRONG[case]
    as_samples(root)
    edit(root / "annotations" / SAMPLES["val"], change)
    with refused(code) as caught:
        annotation_files.read(root, "sample")
    assert caught.value.path.endswith(SAMPLES["val"])
    assert caught.value.record.split(" (id")[0] == record


def test_joints_in_metres_are_told(root: Path) -> None:
    def metres(poses: Any) -> None:
        for sequences in poses.values():
            for poses_by_frame in sequences.values():
                for frame in poses_by_frame:
                    poses_by_frame[frame] = (np.array(poses_by_frame[frame]) / 1000).tolist()

    for subject in (1, 5, 6, 7, 8):
        edit(path(root, "joint_3d", subject), metres)
    with refused("not-mm"):
        annotation_files.read(root, "posenet")


def test_a_missing_file_or_picture_is_named(root: Path) -> None:
    found = annotation_files.read(root, "posenet")
    (root / "images").unlink()
    with refused("broken-records"):
        found.digest()
    path(root, "joint_3d", 8).unlink()
    with refused("missing-file"):
        annotation_files.read(root, "posenet")
    path(root, "data", 1).unlink()
    with refused("no-annotations"):
        annotation_files.find_layout(root)


def test_lens_distortion_is_read_where_it_is_told(root: Path) -> None:
    edit(
        path(root, "camera", 1), lambda d: d["1"].update(k=[[-0.2], [0.24], [-0.003]], p=[[-0.001], [0.002]])
    )
    cameras = annotation_files.read(root, "posenet").train.cameras
    assert cameras.radial[0].tolist() == [-0.2, 0.24, -0.003]
    assert cameras.tangential[0].tolist() == [-0.001, 0.002]
    assert not cameras.radial[1].any()
