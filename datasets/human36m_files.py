"""Human3.6M on the disk: the PoseNet release's files or the authors' samples, checked record by record.

Both derive from the same pictures (`s_01_act_02_subact_01_ca_01_000001.jpg`) and the same joints in the
world; protocol 2 decides which are used.

Shapes: N frames, K = 17 joints.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets import json_file
from datasets.camera import Cameras
from datasets.errors import DataError
from datasets.human36m_cameras import JOINTS, calibrated
from datasets.json_file import Record
from datasets.pack import PictureFile

Floats = NDArray[np.float64]

Layout = Literal["posenet", "sample"]

SUBJECTS = {"train": (1, 5, 6, 7, 8), "val": (9, 11)}
"""Protocol 2."""

EVERY = {"train": 5, "val": 64}
"""Of so many frames one is used."""

EXCLUDED = ("s_09_act_05_subact_02", "s_09_act_10_subact_02", "s_09_act_13_subact_01")
"""Test sequences whose joints lie off the pictures; the authors' code drops them."""

SAMPLES = {
    "train": "Sample_trainmin_train_Human36M_protocol_2.json",
    "val": "Sample_64_test_Human36M_protocol_2.json",
}
_TALL = (200.0, 3000.0)
"""mm: what people span, at the median. Metres or inches in a file would show here."""

_KINDS = ("data", "camera", "joint_3d")
_FOLDERS = ("annotations", ".")


@dataclass(frozen=True, eq=False)
class Frames:
    """One split: pictures of one person each. Lengths in millimetres, pixels from 0."""

    path: Path
    pictures: tuple[PictureFile, ...]  # N
    id: NDArray[np.int64]  # (N,)
    corners: Floats  # (N, 4) x1, y1, x2, y2 of the person's box, inside the picture
    world: Floats  # (N, K, 3)
    cameras: Cameras  # N
    left_out: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Both splits, and the files that they were read from."""

    train: Frames
    val: Frames
    files: tuple[Path, ...]


class _Frame(NamedTuple):
    """What is written about one picture, checked but for its camera's reading."""

    image: Record
    id: int
    file: PictureFile
    box: list[float]
    world: list[list[float]]
    camera: Record


def find_layout(root: Path) -> Layout:
    """`posenet` where that release's files are there, or else `sample`.

    Raises:
        DataError: neither is there.
    """
    if _where(root, _name(SUBJECTS["train"][0], "data")):
        return "posenet"
    if _where(root, SAMPLES["val"]):
        return "sample"
    raise DataError(
        root,
        f"has neither {_name(1, 'data')} nor {SAMPLES['val']}",
        remedy="Put the annotations into annotations/ in there",
    )


def read(root: Path, layout: Layout) -> Benchmark:
    """Read both splits, without opening their pictures.

    Raises:
        DataError: a file is missing, or a record is wrong; names file, record and field.
    """
    names = {
        split: [_name(subject, kind) for subject in SUBJECTS[split] for kind in _KINDS]
        if layout == "posenet"
        else [SAMPLES[split]]
        for split in SUBJECTS
    }
    files = {split: [_file(root, name) for name in wanted] for split, wanted in names.items()}
    read_frames = _posenet if layout == "posenet" else _sample
    train, val = (_table(read_frames(root, split, files[split]), files[split][0], split) for split in files)
    return Benchmark(train, val, (*files["train"], *files["val"]))


def _posenet(root: Path, split: str, files: Sequence[Path]) -> Iterator[_Frame]:
    """The used frames of a split, from three files for each subject."""
    for start in range(0, len(files), len(_KINDS)):
        data, camera, joints = files[start : start + len(_KINDS)]
        document = _document(data)
        boxes = {record.whole("image_id"): record for record in document.records("annotations")}
        cameras, poses = _document(camera), _document(joints)
        for image in document.records("images"):
            if image.whole("frame_idx") % EVERY[split]:
                continue
            ident = image.whole("id")
            if ident not in boxes:
                raise image.wrong("no annotation has its id as image_id")
            yield _Frame(
                image=image,
                id=ident,
                file=_picture(root, image),
                box=boxes[ident].row("bbox", 4),
                world=_pose(poses, image),
                camera=_inner(cameras, str(image.whole("cam_idx"))),
            )


def _sample(root: Path, split: str, files: Sequence[Path]) -> Iterator[_Frame]:
    """The frames of an authors' file, in which images and annotations go in pairs; already thinned out."""
    document = _document(files[0])
    images, annotations = document.records("images"), document.records("annotations")
    if len(images) != len(annotations):
        raise DataError(
            files[0],
            f"has {len(images)} images for {len(annotations)} annotations, which go in pairs",
            remedy="Get the file again",
        )
    for image, annotation in zip(images, annotations, strict=True):
        both = Record(image.path, image.name, {**image.fields, **annotation.fields})
        yield _Frame(
            image=both,
            id=both.whole("image_id"),
            file=_picture(root, image),
            box=both.row("bbox", 4),
            world=_places(both, both.fields.get("keypoints_world"), "keypoints_world"),
            camera=_inner(both, "cam_param"),
        )


