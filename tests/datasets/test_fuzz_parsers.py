"""Annotations spoiled at random: what is read of them is sound, or a DataError says what is wrong."""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from datasets import coco_samples, human36m_files, mpii_files, mpii_people
from datasets.coco import CocoFolder, CocoKeypoints
from datasets.contract import Place
from datasets.errors import DataError
from datasets.human36m import Human36MFolder, Human36MPose
from datasets.json_file import Record
from datasets.mpii_people import JOINTS
from datasets.retina_files import read_subject
from datasets.synthetic.write_human36m import Human36MPeople, write

ROOT = Path(__file__).parents[2]
K = len(JOINTS)


def deep(levels: int) -> Any:
    nested: Any = 1
    for _ in range(levels):
        nested = [nested]
    return nested


NUMBERS = st.sampled_from(
    [0, -1, 1, 7, 10**9, 2**53 + 1, 2**63, 10**18, 10**300, 0.5, -0.0, 1e14, 1e-300, 1e300]
) | (st.sampled_from([float("nan"), float("inf"), -float("inf"), True, False]))
ODD = (
    NUMBERS
    | st.none()
    | st.sampled_from(
        [
            "",
            "x",
            "\0",
            "\ud800",
            "../a.png",
            "/",
            "é" * 300,
            "7",
            {},
            [],
            [[]],
            {"a": {}},
            deep(300),
            deep(700),
        ]
    )
    | st.lists(NUMBERS, max_size=5)
)
quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> str:
    """The document with up to three fields gone, changed or repeated; perhaps cut off."""
    document = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(1, 3))):
        spoil(draw, document)
    text = json.dumps(document)
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 9)) == 0 else text


def spoil(draw: st.DrawFn, document: Any) -> None:
    """Go down into the document and do one thing wrong there."""
    while True:
        keys = list(document) if isinstance(document, dict) else list(range(len(document)))
        if not keys:
            return
        key = draw(st.sampled_from(keys[:40]))
        inner = document[key]
        if isinstance(inner, dict | list) and inner and draw(st.integers(0, 4)):
            document = inner
            continue
        match draw(st.sampled_from(["change", "drop", "repeat"])):
            case "drop":
                del document[key]
            case "repeat" if isinstance(document, list):
                document.append(inner)
            case _:
                document[key] = draw(ODD)
        return


