"""The message of the report in words: which claims hold, which do not, which cannot be told."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.report.section import Section, count_verdicts
from orchestrator.stats.verdict import Decision, Verdict

TITLES: dict[Decision, str] = {
    "supported": "Hold on these runs",
    "contradicted": "Do not hold on these runs",
    "undecided": "Cannot be told from these runs",
    "cannot be judged": "Cannot be judged",
    "not run": "Not run",
}
"""What a verdict means for the paper's sentence, in the order of the report."""

COUNTED: dict[Decision, tuple[str, str]] = {
    "supported": ("holds", "hold"),
    "contradicted": ("does not hold", "do not hold"),
    "undecided": ("cannot be told", "cannot be told"),
    "cannot be judged": ("cannot be judged", "cannot be judged"),
    "not run": ("was not run", "were not run"),
}
"""The verbs of a count, for one claim and for several."""


PAPER = ("reading of the paper's sentences", "readings of the paper's sentences")
OURS = ("question of our own", "questions of our own")


@dataclass(frozen=True)
class MessageLine:
    """A claim: its table's heading and anchor in the page, its sentence, the effect with its interval."""

    heading: str
    anchor: str
    claim: str
    effect: str


@dataclass(frozen=True)
class MessageGroup:
    """The claims that share a verdict."""

    verdict: Decision
    title: str
    lines: tuple[MessageLine, ...]


def groups(sections: Sequence[Section]) -> tuple[MessageGroup, ...]:
    """Every claim once, by verdict; no group is empty."""
    found = [(section, verdict) for section in sections for verdict in section.verdicts]
    grouped = {
        name: tuple(_line(section, verdict) for section, verdict in found if verdict.verdict == name)
        for name in TITLES
    }
    return tuple(MessageGroup(name, TITLES[name], lines) for name, lines in grouped.items() if lines)


def opening(sections: Sequence[Section]) -> str:
    """How many claims hold, do not hold, and cannot be told: of the paper, and of our own questions."""
    found = [pair for section in sections for pair in section.judged]
    reasons = {verdict.effect for _, verdict in found if verdict.verdict == "cannot be judged"}
    if len(reasons) == 1 and all(verdict.verdict == "cannot be judged" for _, verdict in found):
        return f"No claim is tested on these runs: {reasons.pop()}."
    paper = [verdict for claim, verdict in found if claim.sentence is not None]
    ours = [verdict for claim, verdict in found if claim.sentence is None]
    parts = [
        f"Of {len(verdicts)} {name[len(verdicts) > 1]}, {_listed(_counts(verdicts))}."
        for verdicts, name in ((paper, PAPER), (ours, OURS))
        if verdicts
    ]
    return " ".join(parts)


def table_sentence(section: Section) -> str:
    """One sentence on a table's verdicts, with every claim that does not hold; nothing without claims."""
    verdicts = section.verdicts
    kinds = {verdict.verdict for verdict in verdicts}
    if not verdicts:
        return ""
    if len(kinds) == 1:
        (kind,) = kinds
        which = "Its claim" if len(verdicts) == 1 else f"All {len(verdicts)} claims"
        verb = COUNTED[kind][len(verdicts) > 1]
        return f"{which} {verb}{_named(verdicts) if kind == 'contradicted' else ''}."
    counted = _listed(_counts(verdicts))
    return f"Of its {len(verdicts)} claims {counted}{_named(verdicts)}."


def _line(section: Section, verdict: Verdict) -> MessageLine:
    declared = section.declaration
    return MessageLine(declared.heading, declared.anchor, verdict.claim, verdict.effect)


def _counts(verdicts: Sequence[Verdict]) -> list[str]:
    return [f"{number} {COUNTED[kind][number > 1]}" for kind, number in count_verdicts(verdicts)]


def _named(verdicts: Sequence[Verdict]) -> str:
    """What does not hold, in quotation marks."""
    named = [f"“{v.claim.rstrip('.')}”, {v.effect}" for v in verdicts if v.verdict == "contradicted"]
    return f" (not: {'; '.join(named)})" if named else ""


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
