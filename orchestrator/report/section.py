"""The report's contents for one table."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.report.text import Provenance
from orchestrator.schema.claims import Claim, Sentence
from orchestrator.schema.declaration import Declaration
from orchestrator.stats.aggregate import FilledTable
from orchestrator.stats.verdict import Decision, Verdict

MARKS: dict[Decision, str] = {
    "supported": "✓",
    "contradicted": "✗",
    "undecided": "?",
    "cannot be judged": "!",
    "not run": "–",
}


@dataclass(frozen=True)
class RenderedFigure:
    """A rendered figure of a table: its name among the report's files, the images and the caption."""

    name: str  # without suffix
    svg: bytes
    png: bytes
    caption: str


@dataclass(frozen=True)
class Statement:
    """A sentence of the paper with the claims that read it; without a sentence, questions of our own."""

    sentence: Sentence | None
    judged: tuple[tuple[Claim, Verdict], ...]


@dataclass(frozen=True)
class Section:
    """One table with its verdicts, figures, provenance, and its values by seed as CSV."""

    filled: FilledTable
    verdicts: tuple[Verdict, ...]
    figures: tuple[RenderedFigure, ...]
    provenance: Provenance
    seed_values: str

    @property
    def judged(self) -> tuple[tuple[Claim, Verdict], ...]:
        """Every claim with its verdict, in the declared order."""
        return tuple(zip(self.declaration.claims, self.verdicts, strict=True))

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The paper's sentences with their readings, then the questions of our own."""
        sentences = dict.fromkeys(claim.sentence for claim, _ in self.judged if claim.sentence is not None)
        parts = [
            Statement(sentence, tuple(pair for pair in self.judged if pair[0].sentence == sentence))
            for sentence in (*sentences, None)
        ]
        return tuple(part for part in parts if part.judged)

    @property
    def declaration(self) -> Declaration:
        """As the sweep declared it."""
        return self.filled.declaration


def count_verdicts(verdicts: Iterable[Verdict]) -> list[tuple[Decision, int]]:
    """How many claims got each verdict, in the order of `MARKS`, without verdicts that none got."""
    found = Counter(verdict.verdict for verdict in verdicts)
    return [(verdict, found[verdict]) for verdict in MARKS if found[verdict]]
