"""The architecture as data: which package may import which, and what else holds for every file."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PACKAGES = {
    "models": {"models"},
    "datasets": {"datasets"},
    "orchestrator": {"orchestrator", "models", "datasets"},
    "sweeps": {"sweeps", "orchestrator", "models", "datasets"},
}
"""Which packages each package may import."""

FLOORS: dict[str, set[str]] = {
    "util": set(),
    "schema": {"util"},
    "tracking": {"schema", "util"},
    "stats": {"schema", "util"},
    "report": {"stats", "schema", "util"},
    "config": {"util"},
    "training": {"config", "util"},
    "probes": {"training", "config", "util"},
    "jobs": {"probes", "training", "config", "util"},
    "inference": {"jobs", "probes", "training", "config", "util"},
    "search": {"jobs", "config", "util"},
    "sweep": {"search", "jobs", "probes", "schema", "config", "util"},
    "schedule": {"jobs", "training", "config", "util"},
    "data": {"schedule", "config", "util"},
    "run": {
        "data", "schedule", "sweep", "search", "tracking", "report", "stats", "jobs", "training", "config",
        "schema", "util",
    },
    "bench": {
        "run", "schedule", "sweep", "search", "tracking", "report", "stats", "jobs", "training", "config",
        "schema", "util",
    },
    "cli": {
        "bench", "run", "data", "schedule", "sweep", "inference", "jobs", "probes", "training", "config",
        "report", "stats", "tracking", "schema", "util",
    },
}  # fmt: skip
"""The floors of `orchestrator/`, the lowest first, and what each may import: only floors named before it."""

FLAT_FILES = {"__init__.py"}
"""Files of `orchestrator/` outside any floor."""

ONLY_IN = {"mlflow": "orchestrator/tracking", "ray": "orchestrator/schedule"}

LINES, FUNCTION_LINES = 300, 40

# Exceptions, which a test requires to be removed once their reason is gone.

LONG_FILES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()
CIRCLES: set[frozenset[str]] = set()
DATA_SETS = ("datasets.coco", "datasets.mpii", "datasets.human36m", "datasets.retina")

KNOWS_DATA_SETS = {
    "orchestrator/inference/scans.py",
    "orchestrator/probes/calibration.py",
    "orchestrator/probes/learned_density.py",
    "orchestrator/probes/occlusion.py",
    "orchestrator/probes/proper_scores.py",
    "orchestrator/probes/region_coverage.py",
    "orchestrator/probes/retina_gallery.py",
    "orchestrator/probes/truncation.py",
}
"""Files of `orchestrator/` that ask which data set it is: probes that need one benchmark's own numbers."""

FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NAMES = [path.relative_to(ROOT).as_posix() for path in FILES]
each_file = pytest.mark.parametrize("name", NAMES)


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text())


@cache
def imported(name: str) -> frozenset[str]:
    """Dotted names of all that a file imports, wherever in it, for type checking too."""
    found: set[str] = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if module_file(name) else str(node.module) for name in names}
    return frozenset(found)


def module_file(dotted: str) -> str | None:
    """The file of a module of this project; None for anything else, such as a name within one."""
    path = ROOT.joinpath(*dotted.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if dotted.partition(".")[0] in PACKAGES and file.is_file():
            return file.relative_to(ROOT).as_posix()
    return None


def folder(name: str) -> str:
    """What a file counts as in the graph of folders: its folder, or itself directly in a package."""
    parent = Path(name).parent
    return name if len(parent.parts) == 1 else parent.as_posix()


def circles(edges: dict[str, set[str]]) -> Iterator[frozenset[str]]:
    """Circles in a graph, one by one, until what remains has none."""
    edges = {node: set(targets) for node, targets in edges.items()}
    while True:
        try:
            TopologicalSorter(edges).prepare()
            return
        except CycleError as error:
            circle = error.args[1]
            yield frozenset(circle)
            for target, node in pairwise(circle):
                edges[node].discard(target)


def folders() -> dict[str, set[str]]:
    edges: dict[str, set[str]] = {folder(name): set() for name in NAMES}
    for name in NAMES:
        targets = {folder(file) for dotted in imported(name) if (file := module_file(dotted))}
        edges[folder(name)] |= targets - {folder(name)}
    return edges


def test_the_floors_name_every_folder_and_only_floors_below() -> None:
    present = {path.parent.name for path in (ROOT / "orchestrator").glob("*/__init__.py")}
    assert set(FLOORS) == present
    below: set[str] = set()
    for floor, allowed in FLOORS.items():
        assert allowed <= below, floor
        below.add(floor)


def test_the_drawing_in_the_documents_shows_every_floor_and_only_allowed_imports() -> None:
    drawing = (ROOT / "docs" / "architecture.md").read_text().partition("```mermaid")[2].partition("```")[0]
    assert set(re.findall(r"^ *(\w+)\[", drawing, re.MULTILINE)) == {*FLOORS, *PACKAGES} - {
        "util",
        "orchestrator",
    }
    for line in drawing.splitlines():
        hops = [step.split(" & ") for step in line.strip().split(" --> ")]
        for above, below in [(a, b) for left, right in pairwise(hops) for a in left for b in right]:
            assert below in FLOORS.get(above, set()) | {"models", "datasets"} or above == "sweeps", line


@each_file
def test_imports_run_one_way(name: str) -> None:
    modules = {dotted.split(".")[0] for dotted in imported(name)}
    assert modules & set(PACKAGES) <= PACKAGES[name.split("/", maxsplit=1)[0]]


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("orchestrator/")])
def test_each_floor_imports_only_what_the_table_allows(name: str) -> None:
    files = [file for dotted in imported(name) if (file := module_file(dotted))]
    floors = {file.split("/")[1] for file in files if file.startswith("orchestrator/")} - {"__init__.py"}
    own = name.split("/")[1]
    assert own in FLAT_FILES or floors <= FLOORS[own] | {own}


