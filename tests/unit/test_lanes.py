"""Unit tests start no process and touch neither Ray nor MLflow nor a browser, so that they are quick."""

import ast
from pathlib import Path

import pytest

from tests.support.paths import ROOT

UNIT = sorted((ROOT / "tests" / "unit").rglob("test_*.py"))
MODULES = {"subprocess", "multiprocessing", "ray", "mlflow", "playwright"}
FIXTURES = {"migrated", "uri", "tracker", "browser"}
"""The fixtures that open a store or start a program."""


def imported(tree: ast.Module) -> set[str]:
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def arguments(tree: ast.Module) -> set[str]:
    """Of the functions that pytest calls: tests and fixtures."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    called = [one for one in functions if one.name.startswith("test_") or one.decorator_list]
    return {argument.arg for function in called for argument in function.args.args}


@pytest.mark.parametrize("path", UNIT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_unit_test_stays_in_its_process(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not {name.partition(".")[0] for name in imported(tree)} & MODULES
    assert not arguments(tree) & FIXTURES


def test_every_test_is_in_a_lane() -> None:
    lanes = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("test_*.py")}
    assert lanes == {"unit", "integration", "e2e", "gpu"}
