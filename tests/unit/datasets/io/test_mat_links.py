"""A `.mat` file holds its numbers itself: HDF5 would follow it into any file."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from datasets.io.mat_file import load
from tests.support.errors import refused


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file whose bytes nobody may read through another."""
    (tmp_path / "secret").write_bytes(bytes(range(64)))
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["images"] = np.arange(64)
    return tmp_path / "secret"


@pytest.mark.parametrize("way", ["raw", "virtual", "external link", "soft link"])
def test_numbers_that_lie_in_other_files_are_refused(tmp_path: Path, secret: Path, way: str) -> None:
    path, other = tmp_path / "a.mat", tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        if way == "raw":
            file.create_dataset("images", (64,), "u1", external=[(str(secret), 0, 64)])
        elif way == "virtual":
            layout = h5py.VirtualLayout((64,), "i8")
            layout[:] = h5py.VirtualSource(str(other), "images", (64,))
            file.create_virtual_dataset("images", layout)
        elif way == "external link":
            file["images"] = h5py.ExternalLink(str(other), "images")
        else:
            file["there"] = h5py.ExternalLink(str(other), "/")
            file["images"] = h5py.SoftLink("/there/images")
    with refused("not-mat") as caught:
        load(path, ["images"])
    assert "lies in another file" in caught.value.problem or "is a link" in caught.value.problem