def outcome(read: Callable[[], Any]) -> Any:
    """What it reads, or None after a DataError that names a file; numpy must not complain."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return read()
        except DataError as error:
            assert error.path and len(str(error)) < 3000  # noqa: PT017, PT018
            return None


# --- COCO ---

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


@quick
@given(text=spoiled(COCO), skip=st.booleans())
def test_a_spoiled_coco_file_is_prepared_soundly_or_refused(
    coco: Path, tmp_path_factory: Any, text: str, skip: bool
) -> None:
    (coco / "annotations" / "train.json").write_text(text)
    place = Place(tmp_path_factory.mktemp("cache"), coco)

    def read() -> Any:
        data = CocoKeypoints(source=CocoFolder.bind(coco, sigmas=None, skip_broken=skip), size=(32, 24))
        data.prepare(place)
        return data.open(place, 0).train

    train = outcome(read)
    if train is not None:
        batch = train.__getitems__([(0, index) for index in range(len(train))])
        assert np.isfinite(batch.target.numpy()).all()
    (coco / "annotations" / "train.json").write_text(json.dumps(COCO))


@quick
@given(text=spoiled(COCO))
def test_what_is_sifted_from_a_spoiled_coco_file_fits_together(coco: Path, text: str) -> None:
    (coco / "annotations" / "train.json").write_text(text)
    found = outcome(lambda: coco_samples.sift_set(coco))
    if found is not None:
        samples, annotations = found[0].train.samples, found[0].train.annotations
        assert len(set(annotations.id.tolist())) == len(annotations.id)
        assert (samples.picture < len(annotations.pictures)).all()
        assert np.isfinite(samples.points).all() and np.isfinite(samples.corners).all()  # noqa: PT018
        outcome(lambda: coco_samples.read(coco))
    (coco / "annotations" / "train.json").write_text(json.dumps(COCO))


@quick
@given(text=spoiled(BOXES))
def test_spoiled_detections_give_boxes_in_pictures_or_are_refused(coco: Path, text: str) -> None:
    path = coco / "boxes.json"
    path.write_text(text)
    found = outcome(lambda: coco_samples.read(coco, path))
    if found is not None:
        assert np.isfinite(found.val.samples.score).all()
        assert (found.val.samples.corners[:, :2] <= found.val.samples.corners[:, 2:]).all()


# --- MPII ---

LISTED = {
    "image": "a.png",
    "center": [32.0, 24.0],
    "scale": 0.2,
    "joints": [[10.0, 12.0]] * K,
    "joints_vis": [1] * K,
}
NAMES = [
    "rank",
    "rkne",
    "rhip",
    "lhip",
    "lkne",
    "lank",
    "p",
    "t",
    "n",
    "head",
    "rwri",
    "relb",
    "rsho",
    "lsho",
    "lelb",
    "lwri",
]
TRUTH = {
    "pos_gt_src": np.tile([10.0, 12.0], (K, 1))[:, :, None].repeat(2, 2),
    "headboxes_src": np.array([[1.0, 2.0], [5.0, 6.0]])[:, :, None].repeat(2, 2),
    "jnt_missing": np.zeros((K, 2)),
    "dataset_joints": np.array(NAMES, object)[None],
}


@pytest.fixture(scope="module")
def mpii(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    root = tmp_path_factory.mktemp("mpii")
    (root / "annot").mkdir()
    (root / "images").mkdir()
    Image.new("RGB", (64, 48)).save(root / "images" / "a.png")
    for name in ("train", "valid"):
        (root / "annot" / f"{name}.json").write_text(json.dumps([LISTED] * 2))
    savemat(root / "annot" / "gt_valid.mat", TRUTH)
    return root


def sound_mpii(root: Path, form: Any) -> None:
    found = outcome(lambda: mpii_files.sift_set(root, form))
    if found is not None:
        benchmark, _ = found
        for people in (benchmark.train, benchmark.val):
            assert len(people.id) == len(people.record) == len(people.points)
            assert np.isfinite(people.points).all() and (people.scale > 0).all()  # noqa: PT018
        assert len(benchmark.heads.points) == len(benchmark.val.id)
        assert np.isfinite(benchmark.heads.points).all()
        outcome(lambda: mpii_files.survey(root, form))
        outcome(lambda: mpii_files.sift_placed(root, form, ()))
        outcome(lambda: mpii_people.digest(mpii_files.read(root, form)))


@quick
@given(text=spoiled([LISTED] * 2), split=st.sampled_from(["train", "valid"]))
def test_a_spoiled_mpii_list_gives_people_or_is_refused(mpii: Path, text: str, split: str) -> None:
    path = mpii / "annot" / f"{split}.json"
    path.write_text(text)
    sound_mpii(mpii, "list")
    path.write_text(json.dumps([LISTED] * 2))


ARRAYS = st.sampled_from(
    [
        np.zeros((0, 0)), np.ones((16, 2)), np.full((16, 2, 2), np.nan), np.full((2, 2, 2), np.inf),
        np.ones((16, 2, 2), np.complex64), np.full((16, 2, 2), 1e300), np.zeros((16, 2), np.uint8),
        "text", np.array([["a", "b"]], object), np.array([[1.0, "a"]], object), {"a": {"b": 1.0}},
        np.array([[np.zeros(2), np.zeros(3)]], object), np.float64(3), np.zeros((2, 2, 2)), np.int64(2**62),
    ]
)  # fmt: skip


@quick
@given(key=st.sampled_from(sorted(TRUTH)), value=ARRAYS, folded=st.booleans())
def test_any_variable_in_gt_valid_gives_heads_or_is_refused(
    mpii: Path, key: str, value: Any, folded: bool
) -> None:
    path = mpii / "annot" / "gt_valid.mat"
    savemat(path, {**TRUTH, key: value}, do_compression=folded)
    sound_mpii(mpii, "list")
    savemat(path, TRUTH)


MARK = {"x": 3.0, "y": 4.0, "id": 2.0}
RECTANGLE = {
    "x1": 1.0,
    "y1": 2.0,
    "x2": 3.0,
    "y2": 5.0,
    "scale": 0.2,
    "objpos": {"x": 9.0, "y": 9.0},
    "annopoints": {"point": MARK},
}
STRUCT = {
    "annolist": {"image": {"name": "a.png"}, "annorect": RECTANGLE},
    "img_train": 1.0,
    "single_person": 1.0,
}


def put(draw: st.DrawFn, fields: dict[str, Any]) -> dict[str, Any]:
    """The structure with something else somewhere in it."""
    key = draw(st.sampled_from(sorted(fields)))
    if isinstance(fields[key], dict) and draw(st.integers(0, 3)):
        return {**fields, key: put(draw, fields[key])}
    return {**fields, key: draw(ARRAYS)}


@quick
@given(data=st.data())
def test_any_field_in_mpiis_release_gives_people_or_is_refused(
    tmp_path_factory: Any, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("release")
    savemat(root / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": put(data.draw, STRUCT)})
    sound_mpii(root, "mat")


# --- Human3.6M ---


@pytest.fixture(scope="module")
def human36m(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("h36m") / "set"
    write(Human36MPeople(train=1, val=4, side=32), root, workers=1)
    return root


@settings(quick, max_examples=25)
@given(data=st.data(), kind=st.sampled_from(["data", "camera", "joint_3d"]))
def test_a_spoiled_human36m_file_gives_frames_or_is_refused(
    human36m: Path, data: st.DataObject, kind: str
) -> None:
    path = human36m / "annotations" / f"Human36M_subject9_{kind}.json"
    before = path.read_text()
    path.write_text(data.draw(spoiled(json.loads(before))))
    found = outcome(lambda: human36m_files.sift_set(human36m, "posenet"))
    if found is not None:
        frames = found[0].val
        assert len(set(frames.id.tolist())) == len(frames.id) == len(frames.pictures)
        assert np.isfinite(frames.cameras.image(frames.cameras.view(frames.world))).all()
    path.write_text(before)


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
    images = [image for image in data["images"] if image["frame_idx"] % human36m_files.EVERY[split] == 0][:3]
    boxes = {box["image_id"]: box for box in data["annotations"]}

    def annotation(image: dict[str, Any]) -> dict[str, Any]:
        pose = poses[str(image["action_idx"])][str(image["subaction_idx"])][str(image["frame_idx"])]
        return {**boxes[image["id"]], "cam_param": camera[str(image["cam_idx"])], "keypoints_world": pose}

    return {"images": images, "annotations": [annotation(image) for image in images]}


@settings(quick, max_examples=25)
@given(data=st.data())
def test_a_spoiled_sample_of_the_authors_gives_frames_or_is_refused(
    human36m: Path, tmp_path_factory: Any, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("samples")
    whole = {split: sample(human36m, split) for split in ("train", "val")}
    for split, name in human36m_files.SAMPLES.items():
        (root / name).write_text(json.dumps(whole[split]))
    (root / "images").symlink_to(human36m / "images")
    assert len(human36m_files.read(root, "sample").train.id) == 3
    (root / human36m_files.SAMPLES["train"]).write_text(data.draw(spoiled(whole["train"])))
    place = Place(root / "cache", root)

    def read() -> Any:
        prepared = Human36MPose(source=Human36MFolder.bind(root, skip_broken=True), size=(32, 32))
        prepared.prepare(place)
        return prepared.open(place, 0).train

    if (train := outcome(read)) is not None:
        assert np.isfinite(train.__getitems__([(0, 0)]).target.numpy()).all()


# --- .mat files, in a process of their own: what is spoiled may crash it ---

LAYERS = np.full((8, 6, 2), 3.0)
SCANS = {"images": np.tile(np.arange(0, 240, 2.0).reshape(20, 6, 1), (1, 1, 2)), "manualLayers1": LAYERS,
         "manualLayers2": LAYERS, "automaticLayersDME": LAYERS}  # fmt: skip

CHILD = """
import resource, sys, time, warnings
from pathlib import Path
import numpy as np
from datasets import mpii_files, mpii_mat
from datasets.errors import DataError
from datasets.retina_files import read_subject

