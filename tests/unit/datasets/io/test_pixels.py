"""Pictures of every mode that Pillow knows become the right 8 bits, or are refused by name."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageMode

from datasets.io.image import FORMATS, decode
from tests.support.errors import refused

RAMP = np.linspace(0, 65535, 24 * 16).reshape(16, 24).astype(np.uint16)
EIGHT = (RAMP >> 8).astype(np.uint8)


def grey(path: Path) -> np.ndarray:
    pixels = decode(path)
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bits_keep_their_upper_8(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(RAMP).save(tmp_path / f"a.{suffix}")
    assert np.array_equal(grey(tmp_path / f"a.{suffix}"), EIGHT)


def tiff(order: str, values: np.ndarray, bits: int, sample: int, photometric: int) -> bytes:
    """An uncompressed TIFF of one channel, as few programs write it."""
    tags = [
        *((256, 4, values.shape[1]), (257, 4, values.shape[0]), (258, 3, bits), (259, 3, 1)),
        *((262, 3, photometric), (273, 4, 8), (277, 3, 1), (278, 4, values.shape[0])),
        *((279, 4, values.nbytes), (339, 3, sample)),
    ]
    end = "little" if order == "<" else "big"
    head = (b"II*\0" if order == "<" else b"MM\0*") + (8 + values.nbytes).to_bytes(4, end)
    entries = b"".join(
        tag.to_bytes(2, end)
        + kind.to_bytes(2, end)
        + (1).to_bytes(4, end)
        + (value.to_bytes(2, end) + b"\0\0" if kind == 3 else value.to_bytes(4, end))
        for tag, kind, value in tags
    )
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    return head + data + len(tags).to_bytes(2, end) + entries + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiffs_of_either_byte_order_are_scaled(tmp_path: Path, order: str) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(order, RAMP, 16, 1, 1))
    assert np.array_equal(grey(tmp_path / "a.tif"), EIGHT)


def test_where_0_is_white_it_becomes_white(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff("<", RAMP, 16, 1, 0))
    assert np.array_equal(grey(tmp_path / "a.tif"), 255 - EIGHT)


def test_12_bits_have_a_range_of_their_own(tmp_path: Path) -> None:
    packed = np.arange(0, 4096, 4, dtype=np.uint16).reshape(16, 64)
    pairs = packed.reshape(-1, 2)
    data = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], 1)
    raw = bytearray(tiff("<", data.astype(np.uint8).reshape(16, 96), 12, 1, 1))
    place = raw.index((256).to_bytes(2, "little") + (4).to_bytes(2, "little"), 8 + data.size)
    raw[place + 8 : place + 12] = (64).to_bytes(4, "little")
    (tmp_path / "a.tif").write_bytes(raw)
    assert np.array_equal(grey(tmp_path / "a.tif"), packed >> 4)


@pytest.mark.parametrize("white", [1023, 4095, 65535])
def test_a_pgm_says_what_is_white(tmp_path: Path, white: int) -> None:
    values = np.array([[0, white // 2, white]], np.uint16)
    (tmp_path / "a.pgm").write_bytes(f"P5 3 1 {white}\n".encode() + values.astype(">u2").tobytes())
    assert np.abs(grey(tmp_path / "a.pgm").astype(int) - [[0, 127, 255]]).max() <= 1


def test_colours_of_16_bits_keep_their_upper_8(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_bytes(b"P6 24 16 65535\n" + np.repeat(RAMP, 3, 1).astype(">u2").tobytes())
    assert np.abs(grey(tmp_path / "a.ppm").astype(int) - EIGHT).max() <= 1


REFUSED = {
    "floats of PFM": b"Pf 3 1 -1.0\n" + np.array([0, 0.5, 1], "<f4").tobytes(),
    "floats of TIFF": tiff("<", np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3), 32, 3, 1),
    "signed 8 bits": tiff("<", np.arange(-3, 3, dtype=np.int8).reshape(2, 3), 8, 2, 1),
    "signed 16 bits": tiff("<", np.arange(-3, 3, dtype=np.int16).reshape(2, 3), 16, 2, 1),
    "32 bits": tiff("<", np.arange(6, dtype=np.uint32).reshape(2, 3) << 28, 32, 1, 1),
    "8 bits that lie in 16": tiff("<", np.arange(250, 256, dtype=np.uint16).reshape(2, 3), 16, 1, 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_black_and_white_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(REFUSED[name])
    with refused("unsupported-pixels") as caught:
        decode(tmp_path / "a")
    assert "8 bits" in caught.value.remedy


@pytest.mark.parametrize("mode", ["1", "CMYK", "L", "LA", "P", "PA", "RGB", "RGBA", "YCbCr", "La", "RGBa"])
@pytest.mark.parametrize("suffix", ["tif", "png", "webp", "bmp", "gif"])
def test_every_mode_that_can_be_written_looks_as_it_was(tmp_path: Path, mode: str, suffix: str) -> None:
    picture = Image.fromarray(np.repeat(EIGHT[:, :, None], 3, 2))
    steps = {"La": ["RGBA", "LA"], "RGBa": ["RGBA"], "PA": ["P"]}.get(mode, [])
    for step in (*steps, mode):
        picture = picture.convert(step)
    path = tmp_path / f"a.{suffix}"
    try:
        picture.save(path, **({"lossless": True} if suffix == "webp" else {}))
    except (OSError, ValueError, KeyError):
        pytest.skip(f"Pillow writes no {suffix} of mode {mode}")
    off = np.abs(decode(path).astype(int).mean(2) - EIGHT)
    assert off.mean() < {"1": 130, "P": 15, "PA": 15}.get(mode, 6)


def test_no_mode_of_pillow_is_unknown() -> None:
    known = "1 CMYK F HSV I I;16 I;16B I;16L I;16N L LA La LAB P PA RGB RGBA RGBa RGBX YCbCr"
    assert set(Image.MODES) == set(known.split())
    assert all(ImageMode.getmode(mode) for mode in Image.MODES)


@pytest.mark.parametrize("form", ["EPS", "ICNS", "ICO", "PCX", "SGI", "TGA", "PDF", "JPEG2000"])
def test_other_formats_are_not_opened_whatever_they_are_called(tmp_path: Path, form: str) -> None:
    assert form not in FORMATS
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(buffer, form)
    (tmp_path / "a.jpg").write_bytes(buffer.getvalue())
    with refused("broken-picture") as caught:
        decode(tmp_path / "a.jpg")
    assert "JPEG" in caught.value.problem
