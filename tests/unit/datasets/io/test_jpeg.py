"""What libjpeg warns of is an error."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.io.image import decode
from tests.support.errors import refused


def picture() -> Image.Image:
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.integers(0, 256, (30, 40, 3)), np.ones((8, 8, 1)))
    return Image.fromarray((smooth * 0.7 + rng.integers(0, 70, smooth.shape)).astype(np.uint8))


def jpeg(shown: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


WHOLE = jpeg(picture())
OTHER = jpeg(picture().rotate(180))
END, MIDDLE = WHOLE[-2:], len(WHOLE) // 2
PROGRESSIVE = jpeg(picture(), progressive=True)
INKS = jpeg(picture().convert("CMYK"))

DAMAGED = {
    "a zeroed half": WHOLE[:MIDDLE] + bytes(MIDDLE - 2) + END,
    "a zeroed half without an end": WHOLE[:MIDDLE] + bytes(MIDDLE),
    "zeros in the middle": WHOLE[:MIDDLE] + bytes(4096) + WHOLE[MIDDLE + 4096 :],
    "a foreign block": WHOLE[:MIDDLE] + OTHER[MIDDLE - 2048 : MIDDLE + 2048] + WHOLE[MIDDLE + 4096 :],
    "a block too many": WHOLE[:MIDDLE] + OTHER[MIDDLE : MIDDLE + 4096] + WHOLE[MIDDLE:],
    "a block too few": WHOLE[:MIDDLE] + WHOLE[MIDDLE + 4096 :],
    "cut and closed": WHOLE[:MIDDLE] + END,
    "cut": WHOLE[:MIDDLE],
    "no end": WHOLE[:-2],
    "a progressive one cut and closed": PROGRESSIVE[: len(PROGRESSIVE) // 2] + END,
    "a progressive one with zeros": PROGRESSIVE[:20000] + bytes(4096) + PROGRESSIVE[24096:],
    "four inks cut and closed": INKS[: len(INKS) // 2] + END,
    "a header alone": WHOLE[:700] + END,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_picture_that_decodes_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(DAMAGED[name])
    with refused("broken-picture"):
        decode(tmp_path / "a.jpg")


SOUND = {
    "whole": WHOLE,
    "progressive": PROGRESSIVE,
    "grey": jpeg(picture().convert("L")),
    "four inks": INKS,
    "restarts": jpeg(picture(), restart_marker_rows=2),
    "4:2:2": jpeg(picture(), subsampling="4:2:2"),
    "bytes after the end": WHOLE + b"abc" * 100,
    "padding before the end": WHOLE[:-2] + bytes(20) + END,
    "two pictures, as phones write": WHOLE + OTHER,
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_picture_has_pillows_pixels(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(SOUND[name])
    with Image.open(tmp_path / "a.jpg") as expected:
        assert np.array_equal(decode(tmp_path / "a.jpg"), np.asarray(expected.convert("RGB")))


def test_real_pictures_are_sound(samples: Path) -> None:
    found = sorted((samples / "coco_sample").rglob("*.jpg"))[:40]
    assert found
    for path in found:
        with Image.open(path) as expected:
            assert np.array_equal(decode(path), np.asarray(expected.convert("RGB")))
