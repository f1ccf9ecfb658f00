"""One file per table or figure of the paper. Every module here that defines `SWEEP` is a sweep.

May import everything; nothing imports this package.
"""

import ast
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from orchestrator.sweep.sweep import Sweep


class Listed(NamedTuple):
    """A sweep as lists show it: what its file says literally, so that no list imports torch."""

    name: str
    description: str  # "Table 1: cost and benefit of a larger flow"
    module: str


def all_sweeps() -> tuple["Sweep", ...]:
    """Every sweep: tables by number, then figures, then sweeps that are not in the supplement."""
    return tuple(importlib.import_module(f"{__name__}.{found.module}").SWEEP for found in listed())


def listed() -> tuple[Listed, ...]:
    """Every sweep in the same order, without importing it."""
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    found = [Listed(name, text, file.stem) for file in files for name, text in _declared(file)]
    return tuple(sorted(found, key=_place_in_paper))


def _declared(file: Path) -> list[tuple[str, str]]:
    """Name and description of a file's sweep, if it has one."""
    found = []
    for statement in ast.parse(file.read_text("utf-8")).body:
        match statement:
            case ast.Assign(targets=[ast.Name("SWEEP")], value=ast.Call(keywords=keywords)):
                literals = {k.arg: k.value.value for k in keywords if isinstance(k.value, ast.Constant)}
                found.append((str(literals["name"]), str(literals["description"])))
    return found


def _place_in_paper(sweep: Listed) -> tuple[int, int, str]:
    table = sweep.description.partition(":")[0]
    number = re.search(r"\d+", table)
    if number is None:
        return 2, 0, sweep.name
    return int(table.startswith("Figure")), int(number[0]), sweep.name
