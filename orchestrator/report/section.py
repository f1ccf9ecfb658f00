"""The report's contents for one table."""

from dataclasses import dataclass

from orchestrator.report.text import Provenance
from orchestrator.schema.declaration import Declaration
from orchestrator.stats.aggregate import FilledTable
from orchestrator.stats.verdict import Verdict

MARKS = {"supported": "✓", "contradicted": "✗", "undecided": "?", "cannot be judged": "!", "not run": "–"}


@dataclass(frozen=True)
class RenderedFigure:
    """A rendered figure of a table: its name among the report's files, the images and the caption."""

    name: str  # without suffix
    svg: bytes
    png: bytes
    caption: str


@dataclass(frozen=True)
class Section:
    """One table with its verdicts, figures and provenance."""

    filled: FilledTable
    verdicts: tuple[Verdict, ...]
    figures: tuple[RenderedFigure, ...]
    provenance: Provenance

    @property
    def declaration(self) -> Declaration:
        """As the sweep declared it."""
        return self.filled.declaration
