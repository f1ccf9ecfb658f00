"""What keeps Ray from starting is named, and a private folder is nobody else's."""

import os
import resource
import stat
import tempfile
from pathlib import Path

import pytest

from orchestrator.schedule.private_folder import private_folder
from orchestrator.schedule.start_failures import why_not_started


@pytest.fixture(autouse=True)
def _usual(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))


def test_busy_is_said_only_where_it_is_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "try again" not in why_not_started(tmp_path / "ray")
    monkeypatch.setattr(os, "getloadavg", lambda: (1000.0, 0.0, 0.0))
    assert "try again later" in why_not_started(tmp_path / "ray")


def test_a_home_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/proc/nowhere")
    assert why_not_started(tmp_path / "ray").startswith("/proc/nowhere can't be written")


def test_a_folder_of_rays_that_cannot_be_written_is_named() -> None:
    assert "RAY_TMPDIR" in why_not_started(Path("/proc/nowhere/ray"))


def test_a_limit_on_files_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda what: (8192, 8192))
    assert "ulimit -f" in why_not_started(tmp_path / "ray")


def test_rays_folder_is_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path)[:0] or "/tmp")
    found = private_folder()
    assert found is not None
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700
    assert len(str(found)) < 60
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert private_folder() is None