def test_folders_import_each_other_in_no_circle() -> None:
    assert set(circles(folders())) <= CIRCLES


def test_orchestrator_has_no_flat_files() -> None:
    assert {path.name for path in (ROOT / "orchestrator").glob("*.*")} == FLAT_FILES


@each_file
def test_ray_and_mlflow_are_each_touched_in_one_folder(name: str) -> None:
    modules = {dotted.split(".")[0] for dotted in imported(name)}
    for library, place in ONLY_IN.items():
        assert library not in modules or name.startswith(f"{place}/"), library


def long_files() -> set[str]:
    return {name for name in NAMES if len((ROOT / name).read_text().splitlines()) > LINES}


def test_files_have_at_most_300_lines() -> None:
    assert long_files() <= LONG_FILES


def long_functions() -> set[str]:
    return {
        f"{name}: {node.name}"
        for name in NAMES
        for node in ast.walk(tree(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES
    }


def test_functions_have_at_most_40_lines() -> None:
    assert long_functions() <= LONG_FUNCTIONS


def data_set_names(name: str) -> set[str]:
    """What a file imports by name from the folders of data sets."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(DATA_SETS)
        for alias in node.names
    }


def asks_for(name: str) -> set[str]:
    """The classes that a file compares values with, by `isinstance` or `case`."""
    classes: list[ast.AST] = []
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            classes.append(node.args[1])
        elif isinstance(node, ast.MatchClass):
            classes.append(node.cls)
    return {part.id for node in classes for part in ast.walk(node) if isinstance(part, ast.Name)}


def asking() -> set[str]:
    names = [name for name in NAMES if name.startswith("orchestrator/")]
    return {name for name in names if asks_for(name) & data_set_names(name)}


def test_no_file_of_the_orchestrator_asks_which_data_set_it_has() -> None:
    assert asking() <= KNOWS_DATA_SETS


def undescribed() -> set[str]:
    packages = [name for name in NAMES if name.endswith("__init__.py")]
    texts = {name: ast.get_docstring(tree(name)) or "" for name in packages}
    return {
        name for name, text in texts.items() if not re.search(r"\b(import|know)s?\b", text, re.IGNORECASE)
    }


def test_every_package_says_what_lives_in_it_and_what_it_may_import() -> None:
    assert undescribed() == set()


def test_every_exception_is_still_needed() -> None:
    assert CIRCLES - set(circles(folders())) == set()
    assert LONG_FILES - long_files() == set()
    assert LONG_FUNCTIONS - long_functions() == set()
    assert KNOWS_DATA_SETS - asking() == set()


def test_violations_would_be_noticed() -> None:
    assert len(FILES) > 200
    assert "ray" in {dotted.split(".")[0] for dotted in imported("orchestrator/schedule/tune_trials.py")}
    assert module_file("orchestrator.report.writer") == "orchestrator/report/writer.py"
    assert module_file("orchestrator.report.writer.write") is None
    assert list(circles({"a": {"b"}, "b": {"c"}, "c": set()})) == []
    assert set(circles({"a": {"b"}, "b": {"a"}, "c": {"d"}, "d": {"c"}})) == {
        frozenset("ab"),
        frozenset("cd"),
    }
