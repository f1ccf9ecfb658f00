"""MPII's generated twin: labels where the joints project, alike in all three files, always the same bits."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from datasets.mpii import annotation_files, samples
from datasets.mpii.samples import JOINTS
from datasets.synthetic.people import write_mpii as twin
from datasets.synthetic.people.label_noise import LabelNoise
from datasets.synthetic.people.people import People, sample_image
from datasets.synthetic.people.scene import Framing
from datasets.synthetic.people.skeleton import INDEX
from datasets.synthetic.people.write_mpii import MpiiPeople, write
from tests.support.errors import refused

EXACT = LabelNoise(visible=0, outliers=0, hidden=0, slide=0, swapped=0, unlabelled=0)
FRAMING = Framing(width=96, height=96, figure=(50, 70), people=(0.6, 0.4), truncated=0.3)
SMALL = MpiiPeople(scenes=People(train=24, val=10, framing=FRAMING, labels=EXACT))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated") / "mpii"
    write(SMALL, folder, workers=1)
    return folder


def contents(root: Path) -> dict[str, bytes]:
    """Without the .mat files' headers, which tell the time."""
    return {
        str(path.relative_to(root)): path.read_bytes()[128 if path.suffix == ".mat" else 0 :]
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_annotations_are_the_projections_of_the_joints_in_3d(root: Path) -> None:
    found = annotation_files.read(root, "list").val
    near = 0
    for index in range(SMALL.scenes.val):
        made, _ = sample_image(SMALL.scenes, "val2017", index)
        projected = [
            made.scene.camera.project(person.joints)[[INDEX[name] for name in JOINTS]]
            for person in made.scene.people
        ]
        mine = np.flatnonzero(
            [found.pictures[p].name == f"{1_000_001 + index:09d}.jpg" for p in found.picture]
        )
        for row in mine:
            labelled = found.labelled[row]
            apart = [np.abs(found.points[row] - points)[labelled].max() for points in projected]
            near += min(apart) < 0.006  # they are written to a hundredth of a pixel
    assert near == len(found.id) > 5


def test_the_three_files_say_the_same(root: Path) -> None:
    lists, original = annotation_files.read(root, "list"), annotation_files.read(root, "mat")

    def table(*halves: samples.People) -> dict[tuple[str, float], tuple[list[float], list[bool]]]:
        return {
            (half.pictures[half.picture[i]].name, round(float(half.centre[i, 0]), 2)): (
                np.where(half.labelled[i, :, None], half.points[i], 0).round(2).ravel().tolist(),
                half.labelled[i].tolist(),
            )
            for half in halves
            for i in range(len(half.id))
        }

    assert table(lists.train, lists.val) == table(original.train, original.val)
    np.testing.assert_allclose(
        np.where(lists.val.labelled[..., None], lists.val.points - lists.val.heads.points, 0), 0, atol=1e-9
    )


def test_the_mat_has_matlabs_shape_so_that_others_code_reads_it(root: Path) -> None:
    release = loadmat(root / "annot" / "mpii_human_pose_v1_u12_1.mat")["RELEASE"]
    picture = release["annolist"][0, 0][0, 0]
    assert picture["image"]["name"][0, 0][0] == "000000001.jpg"
    point = picture["annorect"][0, 0]["annopoints"]["point"][0, 0]
    listed = json.loads((root / "annot" / "train.json").read_text())[0]
    places = {int(p["id"][0, 0]): [p["x"][0, 0], p["y"][0, 0]] for p in point[0]}
    assert places == {k: listed["joints"][k] for k in range(16) if listed["joints_vis"][k]}
    assert release["img_train"][0, 0].shape == (1, 34)


def test_gt_valid_has_the_shapes_that_others_code_indexes(root: Path) -> None:
    truth = loadmat(root / "annot" / "gt_valid.mat")
    N = len(json.loads((root / "annot" / "valid.json").read_text()))
    assert truth["pos_gt_src"].shape == (16, 2, N)
    assert truth["headboxes_src"].shape == (2, 2, N)
    assert truth["jnt_missing"].shape == (16, N)
    assert np.where(truth["dataset_joints"] == "head")[1][0] == 9


def test_head_boxes_surround_neck_and_crown(root: Path) -> None:
    found = annotation_files.read(root, "list")
    low, high = found.val.heads.boxes[:, :1], found.val.heads.boxes[:, 1:]
    parts = found.val.heads.points[:, 8:10]
    within = ((parts >= low) & (parts <= high)).all(2)
    assert within[found.val.heads.counted[:, 8:10]].all()


def test_a_standing_person_fills_about_four_fifths_of_the_crop(root: Path) -> None:
    found = annotation_files.read(root, "list").train
    whole = found.labelled.all(1)
    tall = np.ptp(found.points[whole, :, 1], axis=1) / (250 * found.scale[whole])
    assert 0.6 < np.median(tall) < 0.85


def test_label_noise_leaves_pictures_and_clean_joints_as_they_are(root: Path, tmp_path: Path) -> None:
    scenes = SMALL.scenes.model_copy(update={"labels": LabelNoise(unlabelled=0), "train": 3, "val": 2})
    write(MpiiPeople(scenes=scenes), tmp_path / "noisy", workers=1)
    assert (tmp_path / "noisy/images/000000001.jpg").read_bytes() == (
        root / "images/000000001.jpg"
    ).read_bytes()
    noisy, exact = (
        json.loads((folder / "annot" / "train.json").read_text())[0] for folder in (tmp_path / "noisy", root)
    )
    assert noisy["clean_joints"] == exact["clean_joints"]
    assert noisy["joints"] != exact["joints"]


def test_a_folder_of_another_set_is_refused_and_this_one_left_alone(root: Path) -> None:
    before = contents(root)
    write(SMALL, root, workers=1)
    assert contents(root) == before
    with refused("another-set"):
        write(SMALL.model_copy(update={"version": 2}), root, workers=1)


def test_joints_have_the_same_names_as_in_the_loader() -> None:
    assert twin.JOINTS == JOINTS
    assert len(twin.SHORT_NAMES) == len(JOINTS)
