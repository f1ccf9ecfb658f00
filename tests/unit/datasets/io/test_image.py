import os
import pickle
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.io.image import decode, size_of
from tests.support.errors import refused


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=95)
    return tmp_path / "a.jpg"


def test_pixels_come_as_rgb_rows_first(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(decode(tmp_path / "a.png"), pixels)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "RGBA", "LA"])
def test_every_kind_of_picture_becomes_rgb(jpeg: Path, mode: str) -> None:
    path = jpeg.with_suffix(".tif")
    Image.open(jpeg).convert("RGB").convert(mode).save(path)
    assert decode(path).shape == (40, 60, 3)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.98])
def test_a_truncated_picture_is_an_error_that_names_it(jpeg: Path, share: float) -> None:
    whole = jpeg.read_bytes()
    jpeg.write_bytes(whole[: int(share * len(whole))])
    with refused("broken-picture"):
        decode(jpeg)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\nxx"])
def test_what_is_no_picture_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with refused("broken-picture"):
        decode(tmp_path / "a.png")


def test_a_broken_png_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
    broken = bytearray(path.read_bytes())
    broken[200:220] = b"\x00" * 20
    path.write_bytes(broken)
    with refused("broken-picture"):
        decode(path)


def test_a_missing_picture_is_an_error_that_travels(tmp_path: Path) -> None:
    with refused("missing-picture") as caught:
        decode(tmp_path / "nowhere.jpg")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with refused("broken-picture"):
        decode(tmp_path)


def test_a_pipe_a_device_and_a_socket_are_no_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "socket.jpg"))
        for name in ("pipe.jpg", "zero.jpg", "socket.jpg"):
            for read in (decode, size_of):
                with refused("broken-picture"):
                    read(tmp_path / name)


@pytest.mark.parametrize("size", [(12_000, 8_000), (40_000, 10)])
def test_a_picture_that_is_too_large_is_refused_with_the_limit_and_a_way_to_shrink_it(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    Image.new("1", size).save(tmp_path / "a.png")
    for read in (decode, size_of):
        with refused("picture-too-large") as caught:
            read(tmp_path / "a.png")
        assert f"{size[0]}x{size[1]}" in caught.value.problem
        assert "89 megapixels" in caught.value.problem
        assert "-resize 50%" in caught.value.remedy


def test_a_file_larger_than_any_picture_is_not_read(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    with (tmp_path / "a.png").open("ab") as file:
        file.truncate(2**33)
    with refused("broken-picture"):
        decode(tmp_path / "a.png")
