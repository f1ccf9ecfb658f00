"""A file is written completely or stays as it was."""

from pathlib import Path

import pytest

from orchestrator.util.whole_file import write_whole


def test_a_file_is_replaced_and_a_link_not_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_whole(link, b"new", mode=0o600, durable=True)
    assert (target.read_text(), link.read_text(), link.is_symlink()) == ("old", "new", False)
    assert link.stat().st_mode & 0o777 == 0o600


def test_what_fails_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(TypeError):
        write_whole(tmp_path / "file", 7)  # type: ignore[arg-type]
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]
