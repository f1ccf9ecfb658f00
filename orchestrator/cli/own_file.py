"""A file of one's own on the command line: a sweep, or classes that experiments name by their kind."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from orchestrator.cli.shared_options import existing_file
from orchestrator.util.errors import SweepError

if TYPE_CHECKING:
    from orchestrator.sweep.sweep import Sweep

ENDING = ".py"


def add_code(parser: argparse._ActionsContainer) -> None:
    """Add files that define classes of one's own."""
    parser.add_argument(
        "--code",
        action="append",
        default=[],
        type=existing_file,
        metavar="FILE",
        help="a Python file that defines classes of your own which an experiment has; it is run, and only "
        "because it is named here; repeatable",
    )


def load_code(files: Sequence[Path]) -> None:
    """Run files that define classes of one's own.

    Raises:
        SweepError: there is no such file, or another module has its name.
    """
    for file in files:
        load(file)


def sweep_in(file: Path) -> "Sweep":
    """The sweep that a file of one's own defines as `SWEEP`.

    Raises:
        SweepError: there is no such file, another module has its name, or it defines none.
    """
    from orchestrator.sweep.sweep import Sweep

    found = getattr(load(file), "SWEEP", None)
    if not isinstance(found, Sweep):
        raise SweepError(f"{file} defines no SWEEP = Sweep(...), which is what runs", code="no-sweep-in-file")
    return found


def load(file: Path) -> ModuleType:
    """Import a file as Python does that is called with it, its folder first on the path.

    Whatever it raises is its own.

    Raises:
        SweepError: there is no such file, or another module has its name.
    """
    path = file.expanduser().resolve()
    if not path.is_file():
        raise SweepError(f"{file}: no such file", code="no-file")
    known = sys.modules.get(path.stem)
    if known is None and "." not in path.stem:
        _import_project()
        sys.path.insert(0, str(path.parent))
        importlib.invalidate_caches()
        known = importlib.import_module(path.stem)
    if known is None or Path(getattr(known, "__file__", None) or "").resolve() != path:
        raise SweepError(
            f"{file}: Python has another module called {path.stem!r}, or can have none: rename the file",
            code="module-name",
        )
    return known


def _import_project() -> None:
    """Before a folder comes first on the path that may have packages of the same names."""
    for package in ("datasets", "models", "orchestrator", "sweeps"):
        importlib.import_module(package)
