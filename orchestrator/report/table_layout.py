"""A filled table as the texts that are printed, before any markup.

Up to five columns stand side by side, each as a pair of paper and ours; a wider table sets our line under
the paper's.
"""

from dataclasses import dataclass
from decimal import Decimal

from models.flops import human
from orchestrator.schema.declaration import Declaration, DeclaredColumn, DeclaredRow
from orchestrator.stats.aggregate import Cell, FilledTable

SIDE_BY_SIDE = 5
NOTHING = "–"
ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}
BETTER = {"higher": ", higher is better", "lower": ", lower is better", "neither": ""}
UNREADABLE = 1e6
"""From here on digits are hard to count, and a power of ten stands in their place."""


@dataclass(frozen=True)
class Head:
    """A column's title over its one or two sub-columns."""

    title: str
    subs: tuple[str, ...]


@dataclass(frozen=True)
class Text:
    """The text of a cell or label, with the indices of its footnotes."""

    text: str
    marks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Line:
    """One printed line; `ours` where the paper has no such row."""

    label: Text
    in_paper: bool
    texts: tuple[Text, ...]  # one a sub-column


@dataclass(frozen=True)
class Printed:
    """A table, ready for markup."""

    title: str
    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    legend: str  # what the numbers are
    columns: tuple[str, ...]  # what the columns are, where that needs saying
    footnotes: tuple[str, ...]  # in the order of their marks


def printed(filled: FilledTable) -> Printed:
    """Lay a filled table out."""
    declared, marks = filled.declaration, _marks(filled)
    stacked = len(declared.columns) > SIDE_BY_SIDE
    lay_out = _stacked if stacked else _side_by_side
    titles = [column.name if _alike(declared) else _title(column) for column in declared.columns]
    if stacked:
        heads = [Head("", ("",)), *(Head(title, ("",)) for title in titles)]
    else:
        subs = [_subs(filled, column) for column in declared.columns]
        heads = [Head(title, sub) for title, sub in zip(titles, subs, strict=True)]
    return Printed(
        title=declared.title,
        heads=tuple(heads),
        lines=tuple(line for row in declared.rows for line in lay_out(filled, row, marks)),
        legend=_legend(filled),
        columns=tuple(
            f"{column.name}: {column.description}" for column in declared.columns if column.description
        ),
        footnotes=tuple(marks),
    )


def number(value: float, column: DeclaredColumn) -> str:
    """A value of ours as its column prints numbers."""
    if column.human:
        return human(round(value)) if value >= 0 else f"-{human(round(-value))}"
    if abs(value) >= UNREADABLE:
        return f"{value:.1e}"
    return f"{value:z.{column.digits}f}"  # z: no minus before zero


def our_number(cell: Cell, column: DeclaredColumn) -> str:
    """Our side of a cell: mean and spread, or in words why there is none."""
    if cell.mean is None:
        return NOTHING if cell.status == "blank" else cell.status
    text = number(cell.mean, column)
    return text if cell.std is None else f"{text} ± {number(cell.std, column)}"


def paper_number(cell: Cell, column: DeclaredColumn) -> str:
    """The paper's side of a cell, never with fewer digits than the paper prints."""
    if cell.paper is None:
        return NOTHING
    if column.human:
        return number(cell.paper, column)
    decimals = len(f"{Decimal(repr(cell.paper)).normalize():f}".partition(".")[2])
    return f"{cell.paper:.{max(decimals, column.digits)}f}"


def _side_by_side(filled: FilledTable, row: DeclaredRow, marks: dict[str, int]) -> list[Line]:
    texts: list[Text] = []
    for column in filled.declaration.columns:
        cell = filled.cell(row.key, column.name)
        if "paper" in _subs(filled, column):
            texts.append(Text(paper_number(cell, column)))
        texts.append(Text(our_number(cell, column), _numbers(cell.notes, marks)))
    return [Line(_label(filled, row, marks), row.in_paper, tuple(texts))]