def _pose(poses: Record, image: Record) -> list[list[float]]:
    """The joints that were recorded when the picture was taken."""
    path = [str(image.whole(key)) for key in ("action_idx", "subaction_idx", "frame_idx")]
    found: Any = poses.fields
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return _places(Record(poses.path, f"[{']['.join(path)}]", {}), found, "the pose")


def _places(record: Record, value: Any, key: str) -> list[list[float]]:
    if not isinstance(value, list) or len(value) != len(JOINTS):
        raise record.wrong(f"{key} is not a list of {len(JOINTS)} joints")
    return [record.numbers(row, f"{key}[{index}]", 3) for index, row in enumerate(value)]


def _picture(root: Path, image: Record) -> PictureFile:
    path = root / "images" / image.text("file_name")
    return PictureFile(path, image.whole("width", 1), image.whole("height", 1))


def _inner(record: Record, key: str) -> Record:
    fields = record.fields.get(key)
    if not isinstance(fields, dict):
        raise record.wrong(f"has no object {key}")
    return Record(record.path, f"{record.name}.{key}".lstrip("."), fields)


def _table(frames: Iterable[_Frame], path: Path, split: str) -> Frames:
    """The frames that the protocol uses, as arrays.

    Raises:
        DataError: an id stands twice, or nothing is left.
    """
    used, left_out = [], {"of excluded sequences": 0, "with an empty box": 0}
    for frame in frames:
        if split == "val" and any(name in frame.file.path.name for name in EXCLUDED):
            left_out["of excluded sequences"] += 1
        elif _corners(frame) is None:
            left_out["with an empty box"] += 1
        else:
            used.append(frame)
    if not used:
        raise DataError(path, f"no frame of it is used ({left_out})", remedy="Use the whole set")
    seen: set[int] = set()
    for frame in used:
        if frame.id in seen:
            raise frame.image.wrong(f"its image id, {frame.id}, stands twice in the split")
        seen.add(frame.id)
    world = np.array([frame.world for frame in used], np.float64)
    boxes = np.array([frame.box for frame in used], np.float64)
    span = np.median(np.ptp(world, axis=1).max(1))
    if not _TALL[0] < span < _TALL[1]:
        raise DataError(path, f"people span {span:g} in the world, not mm", remedy="Give joints in mm")
    return Frames(
        path=path,
        pictures=tuple(frame.file for frame in used),
        id=np.array([frame.id for frame in used], np.int64),
        corners=np.array([_corners(frame) for frame in used], np.float64),
        world=world,
        cameras=calibrated([frame.camera for frame in used], world, boxes),
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def _corners(frame: _Frame) -> list[float] | None:
    """The box within its picture, x2 = x + width - 1, or None where nothing of it is."""
    x, y, width, height = frame.box
    last = (frame.file.width - 1, frame.file.height - 1)
    x1, y1 = (min(max(0.0, low), high) for low, high in zip((x, y), last, strict=True))
    x2, y2 = (
        min(max(0.0, low + max(0.0, side - 1)), high)
        for low, side, high in zip((x, y), (width, height), last, strict=True)
    )
    return [x1, y1, x2, y2] if x2 > x1 and y2 > y1 else None


def digest(benchmark: Benchmark) -> str:
    """16 hex digits over the annotations and the names and sizes of all pictures in use.

    Raises:
        DataError: a picture is missing.
    """
    total = hashlib.sha256()
    for path in benchmark.files:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    for frames in (benchmark.train, benchmark.val):
        for path, _, _ in frames.pictures:
            total.update(f"{path.name} {_bytes(path, frames.path)}\n".encode())
    return total.hexdigest()[:16]


def _bytes(picture: Path, path: Path) -> int:
    try:
        return picture.stat().st_size
    except OSError as error:
        raise DataError(picture, f"this picture of {path.name} is missing", remedy="Put it there") from error


def _document(path: Path) -> Record:
    document = json_file.load(path)
    if not isinstance(document, dict):
        raise DataError(path, "is not an object", remedy="Get the file again")
    return Record(path, "", document)


def _name(subject: int, kind: str) -> str:
    return f"Human36M_subject{subject}_{kind}.json"


def _where(root: Path, name: str) -> Path | None:
    return next((root / folder / name for folder in _FOLDERS if (root / folder / name).is_file()), None)


def _file(root: Path, name: str) -> Path:
    found = _where(root, name)
    if found is None:
        raise DataError(root / _FOLDERS[0] / name, "is missing", remedy="Put it there")
    return found
