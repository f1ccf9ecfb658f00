"""The report as a Markdown page, which GitHub shows in the folder."""

import re
from collections.abc import Iterator, Sequence

from orchestrator.report import message, table_formats, text
from orchestrator.report.section import MARKS, Section


def readme(sections: Sequence[Section], remarks: Sequence[str] = ()) -> str:
    """The page, from the sections' tables, verdicts and figures, and what of them is missing."""
    filled = [part.filled for part in sections]
    parts = [f"# {text.TITLE}"]
    if opening := message.opening(sections):
        parts.append(f"**{_md(opening)}**")
    parts.append(_md(text.introduction(filled)))
    parts += [f"> {_md(caution)}" for caution in (*map(text.left_out, remarks), *text.caveats(filled))]
    parts.append("[report.html](report.html) is the same report as one self-contained page for a browser.")
    parts += _message(sections)
    for part in sections:
        parts += _readme_section(part)
    return "\n\n".join([*parts, "## How to read this report", *text.HOW_TO_READ]) + "\n"


def _message(sections: Sequence[Section]) -> Iterator[str]:
    """Every claim with its effect, by verdict."""
    for group in message.groups(sections):
        yield f"### {MARKS[group.verdict]} {group.title}: {len(group.lines)}"
        yield "\n".join(
            f"- {_md(line.claim)} {_md(line.effect)} ([{_md(line.heading)}](#{line.anchor}))"
            for line in group.lines
        )


def _readme_section(part: Section) -> Iterator[str]:
    declared = part.declaration
    figures = [
        f"![{_md(figure.caption)}](figures/{figure.name}.svg)\n\n*{_md(figure.caption)}*"
        for figure in part.figures
    ]
    yield f"## {_md(declared.heading)}"
    if sentence := message.table_sentence(part):
        yield f"**{_md(sentence)}**"
    if declared.description:
        yield _md(declared.description)
    if declared.is_figure:
        yield from figures
    yield table_formats.markdown(part.filled).strip()
    for statement in part.statements:
        if statement.sentence is None:
            yield "**Our questions**"
        else:
            section = _md(statement.sentence.section)
            yield f"> “{_md(statement.sentence.text)}” (supplement, section {section})"
        yield "\n".join(
            f"- {MARKS[v.verdict]} **{v.verdict}**: {_md(claim.description)} {_md(v.sentence)}"
            for claim, v in statement.judged
        )
    if not declared.is_figure:
        yield from figures
    lines = [f"- {name}: {_md('; '.join(values))}" for name, values in part.provenance.items()]
    if declared.command:
        lines.append(f"- command: {_code(declared.command)}")
    yield "\n".join(lines)


def _md(text: str) -> str:
    """Text, in one line, with the characters escaped that are special in Markdown or begin an entity."""
    plain = " ".join(text.splitlines())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|&$~" else letter for letter in plain)


def _code(text: str) -> str:
    """Text as code in one line, whatever backticks it has."""
    plain = " ".join(text.splitlines())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", plain)), default=0))
    space = " " if "`" in plain else ""
    return f"{fence}{space}{plain}{space}{fence}"
