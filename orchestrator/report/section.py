"""What the report says about one table."""

from dataclasses import dataclass

from orchestrator.report.text import Origin
from orchestrator.schema.declaration import Declaration
from orchestrator.stats.aggregate import FilledTable
from orchestrator.stats.hypothesis_tests import Verdict

MARKS = {"supported": "✓", "contradicted": "✗", "undecided": "?", "not run": "–"}


@dataclass(frozen=True)
class Picture:
    """A figure of a table: its name among the report's files, how it is rendered, and what it shows."""

    name: str  # without suffix
    svg: bytes
    png: bytes
    caption: str


@dataclass(frozen=True)
class Section:
    """All that the report says about one table."""

    filled: FilledTable
    verdicts: tuple[Verdict, ...]
    pictures: tuple[Picture, ...]
    origin: Origin

    @property
    def declaration(self) -> Declaration:
        """As the sweep declared it."""
        return self.filled.declaration
