"""The report as Markdown, as GitHub shows it in the folder."""

from collections.abc import Iterator, Sequence

from orchestrator.report import table_formats, text
from orchestrator.report.section import MARKS, Section


def readme(sections: Sequence[Section]) -> str:
    """The report as GitHub shows it in the folder."""
    filled = [part.filled for part in sections]
    parts = [f"# {text.TITLE}", text.opening(filled)]
    parts += [f"> {caution}" for caution in text.cautions(filled)]
    parts.append("[report.html](report.html) has the same in one page, to be opened in a browser.")
    for part in sections:
        parts += _readme_section(part)
    return "\n\n".join([*parts, "## How to read this", *text.READING]) + "\n"


def _readme_section(part: Section) -> Iterator[str]:
    declared = part.declaration
    pictures = [
        f"![{_md(picture.caption)}](figures/{picture.name}.svg)\n\n*{_md(picture.caption)}*"
        for picture in part.pictures
    ]
    yield f"## {declared.heading}"
    if declared.description:
        yield _md(declared.description)
    if declared.is_figure:
        yield from pictures
    yield table_formats.markdown(part.filled).strip()
    if part.verdicts:
        yield "**Sentences of the paper, tested**"
        yield "\n".join(
            f"- {MARKS[v.verdict]} **{v.verdict}**: {_md(v.claim)} {_md(v.sentence)}" for v in part.verdicts
        )
    if not declared.is_figure:
        yield from pictures
    lines = [f"- {name}: {_md('; '.join(values))}" for name, values in part.origin.lines()]
    if declared.command:
        lines.append(f"- to run it again: `{declared.command}`")
    yield "\n".join(lines)


def _md(text: str) -> str:
    """Text that Markdown takes as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|" else letter for letter in text)
