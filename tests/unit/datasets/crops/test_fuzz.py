"""Packs spoiled at random: they give the pixels that were written, or a DataError says what is wrong."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from datasets.crops.pack import open_pack
from datasets.crops.pack_writing import write_pack
from datasets.io import sealed
from tests.support.fuzzing import fuzzed
from tests.support.placed_pictures import pictures, upright
from tests.support.spoiling import damaged, kept, outcome, spoiled

FILES = ("about.json", "arrays.npz", "pixels.bin")
ARRAYS = st.sampled_from(
    [
        np.zeros((0, 5), np.int64), np.full((2, 5), -1), np.full((2, 5), 10**15), np.full((2, 5), np.nan),
        np.zeros(2, np.uint32), np.zeros((2, 5), np.uint8), np.array(["a", "b"]), np.array(3),
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    reach = np.array([[0.0, 0, 40, 30], [10, 10, 60, 50]])
    write_pack(folder / "p", pictures(folder, 2), np.array([0, 1]), reach, {"id": np.arange(2)}, {"a": 1})
    return folder / "p"


def crops(pack: Path) -> Any:
    return open_pack.__wrapped__(pack).crop(np.arange(2), upright(2), (20, 30))


@fuzzed("packs", 100, data=st.data(), name=st.sampled_from(FILES))
def test_a_pack_with_spoiled_bytes_gives_what_was_written_or_is_refused(
    pack: Path, data: st.DataObject, name: str
) -> None:
    whole = crops(pack)
    with kept(pack / name):
        (pack / name).write_bytes(data.draw(damaged((pack / name).read_bytes())))
        found = outcome(lambda: crops(pack))
        assert found is None or np.array_equal(found, whole)


@fuzzed("packs", 100, data=st.data())
def test_a_pack_that_was_made_up_with_its_checksums_gives_crops_or_is_refused(
    pack: Path, data: st.DataObject
) -> None:
    with kept(pack / "about.json"), kept(pack / "arrays.npz"):
        arrays, about = sealed.load(pack)
        if data.draw(st.booleans()):
            arrays[data.draw(st.sampled_from(sorted(arrays)))] = data.draw(ARRAYS)
        else:
            with suppress(ValueError):
                about = json.loads(data.draw(spoiled(about)))
        sealed.save(pack, arrays, about)
        found = outcome(lambda: crops(pack))
        assert found is None or found.shape == (2, 20, 30, 3)
