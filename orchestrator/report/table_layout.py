"""Layout of a filled table as plain texts, before any markup.

Up to five columns have the paper's value and ours side by side; in a wider table our line stands below the
paper's.
"""

from dataclasses import dataclass
from decimal import Decimal

from models.flops import human
from orchestrator.schema.declaration import Declaration, DeclaredColumn, DeclaredRow
from orchestrator.stats.aggregate import Cell, FilledTable
from orchestrator.stats.seed_results import LOST

MAX_SIDE_BY_SIDE = 5
EMPTY = "–"
ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}
BETTER = {"higher": ", higher is better", "lower": ", lower is better", "neither": ""}
SCIENTIFIC_FROM = 1e6
"""Numbers of this size and above are printed in scientific notation."""


@dataclass(frozen=True)
class ColumnHead:
    """A column's title over its one or two sub-columns."""

    title: str
    subs: tuple[str, ...]


@dataclass(frozen=True)
class Text:
    """The text of a cell or label, and the indices of its footnotes."""

    text: str
    footnotes: tuple[int, ...] = ()


@dataclass(frozen=True)
class TableLine:
    """One printed line. `added` where the paper's table has other rows, but not this one."""

    label: Text
    added: bool
    cells: tuple[Text, ...]  # one per sub-column


@dataclass(frozen=True)
class TableLayout:
    """A table, ready for markup in any format."""

    title: str
    heads: tuple[ColumnHead, ...]
    lines: tuple[TableLine, ...]
    legend: str  # what the numbers are
    columns: tuple[str, ...]  # descriptions of columns that have one
    footnotes: tuple[str, ...]


def lay_out(filled: FilledTable) -> TableLayout:
    """Lay out a filled table."""
    declared, notes = filled.declaration, _footnotes(filled)
    stacked = len(declared.columns) > MAX_SIDE_BY_SIDE
    lines_of = _stacked if stacked else _side_by_side
    titles = [column.name if _same_unit(declared) else _title(column) for column in declared.columns]
    if stacked:
        heads = [ColumnHead("", ("",)), *(ColumnHead(title, ("",)) for title in titles)]
    else:
        subs = [_subs(filled, column) for column in declared.columns]
        heads = [ColumnHead(title, sub) for title, sub in zip(titles, subs, strict=True)]
    return TableLayout(
        title=declared.title,
        heads=tuple(heads),
        lines=tuple(line for row in declared.rows for line in lines_of(filled, row, notes)),
        legend=_legend(filled),
        columns=tuple(
            f"{column.name}: {column.description}" for column in declared.columns if column.description
        ),
        footnotes=tuple(notes),
    )


def number(value: float, column: DeclaredColumn) -> str:
    """A measured or computed value in the format of its column."""
    if column.human:
        return human(round(value)) if value >= 0 else f"-{human(round(-value))}"
    if abs(value) >= SCIENTIFIC_FROM:
        return f"{value:.1e}"
    return f"{value:z.{column.digits}f}"  # z: no minus sign before zero


def our_number(cell: Cell, column: DeclaredColumn) -> str:
    """Our side of a cell: mean ± standard deviation, or the status in words where there is no number.

    Where runs diverged or collapsed, it says of how many the mean is: `44.9 (1 of 3)`.
    """
    if cell.mean is None:
        return EMPTY if cell.status == "blank" else cell.status
    text = number(cell.mean, column)
    spread = "" if cell.std is None else f" ± {number(cell.std, column)}"
    return f"{text}{spread}{cell.trained}"


def losses(filled: FilledTable) -> tuple[str, ...]:
    """For each row with runs that diverged or collapsed, a line that names them by seed."""
    lines: list[str] = []
    for row in filled.declaration.rows:
        cells = [filled.cell(row.key, column.name) for column in filled.declaration.columns]
        notes = dict.fromkeys([*filled.row_notes[row.key], *(note for cell in cells for note in cell.notes)])
        lost = [note for note in notes if any(f" {word}" in note for word in LOST)]
        if lost and any(cell.lost for cell in cells):
            lines.append(f"{row.label}: {'; '.join(lost)}")
    return tuple(lines)


def paper_number(cell: Cell, column: DeclaredColumn) -> str:
    """The paper's side of a cell, with at least the digits that the paper prints."""
    if cell.paper is None:
        return EMPTY
    if column.human:
        return number(cell.paper, column)
    decimals = len(f"{Decimal(repr(cell.paper)).normalize():f}".partition(".")[2])
    return f"{cell.paper:.{max(decimals, column.digits)}f}"


def has_paper(filled: FilledTable, column: DeclaredColumn) -> bool:
    """Whether the paper prints a number in this column."""
    return any(cell.paper is not None for cell in filled.column(column.name))


def all_computed(filled: FilledTable, column: DeclaredColumn) -> bool:
    """Whether every filled cell of this column is computed, without a run."""
    return {cell.status for cell in filled.column(column.name)} - {"blank"} == {"computed"}


def seeds_of_rows(filled: FilledTable) -> str:
    """How many seeds each row has, where they differ; a sentence, or nothing."""
    counts: dict[int, list[str]] = {}
    for row in filled.declaration.rows:
        most = max((filled.cell(row.key, name).n for name in row.cells), default=0)
        if most:
            counts.setdefault(most, []).append(row.label)
    if len(counts) < 2:
        return ""
    listed = [f"{most} for {', '.join(rows)}" for most, rows in sorted(counts.items())]
    return f"Seeds: {'; '.join(listed)}."