warnings.simplefilter("error")
path, kind = Path(sys.argv[1]), sys.argv[2]
read = {
    "dme": lambda: read_subject(path.parent, 3, 1),
    "release": lambda: mpii_mat.sift_release(path, path.parent),
    "truth": lambda: mpii_files.sift_set(path.parent, "list"),
}[kind]
whole, odd = path.read_bytes(), [0, 1, 2, 4, 14, 15, 65536, 10**9, 2**31 - 1, 2**32 - 1]
read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
refused = 0
for seed in range(int(sys.argv[3])):
    rng = np.random.default_rng(seed)
    data = bytearray(whole[: rng.integers(1, len(whole))] if seed % 5 == 0 else whole)
    for place in rng.integers(0, len(data), rng.integers(1, 4)).tolist():
        if rng.random() < 0.5:
            data[place] = int(rng.integers(256))
        else:
            data[place // 4 * 4 : place // 4 * 4 + 4] = int(rng.choice(odd)).to_bytes(4, "little")
    path.write_bytes(data)
    try:
        read()
    except DataError:
        refused += 1
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert refused > 0
assert grown < 64 * 1024, f"{grown} KiB"
"""


def in_a_child(path: Path, kind: str, count: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), kind, str(count)],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("folded", [False, True])
def test_changed_bytes_in_a_subjects_file_never_crash_or_take_much_memory(
    tmp_path: Path, folded: bool
) -> None:
    path = tmp_path / "Subject_03.mat"
    savemat(path, SCANS, do_compression=folded)
    in_a_child(path, "dme", 400)


def test_changed_bytes_in_a_subjects_hdf5_never_crash_or_take_much_memory(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "Subject_03.mat", "w", userblock_size=512) as file:
        for key, value in SCANS.items():
            file[key] = value.T
    in_a_child(tmp_path / "Subject_03.mat", "dme", 400)


def test_changed_bytes_in_mpiis_release_never_crash_or_take_much_memory(tmp_path: Path) -> None:
    savemat(tmp_path / "x.mat", {"RELEASE": STRUCT})
    in_a_child(tmp_path / "x.mat", "release", 800)


def test_changed_bytes_in_gt_valid_never_crash_or_take_much_memory(mpii: Path, tmp_path: Path) -> None:
    for name in ("train", "valid"):
        (tmp_path / f"{name}.json").write_text(json.dumps([LISTED] * 2))
    savemat(tmp_path / "gt_valid.mat", TRUTH)
    in_a_child(tmp_path / "gt_valid.mat", "truth", 400)


def test_arrays_that_were_never_written_are_not_made(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "Subject_03.mat", "w") as file:
        for key in SCANS:
            file.create_dataset(key, (61, 768, 100_000), chunks=(1, 768, 496), dtype="f8")
    with pytest.raises(DataError, match="images declares 37478400000 bytes, and has 0"):
        read_subject(tmp_path, 3, 1)


@pytest.mark.parametrize("levels", [100, 100_000])
def test_cells_in_cells_end_somewhere(tmp_path: Path, levels: int) -> None:
    def element(kind: int, content: bytes) -> bytes:
        return np.array([kind, len(content)], "<u4").tobytes() + content

    head = [element(6, np.array([1, 0], "<u4").tobytes()), element(5, np.array([1, 1], "<i4").tobytes())]
    inside = 56 * levels  # each level adds its tag, and flags, dimensions and no name
    text = bytearray(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM")
    for level in range(levels):
        name = element(1, b"RELEASE\0" if level == 0 else b"")
        inside -= 56
        text += np.array([14, inside + sum(map(len, head)) + len(name)], "<u4").tobytes()
        text += b"".join(head) + name
    path = tmp_path / "mpii_human_pose_v1_u12_1.mat"
    path.write_bytes(bytes(text))
    with pytest.raises(DataError, match=r"can't be read as a \.mat file"):
        mpii_files.read(tmp_path, "mat")


def test_a_text_that_claims_a_billion_letters_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gt_valid.mat"
    savemat(path, {**TRUTH, "dataset_joints": "abcd"})
    data = path.read_bytes()
    place = data.index(np.array([5, 8, 1, 4], "<u4").tobytes())
    path.write_bytes(data[: place + 12] + np.array([10**9], "<u4").tobytes() + data[place + 16 :])
    for name in ("train", "valid"):
        (tmp_path / f"{name}.json").write_text(json.dumps([LISTED] * 2))
    with pytest.raises(DataError, match="1000000000 elements"):
        mpii_files.read(tmp_path, "list")


def test_a_bomb_does_not_unfold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.mat_file.LARGEST", 10**6)
    savemat(tmp_path / "Subject_03.mat", {**SCANS, "images": np.zeros((1000, 1000, 2))}, do_compression=True)
    with pytest.raises(DataError, match="unfolds to more"):
        read_subject(tmp_path, 3, 1)


def test_deep_json_is_refused_or_quoted_briefly() -> None:
    with pytest.raises(DataError, match="not a whole number"):
        Record(Path("a.json"), "x", {"id": deep(900)}).whole("id")
