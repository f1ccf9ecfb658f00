"""Broken records as a table: those that are broken in one way together, with a count and an example."""

import re
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from datasets.io.image import name_in
from datasets.io.problems import Problem

VARYING = re.compile(r"'[^']*'|[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
"""What differs among the reasons of records that are broken in one way."""


def grouped(broken: Sequence[Problem]) -> list[list[Problem]]:
    """Those that are broken in one way, of which there may be hundreds, together: of one file of annotations,
    or pictures. Numbers, names and what is quoted may differ among them."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for one in broken:
        way = VARYING.sub("…", one.reason)
        groups.setdefault((one.file if one.record else "", way), []).append(one)
    return list(groups.values())


def listing(name: str, groups: Sequence[Sequence[Problem]], root: Path) -> Table:
    """A line for each group, with the first of it.

    Args:
        name: of the set.
        root: the folder that files are named in.
    """
    table = Table(title=f"broken in {name}", title_justify="left", box=None, pad_edge=False)
    for title in ("", "file", "record", "reason"):
        table.add_column(title, overflow="fold", justify="left" if title else "right")
    for first, *others in groups:
        count = f"{len(others) + 1} ×" if others else ""
        such = "such as " if others else ""
        file = name_in(root, Path(first.file))
        where = (file, such + first.record) if first.record else (such + file, "")
        table.add_row(count, *where, first.reason)
    return table