def _side_by_side(filled: FilledTable, row: DeclaredRow, notes: dict[str, int]) -> list[TableLine]:
    texts: list[Text] = []
    for column in filled.declaration.columns:
        cell = filled.cell(row.key, column.name)
        if has_paper(filled, column):
            texts.append(Text(paper_number(cell, column)))
        texts.append(Text(our_number(cell, column), _indices(cell.notes, notes)))
    return [TableLine(_label(filled, row, notes), filled.declaration.adds(row), tuple(texts))]


def _stacked(filled: FilledTable, row: DeclaredRow, notes: dict[str, int]) -> list[TableLine]:
    columns = filled.declaration.columns
    cells = [filled.cell(row.key, column.name) for column in columns]
    pairs = list(zip(cells, columns, strict=True))
    above = [Text(paper_number(cell, column)) for cell, column in pairs]
    below = [Text(our_number(cell, column), _indices(cell.notes, notes)) for cell, column in pairs]
    label = _label(filled, row, notes)
    if all(cell.paper is None for cell in cells):
        return [TableLine(label, filled.declaration.adds(row), (Text("ours"), *below))]
    return [
        TableLine(label, filled.declaration.adds(row), (Text("paper"), *above)),
        TableLine(Text(""), False, (Text("ours"), *below)),
    ]


def _label(filled: FilledTable, row: DeclaredRow, notes: dict[str, int]) -> Text:
    return Text(row.label, _indices(notes_of_row(filled, row), notes))


def notes_of_row(filled: FilledTable, row: DeclaredRow) -> tuple[str, ...]:
    """The footnotes at a row's label: its description, and what holds for all of its cells."""
    return (*([row.description] if row.description else []), *filled.row_notes[row.key])


def _footnotes(filled: FilledTable) -> dict[str, int]:
    """Footnotes and their indices, in reading order, without duplicates."""
    columns = filled.declaration.columns
    notes = [
        note
        for row in filled.declaration.rows
        for group in (
            notes_of_row(filled, row),
            *(filled.cell(row.key, column.name).notes for column in columns),
        )
        for note in group
    ]
    return {note: index for index, note in enumerate(dict.fromkeys(notes))}


def _indices(texts: tuple[str, ...], notes: dict[str, int]) -> tuple[int, ...]:
    return tuple(sorted(notes[text] for text in texts))


def _title(column: DeclaredColumn) -> str:
    shown = column.unit and not column.human and column.unit.lower() not in column.name.lower()
    return column.name + (f" ({column.unit})" if shown else "") + ARROWS[column.better]


def _same_unit(declared: Declaration) -> bool:
    """Whether all columns share unit and direction, so that the legend states them once."""
    kinds = {(column.unit, column.better, column.human) for column in declared.columns}
    return len(kinds) == 1 and len(declared.columns) > 1 and bool(declared.columns[0].unit)


def _subs(filled: FilledTable, column: DeclaredColumn) -> tuple[str, ...]:
    paper = ("paper",) if has_paper(filled, column) else ()
    return (*paper, "computed" if all_computed(filled, column) else "ours")


def _legend(filled: FilledTable) -> str:
    declared = filled.declaration
    fewest, most = declared.seed_counts
    seeds = str(most) if fewest == most else f"{fewest} to {most}"
    many = f"mean ± sample standard deviation over {seeds} seeds"
    spread = many if most > 1 else "one seed, so no standard deviation"
    sentences = [f"Ours: {spread}; {declared.data}; scale “{declared.scale}”."]
    if _same_unit(declared):
        direction = BETTER[declared.columns[0].better]
        sentences.insert(0, f"All columns in {declared.columns[0].unit}{direction}.")
    computed = [column.name for column in declared.columns if all_computed(filled, column)]
    if computed:
        sentences.append(f"Computed, not measured: {', '.join(computed)}.")
    if any(cell.trained for cell in filled.cells.values()):
        sentences.append("“(1 of 3)” is the mean of one run, as two others diverged or collapsed.")
    if any(filled.declaration.adds(row) for row in declared.rows):
        sentences.append("Added rows are not in the paper's table.")
    if seeds := seeds_of_rows(filled):
        sentences.append(seeds)
    if filled.machines:
        sentences.append(f"Machine: {'; '.join(filled.machines)}.")
    if len(filled.arithmetic) == 1:
        sentences.append(f"Arithmetic: {filled.arithmetic[0]}.")
    return " ".join([*sentences, *_sources(declared), *filled.notes])


def _sources(declared: Declaration) -> list[str]:
    """Sources of the paper's numbers; rows are named for all sources but the most common one."""
    rows: dict[str, list[str]] = {}
    labels = {row.key: row.label for row in declared.rows}
    for cell in declared.paper:
        if cell.row in labels:
            rows.setdefault(cell.source, []).append(labels[cell.row])
    if not rows:
        return []
    main, *others = sorted(rows, key=lambda source: -len(rows[source]))
    exceptions = [f"{source} for {', '.join(dict.fromkeys(rows[source]))}" for source in others]
    return [f"Paper: {'; '.join([main, *exceptions])}."]
