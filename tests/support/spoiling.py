"""How annotations are spoiled at random, and those of MPII before they are."""

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from datasets.io.errors import DataError
from datasets.mpii.samples import JOINTS

K = len(JOINTS)


def deep(levels: int) -> Any:
    nested: Any = 1
    for _ in range(levels):
        nested = [nested]
    return nested


NUMBERS = st.sampled_from(
    [0, -1, 1, 7, 10**9, 2**53 + 1, 2**63, 10**18, 10**300, 0.5, -0.0, 1e14, 1e-300, 1e300]
) | (st.sampled_from([float("nan"), float("inf"), -float("inf"), True, False]))
TEXTS = st.sampled_from(["", "x", "\0", "\ud800", "../a.png", "/", "é" * 300, "7"])
# Made anew for each draw: what is put into a document may be spoiled there in its turn.
NESTED = st.sampled_from(["{}", "[]", "[[]]", '{"a": {}}']).map(json.loads) | st.sampled_from([300, 700]).map(
    deep
)
ODD = NUMBERS | st.none() | TEXTS | NESTED | st.lists(NUMBERS, max_size=5)


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


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The bytes with a few of them changed, or cut off."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 4)) == 0 else data)


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """After the block the file holds what it held before, however the block ends."""
    before = path.read_bytes()
    try:
        yield
    finally:
        path.write_bytes(before)


@contextmanager
def replaced(path: Path, text: str) -> Iterator[None]:
    """The file holds `text` within the block, and only there."""
    with kept(path):
        path.write_text(text)
        yield


def outcome(read: Callable[[], Any]) -> Any:
    """What it reads, or None after a DataError that names a file; numpy must not complain."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return read()
        except DataError as error:
            assert error.path and len(str(error)) < 3000  # noqa: PT017, PT018
            return None


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
