"""MPII's files spoiled at random: what is read of them is sound, or a DataError says what is wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.io import savemat

from datasets.mpii import annotation_files
from tests.support.fuzzing import fuzzed
from tests.support.spoiling import LISTED, STRUCT, TRUTH, kept, outcome, replaced, spoiled


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
    found = outcome(lambda: annotation_files.parse_set(root, form))
    if found is not None:
        benchmark, _ = found
        for people in (benchmark.train, benchmark.val):
            assert len(people.id) == len(people.record) == len(people.points)
            assert np.isfinite(people.points).all() and (people.scale > 0).all()  # noqa: PT018
        assert len(benchmark.val.heads.points) == len(benchmark.val.id)
        assert np.isfinite(benchmark.val.heads.points).all()
        outcome(lambda: annotation_files.parse_placed(root, form))
        outcome(lambda: annotation_files.parse_placed(root, form, ()))
        outcome(lambda: annotation_files.read(root, form).digest())


@fuzzed("annotations", text=spoiled([LISTED] * 2), split=st.sampled_from(["train", "valid"]))
def test_a_spoiled_mpii_list_gives_people_or_is_refused(mpii: Path, text: str, split: str) -> None:
    with replaced(mpii / "annot" / f"{split}.json", text):
        sound_mpii(mpii, "list")


ARRAYS = st.sampled_from(
    [
        np.zeros((0, 0)), np.ones((16, 2)), np.full((16, 2, 2), np.nan), np.full((2, 2, 2), np.inf),
        np.ones((16, 2, 2), np.complex64), np.full((16, 2, 2), 1e300), np.zeros((16, 2), np.uint8),
        "text", np.array([["a", "b"]], object), np.array([[1.0, "a"]], object), {"a": {"b": 1.0}},
        np.array([[np.zeros(2), np.zeros(3)]], object), np.float64(3), np.zeros((2, 2, 2)), np.int64(2**62),
    ]
)  # fmt: skip


@fuzzed("MATLAB files", key=st.sampled_from(sorted(TRUTH)), value=ARRAYS, folded=st.booleans())
def test_any_variable_in_gt_valid_gives_heads_or_is_refused(
    mpii: Path, key: str, value: Any, folded: bool
) -> None:
    path = mpii / "annot" / "gt_valid.mat"
    with kept(path):
        savemat(path, {**TRUTH, key: value}, do_compression=folded)
        sound_mpii(mpii, "list")


def put(draw: st.DrawFn, fields: dict[str, Any]) -> dict[str, Any]:
    """The structure with something else somewhere in it."""
    key = draw(st.sampled_from(sorted(fields)))
    if isinstance(fields[key], dict) and draw(st.integers(0, 3)):
        return {**fields, key: put(draw, fields[key])}
    return {**fields, key: draw(ARRAYS)}


@fuzzed("MATLAB files", data=st.data())
def test_any_field_in_mpiis_release_gives_people_or_is_refused(
    tmp_path_factory: Any, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("release")
    savemat(root / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": put(data.draw, STRUCT)})
    sound_mpii(root, "mat")
