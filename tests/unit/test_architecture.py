"""Imports run one way: sweeps -> orchestrator -> {models, datasets}."""

import ast
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PACKAGES = ("models", "datasets", "orchestrator", "sweeps")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
ALLOWED = {
    "models": {"models"},
    "datasets": {"datasets"},
    "orchestrator": {"orchestrator", "models", "datasets"},
    "sweeps": {"sweeps", "orchestrator", "models", "datasets"},
}


def imported(path: Path) -> set[str]:
    """Dotted names of every module that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    assert tops(path) & set(PACKAGES) <= ALLOWED[package]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_schedule_touches_ray_and_only_tracking_touches_mlflow(path: Path) -> None:
    where = path.relative_to(ROOT).as_posix()
    if not where.startswith("orchestrator/schedule/"):
        assert "ray" not in tops(path)
    if not where.startswith("orchestrator/tracking/"):
        assert "mlflow" not in tops(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 320


def test_there_are_files_to_look_at() -> None:
    assert len(FILES) > 20
    assert "ray" in tops(ROOT / "orchestrator/schedule/tune_trials.py")
