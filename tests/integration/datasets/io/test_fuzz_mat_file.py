"""Spoiled .mat files are read or refused; they crash no process and take little memory."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from datasets.mpii import annotation_files
from datasets.retina.scan_files import read_subject
from tests.support.errors import refused
from tests.support.paths import ROOT
from tests.support.spoiling import LISTED, STRUCT, TRUTH

LAYERS = np.full((8, 6, 2), 3.0)
SCANS = {"images": np.tile(np.arange(0, 240, 2.0).reshape(20, 6, 1), (1, 1, 2)), "manualLayers1": LAYERS,
         "manualLayers2": LAYERS, "automaticLayersDME": LAYERS}  # fmt: skip

CHILD = """
import resource, sys, time, warnings
from pathlib import Path
import numpy as np
from datasets.mpii import annotation_files, release_mat
from datasets.io.errors import DataError
from datasets.retina.scan_files import read_subject

warnings.simplefilter("error")
path, kind = Path(sys.argv[1]), sys.argv[2]
read = {
    "dme": lambda: read_subject(path.parent, 3, 1),
    "release": lambda: release_mat.parse_release(path, path.parent),
    "truth": lambda: annotation_files.parse_set(path.parent, "list"),
}[kind]
whole, odd = path.read_bytes(), [0, 1, 2, 4, 14, 15, 65536, 10**9, 2**31 - 1, 2**32 - 1]
read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
refused = 0
for seed in range(int(sys.argv[3])):
    rng = np.random.default_rng(seed)
    data = bytearray(whole[: rng.integers(1, len(whole))] if seed % 5 == 0 else whole)
    for place in rng.integers(0, len(data), rng.integers(1, 4)).tolist():
        if rng.random() < 0.5:
            data[place] = int(rng.integers(256))
        else:
            data[place // 4 * 4 : place // 4 * 4 + 4] = int(rng.choice(odd)).to_bytes(4, "little")
    path.write_bytes(data)
    try:
        read()
    except DataError:
        refused += 1
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert refused > 0
assert grown < 64 * 1024, f"{grown} KiB"
"""


def in_a_child(path: Path, kind: str, count: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), kind, str(count)],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("folded", [False, True])
def test_changed_bytes_in_a_subjects_file_never_crash_or_take_much_memory(
    tmp_path: Path, folded: bool
) -> None:
    path = tmp_path / "Subject_03.mat"
    savemat(path, SCANS, do_compression=folded)
    in_a_child(path, "dme", 400)


def test_changed_bytes_in_a_subjects_hdf5_never_crash_or_take_much_memory(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "Subject_03.mat", "w", userblock_size=512) as file:
        for key, value in SCANS.items():
            file[key] = value.T
    in_a_child(tmp_path / "Subject_03.mat", "dme", 400)


def test_changed_bytes_in_mpiis_release_never_crash_or_take_much_memory(tmp_path: Path) -> None:
    savemat(tmp_path / "x.mat", {"RELEASE": STRUCT})
    in_a_child(tmp_path / "x.mat", "release", 800)


def test_changed_bytes_in_gt_valid_never_crash_or_take_much_memory(tmp_path: Path) -> None:
    for name in ("train", "valid"):
        (tmp_path / f"{name}.json").write_text(json.dumps([LISTED] * 2))
    savemat(tmp_path / "gt_valid.mat", TRUTH)
    in_a_child(tmp_path / "gt_valid.mat", "truth", 400)


def test_arrays_that_were_never_written_are_not_made(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "Subject_03.mat", "w") as file:
        for key in SCANS:
            file.create_dataset(key, (61, 768, 100_000), chunks=(1, 768, 496), dtype="f8")
    with refused("not-mat"):
        read_subject(tmp_path, 3, 1)


@pytest.mark.parametrize("levels", [100, 100_000])
def test_cells_in_cells_end_somewhere(tmp_path: Path, levels: int) -> None:
    def element(kind: int, content: bytes) -> bytes:
        return np.array([kind, len(content)], "<u4").tobytes() + content

    head = [element(6, np.array([1, 0], "<u4").tobytes()), element(5, np.array([1, 1], "<i4").tobytes())]
    inside = 56 * levels  # each level adds its tag, and flags, dimensions and no name
    text = bytearray(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM")
    for level in range(levels):
        name = element(1, b"RELEASE\0" if level == 0 else b"")
        inside -= 56
        text += np.array([14, inside + sum(map(len, head)) + len(name)], "<u4").tobytes()
        text += b"".join(head) + name
    path = tmp_path / "mpii_human_pose_v1_u12_1.mat"
    path.write_bytes(bytes(text))
    with refused("not-mat"):
        annotation_files.read(tmp_path, "mat")


def test_a_text_that_claims_a_billion_letters_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gt_valid.mat"
    savemat(path, {**TRUTH, "dataset_joints": "abcd"})
    data = path.read_bytes()
    place = data.index(np.array([5, 8, 1, 4], "<u4").tobytes())
    path.write_bytes(data[: place + 12] + np.array([10**9], "<u4").tobytes() + data[place + 16 :])
    for name in ("train", "valid"):
        (tmp_path / f"{name}.json").write_text(json.dumps([LISTED] * 2))
    with refused("not-mat"):
        annotation_files.read(tmp_path, "list")


def test_a_bomb_does_not_unfold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.io.mat_file.LARGEST", 10**6)
    savemat(tmp_path / "Subject_03.mat", {**SCANS, "images": np.zeros((1000, 1000, 2))}, do_compression=True)
    with refused("not-mat"):
        read_subject(tmp_path, 3, 1)
