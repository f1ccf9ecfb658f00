"""Human3.6M on the disk: the PoseNet release's files or the authors' samples, checked record by record.

Both derive from the same pictures (`s_01_act_02_subact_01_ca_01_000001.jpg`) and the same joints in the
world; protocol 2 decides which are used.

Shapes: N frames, K = 17 joints.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import TypeAdapter

from datasets.base.annotated import AnnotatedSet, whole
from datasets.human36m.cameras import JOINTS
from datasets.human36m.samples import Frame, Frames, table
from datasets.io.errors import DataError
from datasets.io.json_file import Number, Picture, Record, a_dict, a_list, a_whole, load, parse_objects
from datasets.io.problems import Problem, parse_each

Layout = Literal["posenet", "sample"]

SUBJECTS = {"train": (1, 5, 6, 7, 8), "val": (9, 11)}
"""Protocol 2."""

EVERY = {"train": 5, "val": 64}
"""Of so many frames one is used."""

SAMPLES = {
    "train": "Sample_trainmin_train_Human36M_protocol_2.json",
    "val": "Sample_64_test_Human36M_protocol_2.json",
}
_KINDS = ("data", "camera", "joint_3d")
_FOLDERS = ("annotations", ".")

a_box = TypeAdapter(tuple[Number, Number, Number, Number]).validate_python
a_pose = TypeAdapter(
    Annotated[list[tuple[Number, Number, Number]], Len(len(JOINTS), len(JOINTS))]
).validate_python


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
        code="no-annotations",
    )


def read(root: Path, layout: Layout) -> AnnotatedSet[Frames]:
    """Read both splits, without opening their pictures.

    Raises:
        DataError: a file is missing, or records are wrong; names file, record and field.
    """
    return whole(*parse_set(root, layout))


def parse_set(
    root: Path, layout: Layout, broken_pictures: Collection[str] = ()
) -> tuple[AnnotatedSet[Frames], list[Problem]]:
    """Read both splits, without opening their pictures: the usable frames, and what is broken.

    Args:
        broken_pictures: names of pictures known to be broken, as `image.name_in` gives them.

    Raises:
        DataError: a file is missing or is something else, or joints are not in millimetres.
    """
    names = {
        split: [_name(subject, kind) for subject in SUBJECTS[split] for kind in _KINDS]
        if layout == "posenet"
        else [SAMPLES[split]]
        for split in SUBJECTS
    }
    files = {split: [_file(root, name) for name in wanted] for split, wanted in names.items()}
    sift_frames = _posenet if layout == "posenet" else _sample
    without = {root / name for name in broken_pictures}
    (train, bad_train), (val, bad_val) = (
        table(*sift_frames(root, split, files[split]), files[split][0], split, without) for split in files
    )
    return AnnotatedSet(train, val, (*files["train"], *files["val"])), bad_train + bad_val


def _posenet(root: Path, split: str, files: Sequence[Path]) -> tuple[list[Frame], list[Problem]]:
    """The frames of a split that its rate selects, from three files for each subject."""
    frames: list[Frame] = []
    broken: list[Problem] = []
    for start in range(0, len(files), len(_KINDS)):
        data, camera, joints = files[start : start + len(_KINDS)]
        document, cameras, poses = (load(file).as_object() for file in (data, camera, joints))
        boxes, bad_boxes = _boxes(document)
        parse = partial(_posenet_frame, root, EVERY[split], boxes, cameras, poses)
        found, bad_images = parse_objects(data, document.parse(a_list, "images"), "images", parse)
        frames += [frame for frame in found if frame is not None]
        broken += bad_boxes + bad_images
    return frames, broken


def _boxes(document: Record) -> tuple[dict[int, Record], list[Problem]]:
    """Annotations by the picture that each is about."""
    seen: set[int] = set()
    found, broken = parse_objects(
        document.path,
        document.parse(a_list, "annotations"),
        "annotations",
        lambda record: (record.new("image_id", seen), record),
    )
    return dict(found), broken


def _posenet_frame(
    root: Path, every: int, boxes: Mapping[int, Record], cameras: Record, poses: Record, image: Record
) -> Frame | None:
    """What is known of a picture; None of one that is not used."""
    if image.parse(a_whole, "frame_idx") % every:
        return None
    ident = image.parse(a_whole, "id")
    if ident not in boxes:
        raise image.wrong("no annotation has its id as image_id", code="unknown-image")
    cam = str(image.parse(a_whole, "cam_idx"))
    return Frame(
        image=image,
        id=ident,
        file=image.parse(Picture.model_validate).file(root / "images"),
        box=boxes[ident].parse(a_box, "bbox"),
        world=_pose(poses, image),
        camera=Record(cameras.path, cam, cameras.parse(a_dict, cam)),
    )


def _sample(root: Path, split: str, files: Sequence[Path]) -> tuple[list[Frame], list[Problem]]:
    """The frames of an authors' file, in which images and annotations go in pairs; already subsampled."""
    document = load(files[0]).as_object()
    images, annotations = document.parse(a_list, "images"), document.parse(a_list, "annotations")
    if len(images) != len(annotations):
        raise DataError(
            files[0],
            f"has {len(images)} images for {len(annotations)} annotations, which go in pairs",
            remedy="Get the file again",
            code="wrong-length",
        )
    pairs = enumerate(zip(images, annotations, strict=True))
    return parse_each(partial(_sample_frame, root, files[0]), pairs)


def _sample_frame(root: Path, path: Path, pair: tuple[int, tuple[Any, Any]]) -> Frame:
    number, (image, annotation) = pair
    name = f"images[{number}]"
    shown_in = Record(path, name, image).as_object()
    also = Record(path, f"annotations[{number}]", annotation).as_object()
    both = Record(path, name, image | also.value)
    return Frame(
        image=both,
        id=both.parse(a_whole, "image_id"),
        file=shown_in.parse(Picture.model_validate).file(root / "images"),
        box=both.parse(a_box, "bbox"),
        world=both.parse(a_pose, "keypoints_world"),
        camera=Record(path, f"{name}.cam_param", both.parse(a_dict, "cam_param")),
    )


def _pose(poses: Record, image: Record) -> list[tuple[float, float, float]]:
    """The joints that were recorded when the picture was taken."""
    path = [str(image.parse(a_whole, key)) for key in ("action_idx", "subaction_idx", "frame_idx")]
    found: Any = poses.value
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return Record(poses.path, f"[{']['.join(path)}]", {"pose": found}).parse(a_pose, "pose")


def _name(subject: int, kind: str) -> str:
    return f"Human36M_subject{subject}_{kind}.json"


def _where(root: Path, name: str) -> Path | None:
    return next((root / folder / name for folder in _FOLDERS if (root / folder / name).is_file()), None)


def _file(root: Path, name: str) -> Path:
    found = _where(root, name)
    if found is None:
        raise DataError(root / _FOLDERS[0] / name, "is missing", remedy="Put it there", code="missing-file")
    return found