def _stacked(filled: FilledTable, row: DeclaredRow, marks: dict[str, int]) -> list[Line]:
    columns = filled.declaration.columns
    cells = [filled.cell(row.key, column.name) for column in columns]
    pairs = list(zip(cells, columns, strict=True))
    above = [Text(paper_number(cell, column)) for cell, column in pairs]
    below = [Text(our_number(cell, column), _numbers(cell.notes, marks)) for cell, column in pairs]
    label = _label(filled, row, marks)
    if all(cell.paper is None for cell in cells):
        return [Line(label, row.in_paper, (Text("ours"), *below))]
    return [
        Line(label, row.in_paper, (Text("paper"), *above)),
        Line(Text(""), True, (Text("ours"), *below)),
    ]


def _label(filled: FilledTable, row: DeclaredRow, marks: dict[str, int]) -> Text:
    return Text(row.label, _numbers(_row_notes(filled, row), marks))


def _row_notes(filled: FilledTable, row: DeclaredRow) -> tuple[str, ...]:
    return (*([row.description] if row.description else []), *filled.row_notes[row.key])


def _marks(filled: FilledTable) -> dict[str, int]:
    """Footnotes and their numbers, in reading order, the same words once."""
    columns = filled.declaration.columns
    notes = [
        note
        for row in filled.declaration.rows
        for group in (
            _row_notes(filled, row),
            *(filled.cell(row.key, column.name).notes for column in columns),
        )
        for note in group
    ]
    return {note: index for index, note in enumerate(dict.fromkeys(notes))}


def _numbers(notes: tuple[str, ...], marks: dict[str, int]) -> tuple[int, ...]:
    return tuple(sorted(marks[note] for note in notes))


def _title(column: DeclaredColumn) -> str:
    shown = column.unit and not column.human and column.unit.lower() not in column.name.lower()
    return column.name + (f" ({column.unit})" if shown else "") + ARROWS[column.better]


def _alike(declared: Declaration) -> bool:
    """Several columns of one unit and direction: the legend says it once, for all of them."""
    kinds = {(column.unit, column.better, column.human) for column in declared.columns}
    return len(kinds) == 1 and len(declared.columns) > 1 and bool(declared.columns[0].unit)


def _subs(filled: FilledTable, column: DeclaredColumn) -> tuple[str, ...]:
    cells = [filled.cell(row.key, column.name) for row in filled.declaration.rows]
    paper = ("paper",) if any(cell.paper is not None for cell in cells) else ()
    return (*paper, "computed" if _all_computed(filled, column) else "ours")


def _all_computed(filled: FilledTable, column: DeclaredColumn) -> bool:
    cells = [filled.cell(row.key, column.name) for row in filled.declaration.rows]
    return {cell.status for cell in cells} - {"blank"} == {"computed"}


def _legend(filled: FilledTable) -> str:
    declared, seeds = filled.declaration, filled.declaration.seeds
    many = f"mean ± sample standard deviation over {len(seeds)} seeds"
    spread = many if len(seeds) > 1 else "one seed, so no spread"
    sentences = [f"Ours: {spread}; {declared.data}; scale “{declared.scale}”."]
    if _alike(declared):
        direction = BETTER[declared.columns[0].better]
        sentences.insert(0, f"All columns in {declared.columns[0].unit}{direction}.")
    computed = [column.name for column in declared.columns if _all_computed(filled, column)]
    if computed:
        sentences.append(f"Computed, not measured: {', '.join(computed)}.")
    if filled.machines:
        sentences.append(f"Machine: {'; '.join(filled.machines)}.")
    return " ".join([*sentences, *_sources(declared), *filled.notes])


def _sources(declared: Declaration) -> list[str]:
    """Where the paper's numbers come from; the rows are named for all sources but the commonest."""
    rows: dict[str, list[str]] = {}
    labels = {row.key: row.label for row in declared.rows}
    for cell in declared.paper:
        if cell.row in labels:
            rows.setdefault(cell.source, []).append(labels[cell.row])
    if not rows:
        return []
    commonest, *others = sorted(rows, key=lambda source: -len(rows[source]))
    exceptions = [f"{source} for {', '.join(dict.fromkeys(rows[source]))}" for source in others]
    return [f"Paper: {'; '.join([commonest, *exceptions])}."]
