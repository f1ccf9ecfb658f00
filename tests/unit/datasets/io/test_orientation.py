"""A picture with an EXIF orientation is turned as programs turn it, unless annotations are of the other."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from datasets.io.assumptions import sentences
from datasets.io.image import decode, size_of, traits_of
from datasets.io.picture_survey import look
from tests.support.errors import refused
from tests.support.turned_pictures import save_turned

WIDE, SQUARE = (24, 16), (16, 16)
FORMATS = ("jpg", "png", "webp", "tif")
TOLD = ("shown", "stored")


def stored(size: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.kron(rng.integers(0, 256, (size[1] // 8, size[0] // 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def as_shown(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright_and_taken_as_stored_where_the_size_says_so(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    path, pixels = tmp_path / f"a.{suffix}", stored(WIDE)
    save_turned(path, pixels, orientation)
    shown = as_shown(path)
    aside = orientation > 4
    size = WIDE[::-1] if aside else WIDE
    assert np.array_equal(decode(path), shown)
    assert np.array_equal(decode(path, size), shown)
    assert size_of(path) == size_of(path, size) == size
    as_is = np.asarray(Image.open(path).convert("RGB")) if suffix != "tif" else pixels
    assert np.array_equal(decode(path, WIDE, as_stored=True), as_is)
    assert size_of(path, as_stored=True) == WIDE
    if aside:
        assert np.array_equal(decode(path, WIDE), as_is)
        assert np.array_equal(decode(path, size, as_stored=True), shown)
    with refused("other-picture-size"):
        decode(path, (24, 17))


def test_exif_that_follows_the_pixels_of_a_png_counts_too(tmp_path: Path) -> None:
    save_turned(tmp_path / "a.png", stored(WIDE), 6)
    data = (tmp_path / "a.png").read_bytes()
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4])
    (tmp_path / "b.png").write_bytes(data[:start] + data[end:-12] + data[start:end] + data[-12:])
    assert np.array_equal(decode(tmp_path / "b.png"), decode(tmp_path / "a.png"))
    assert size_of(tmp_path / "b.png") == WIDE[::-1]


def test_a_jpeg_with_exif_behind_a_long_comment_is_seen(tmp_path: Path) -> None:
    save_turned(tmp_path / "a.jpg", stored(SQUARE), 3)
    data = (tmp_path / "a.jpg").read_bytes()
    comment = b"\xff\xfe" + (6002).to_bytes(2) + bytes(6000)
    (tmp_path / "a.jpg").write_bytes(data[:2] + comment + data[2:])
    assert traits_of(tmp_path / "a.jpg").header.orientation == 3
    assert look([(tmp_path / "a.jpg", None)]).counts["silent"] == 1


def test_the_others_follow_most_of_those_whose_size_tells(tmp_path: Path) -> None:
    claims: list[tuple[Path, tuple[int, int] | None]] = []
    cases = [(6, WIDE), (8, WIDE), (6, WIDE[::-1]), (3, WIDE), (1, WIDE)]
    for index, (orientation, claimed) in enumerate(cases):
        save_turned(tmp_path / f"{index}.jpg", stored(WIDE), orientation)
        claims.append((tmp_path / f"{index}.jpg", claimed))
    found = look(claims)
    assert found.convention(None) == "stored"
    assert found.convention("shown") == "shown"
    assert found.rules(None) == ("stored",)
    assert sentences(found.assumed(None)) == (
        "1 picture is turned upright by its EXIF orientation, as its size says",
        "2 pictures are taken as stored, without their EXIF orientation, as their sizes say",
        "1 picture is taken as stored, without its EXIF orientation, as most whose size tells are "
        "(--exif for the other)",
    )
    alone = look(claims[3:])
    assert alone.rules(None) == ("shown",)
    assert look(claims[4:]).rules("stored") == ()
    assert sentences(look(claims[4:]).assumed(None)) == ()


def test_deep_and_transparent_pictures_are_counted(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(tmp_path / "a.png")
    Image.new("RGBA", (8, 8)).save(tmp_path / "b.png")
    found = look([(tmp_path / name, (8, 8)) for name in ("a.png", "b.png", "gone.png")])
    assert found.rules(None) == ("16 bits",)
    assert sentences(found.assumed(None)) == (
        "1 picture has 16 bits a channel: their range, 0 to 65,535, becomes 0 to 255",
        "1 picture is partly transparent: transparency is ignored",
    )
