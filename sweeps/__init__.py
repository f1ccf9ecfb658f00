"""One file per table or figure of the paper. Every module here that defines `SWEEP` is a sweep.

May import everything; nothing imports this package.
"""

import importlib
import pkgutil
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.sweep.sweep import Sweep


def all_sweeps() -> tuple["Sweep", ...]:
    """Every sweep: tables by number, then figures, then sweeps that are not in the supplement."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(sorted((m.SWEEP for m in modules if hasattr(m, "SWEEP")), key=_place_in_paper))


def _place_in_paper(sweep: "Sweep") -> tuple[int, int, str]:
    table = sweep.tables[0].id
    number = re.search(r"\d+", table)
    if number is None:
        return 2, 0, sweep.name
    return int(table.startswith("Figure")), int(number[0]), sweep.name
