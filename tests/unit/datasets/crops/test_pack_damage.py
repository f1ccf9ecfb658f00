"""Damage of packs is found, never used."""

from pathlib import Path

import numpy as np
import pytest

from datasets.crops.pack import open_pack
from datasets.crops.pack_writing import write_pack
from tests.support.errors import refused
from tests.support.placed_pictures import pictures, upright


def assert_damaged(pack: Path) -> None:
    with refused("damaged"):
        open_pack(pack)


@pytest.mark.parametrize("name", ["pixels.bin", "arrays.npz", "about.json"])
@pytest.mark.parametrize("share", [0.0, 0.6])
def test_a_damaged_pack_is_an_error(tmp_path: Path, name: str, share: float) -> None:
    write_pack(tmp_path / "p", pictures(tmp_path, 1), np.array([0]), np.array([[0.0, 0, 9, 9]]), {}, {})
    path = tmp_path / "p" / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with refused("damaged"):
        open_pack(tmp_path / "p")


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A pack of three samples."""
    reach = np.ones((3, 4)) * [0, 0, 50, 50]
    write_pack(tmp_path / "p", pictures(tmp_path), np.arange(3), reach, {"id": np.arange(3)}, {"a": [1]})
    return tmp_path / "p"


@pytest.mark.parametrize("name", ["arrays.npz", "about.json"])
def test_any_changed_byte_beside_the_pixels_is_an_error(packed: Path, name: str) -> None:
    whole = (packed / name).read_bytes()
    for place in range(0, len(whole), 37):
        changed = bytearray(whole)
        changed[place] ^= 1
        (packed / name).write_bytes(changed)
        open_pack.cache_clear()
        with refused("damaged"):
            open_pack(packed)


def test_overwritten_pixels_are_an_error_when_they_are_used(packed: Path) -> None:
    with (packed / "pixels.bin").open("r+b") as file:
        file.seek(3 * 50 * 50 + 10)
        file.write(bytes(1000))
    opened = open_pack(packed)
    assert opened.crop(np.array([0, 2]), upright(2), (20, 20)).any()
    with refused("damaged") as caught:
        opened.crop(np.array([0, 1]), upright(2), (20, 20))
    assert "part 1" in caught.value.problem


@pytest.mark.parametrize("name", ["arrays.npz", "about.json", "pixels.bin"])
def test_a_pack_without_a_part_is_damaged(packed: Path, name: str) -> None:
    (packed / name).unlink()
    assert_damaged(packed)


@pytest.mark.parametrize("about", ["[" * 100_000, "[]", "{}", '{"name": "p"}', "null", '"x"'])
def test_a_made_up_pack_is_damaged(packed: Path, about: str) -> None:
    (packed / "about.json").write_text(about)
    assert_damaged(packed)
