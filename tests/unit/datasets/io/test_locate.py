"""One root may hold several sets."""

from pathlib import Path

import pytest

from datasets.io.errors import DataError
from datasets.io.locate import find_folder


def test_a_folder_of_the_sets_name_is_preferred_and_the_root_itself_will_do(tmp_path: Path) -> None:
    assert find_folder(tmp_path, "h36m", "Human36M") == tmp_path
    (tmp_path / "Human36M").mkdir()
    assert find_folder(tmp_path, "h36m", "Human36M") == tmp_path / "Human36M"
    (tmp_path / "h36m").mkdir()
    assert find_folder(tmp_path, "h36m", "Human36M") == tmp_path / "h36m"


def test_a_root_that_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: is not a folder"):
        find_folder(tmp_path / "nowhere", "mpii")
