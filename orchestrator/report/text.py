"""What the report says in words, whether it is read as HTML, Markdown or in a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.schema.declaration import Declaration
from orchestrator.schema.record import Record
from orchestrator.stats.aggregate import FilledTable

TITLE = "Residual Log-likelihood Estimation: the paper's tables, run again"

READING = (
    "Beside each number of the paper stands ours: the mean over seeds ± one standard deviation. A cell "
    "without a number says why: not run, running, diverged or failed; a dash means that there is nothing to "
    "say. A run that diverged is a finding and is named in a footnote; it has no part in the mean.",
    "Each sentence of the paper is put to a test on our runs alone. The verdict is supported or contradicted "
    "where the runs decide it, with Holm's correction within a table, and undecided where they do not. Where "
    "the spread seen allows an estimate, the sentence says how many seeds would decide.",
)
DRAWINGS = (
    "Below our number stands its difference from the paper's, with a bar that compares it with the largest "
    "difference in the column; “as printed” means that both print alike. Beside a verdict, the dot is our "
    "estimate, the line its 95 % interval, and the shaded region is where the sentence holds."
)


@dataclass(frozen=True)
class Origin:
    """Where the numbers of a table come from."""

    data: str
    fingerprints: tuple[str, ...]
    seeds: tuple[int, ...]
    commits: tuple[str, ...]
    machines: tuple[str, ...]
    workers: tuple[str, ...]  # of each run
    runs: int
    seconds: float
    days: tuple[str, ...] = ()  # the first and the last on which a run began

    def lines(self) -> list[tuple[str, tuple[str, ...]]]:
        """Name and values of everything that is known."""
        named = [
            ("data", (self.data,)),
            ("data fingerprint", self.fingerprints),
            ("seeds", (", ".join(map(str, self.seeds)),)),
            ("runs", (f"{self.runs}, {_duration(self.seconds)} in all",) if self.runs else ("none",)),
            ("begun on", (" to ".join(self.days),) if self.days else ()),
            ("code at commit", self.commits),
            ("machine", self.machines),
            ("workers a run", (", ".join(self.workers),) if self.workers else ()),
        ]
        return [(name, values) for name, values in named if values]


def origin(declaration: Declaration, records: Mapping[str, Record]) -> Origin:
    """What the records behind a table say about themselves."""
    found = [records[fingerprint] for fingerprint in declaration.fingerprints if fingerprint in records]
    usable = [record for record in found if not record.data or record.data in declaration.data_fingerprints]
    return Origin(
        data=f"{declaration.data}; scale “{declaration.scale}”",
        fingerprints=declaration.data_fingerprints,
        seeds=declaration.seeds,
        commits=_distinct(record.commit for record in usable),
        machines=_distinct(record.machine for record in usable),
        workers=_distinct(str(record.world_size) for record in usable),
        runs=len(usable),
        seconds=sum(record.duration for record in usable),
        days=_ends(record.day for record in usable),
    )


def counts(filled: FilledTable) -> tuple[int, int]:
    """How many cells have a number of ours, of how many that are declared."""
    cells = [cell for cell in filled.cells.values() if cell.status != "blank"]
    return sum(cell.mean is not None for cell in cells), len(cells)


def opening(tables: Sequence[FilledTable]) -> str:
    """What this report is and how complete."""
    measured, total = (
        (sum(numbers) for numbers in zip(*map(counts, tables), strict=True)) if tables else (0, 0)
    )
    data = (f"scale “{scale}” on {', '.join(sets)}" for scale, sets in _data_of_scales(tables).items())
    return (
        f"The paper's numbers beside ours, and its sentences tested on our runs. {len(tables)} "
        f"{'table' if len(tables) == 1 else 'tables'}, {measured} of {total} cells filled. "
        f"Data: {'; '.join(data) or 'none yet'}."
    )


def cautions(tables: Sequence[FilledTable]) -> list[str]:
    """What a reader must not do with these numbers; nothing at the paper's own scale."""
    return [
        f"At scale “{scale}” (small networks on {', '.join(data)}), absolute numbers can't be compared with "
        "the paper's. Only the order of rows and the differences between them can."
        for scale, data in _data_of_scales(tables).items()
        if scale != "paper"
    ]


def _data_of_scales(tables: Sequence[FilledTable]) -> dict[str, tuple[str, ...]]:
    """What was measured on at each scale, in words, once each."""
    found: dict[str, tuple[str, ...]] = {}
    for declared in (table.declaration for table in tables):
        found[declared.scale] = _distinct((*found.get(declared.scale, ()), *declared.data.split("; ")))
    return found


def _ends(days: Iterable[str]) -> tuple[str, ...]:
    known = sorted(day for day in days if day)
    return _distinct((known[0], known[-1])) if known else ()


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
