"""The report's sentences, the same in HTML, Markdown and on a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.schema.declaration import Declaration
from orchestrator.schema.record import Record
from orchestrator.stats.aggregate import FilledTable
from orchestrator.util.durations import duration

TITLE = "Residual Log-likelihood Estimation: the paper's tables, run again"

HOW_TO_READ = (
    "Every number of the paper has ours beside it: the mean over seeds ± one sample standard deviation. A "
    "cell without a number gives the reason: not run, running, diverged, collapsed or failed; a dash means "
    "not applicable. Runs that diverged (the loss, a gradient or a weight became non-finite) or collapsed "
    "(log s, |x| or σ ran away and the metric is at chance) are listed by seed in a footnote and excluded "
    "from the mean: “(1 of 3)” is the mean of the one run that trained.",
    "Sentences of the paper are quoted, each with the claims that it is read as; other claims are questions "
    "of our own. All are tested on our runs alone: paired t-tests over seeds, two one-sided tests for "
    "equivalence, Holm's correction within a table. Tests may be repeated as seeds are added: each look has "
    "its part of the level, so that a table holds a wrong verdict with a chance of 5 % at most. The verdict "
    "is supported or contradicted where the corrected p-value is at most 0.05, otherwise undecided, with the "
    "number of seeds needed for 80 % power where it can be estimated. A claim cannot be judged where runs "
    "behind it diverged or collapsed, as those that trained are a selection; none is at scale “smoke”. "
    "Beside each table lie its values by seed (tables/table_1_seeds.csv), to redo its tests with.",
)
HOW_TO_READ_CHARTS = (
    "At the paper's scale, below our number is its difference from the paper's, with a bar relative to the "
    "largest difference in the column; “identical” means that both are printed alike. Beside a verdict, the "
    "dot is our estimate, the line its confidence interval, adjusted like the verdict, and the shaded region "
    "is where the claim holds."
)


@dataclass(frozen=True)
class Provenance:
    """Data, code and machines behind the numbers of a table."""

    data: str
    fingerprints: tuple[str, ...]
    seeds: tuple[int, ...]
    commits: tuple[str, ...]
    machines: tuple[str, ...]
    workers: tuple[str, ...]  # workers per run
    arithmetic: tuple[str, ...]  # precision, processor and version of torch
    runs: int
    seconds: float
    days: tuple[str, ...] = ()  # the first and the last on which a run started

    def items(self) -> list[tuple[str, tuple[str, ...]]]:
        """Name and values of every known field."""
        named = [
            ("data", (self.data,)),
            ("data fingerprint", self.fingerprints),
            ("seeds", (", ".join(map(str, self.seeds)),)),
            ("runs", (f"{self.runs}, {duration(self.seconds)} in total",) if self.runs else ("none",)),
            ("started", (" to ".join(self.days),) if self.days else ()),
            ("commit", self.commits),
            ("machine", self.machines),
            ("arithmetic", self.arithmetic),
            ("workers per run", (", ".join(self.workers),) if self.workers else ()),
        ]
        return [(name, values) for name, values in named if values]


def provenance(declaration: Declaration, records: Mapping[str, Record]) -> Provenance:
    """The provenance of a table, from the records behind it."""
    found = [records[fingerprint] for fingerprint in declaration.fingerprints if fingerprint in records]
    usable = [record for record in found if not record.data or record.data in declaration.data_fingerprints]
    return Provenance(
        data=f"{declaration.data}; scale “{declaration.scale}”",
        fingerprints=declaration.data_fingerprints,
        seeds=declaration.seeds,
        commits=_distinct(record.commit for record in usable),
        machines=_distinct(record.machine for record in usable),
        workers=_distinct(str(record.world_size) for record in usable),
        arithmetic=_distinct(record.arithmetic for record in usable),
        runs=len(usable),
        seconds=sum(record.duration for record in usable),
        days=_ends(record.day for record in usable),
    )


def counts(filled: FilledTable) -> tuple[int, int]:
    """How many cells have a measured or computed number, and how many are declared."""
    cells = [cell for cell in filled.cells.values() if cell.status != "blank"]
    return sum(cell.mean is not None for cell in cells), len(cells)


def introduction(tables: Sequence[FilledTable]) -> str:
    """What the report contains and how complete it is."""
    measured, total = (
        (sum(numbers) for numbers in zip(*map(counts, tables), strict=True)) if tables else (0, 0)
    )
    data = (f"scale “{scale}” on {', '.join(sets)}" for scale, sets in _data_of_scales(tables).items())
    return (
        f"The paper's numbers beside ours, and its claims tested on our runs. {len(tables)} "
        f"{'table' if len(tables) == 1 else 'tables'}, {measured} of {total} cells filled. "
        f"Data: {'; '.join(data) or 'none yet'}."
    )


def left_out(remark: str) -> str:
    """A warning about what could not be recorded or read, and is not in the tables."""
    return f"Warning, not all that was measured is here: {remark}"


def caveats(tables: Sequence[FilledTable]) -> list[str]:
    """Limits of these numbers, none at the paper's scale on its data; and what could be taken for a fault.

    What was assumed about the data is said once each.
    """
    assumed = _distinct(sentence for table in tables for sentence in table.declaration.assumed)
    said = [f"Assumed about the data: {sentence}." for sentence in assumed]
    declared = (table.declaration for table in tables)
    own = _distinct(one.data for one in declared if one.scale == "paper" and not one.benchmark)
    others = [f"The paper's numbers are of other data than these: {data}." for data in own]
    limits = [
        f"At scale “{scale}” (small networks on {', '.join(data)}), absolute numbers are not comparable "
        "with the paper's; only the order of rows and the differences between them are."
        for scale, data in _data_of_scales(tables).items()
        if scale != "paper"
    ]
    return [*said, *limits, *others, *_sigma_at_ceiling(tables)]


def _sigma_at_ceiling(tables: Sequence[FilledTable]) -> list[str]:
    rows = sum(len(table.with_sigma) for table in tables)
    reached = sum(len(table.at_ceiling) for table in tables)
    if not reached:
        return []
    return [
        f"In {reached} of {rows} rows with a predicted scale, σ of some keypoint reached its ceiling, the "
        "size of the crop (above 0.9999), in a step of training. This is usual, and no fault: in RLE "
        "without the term log s nothing ties σ to the size of the errors, so −log Q increases σ and the "
        "flow contracts by the same factor. Such a keypoint has a confidence near 0; its position is not "
        "affected. Footnotes name other quantities that passed their limits."
    ]


def _data_of_scales(tables: Sequence[FilledTable]) -> dict[str, tuple[str, ...]]:
    """The data sets used at each scale, in words, without duplicates."""
    found: dict[str, tuple[str, ...]] = {}
    for declared in (table.declaration for table in tables):
        found[declared.scale] = _distinct((*found.get(declared.scale, ()), *declared.data.split("; ")))
    return found


def _ends(days: Iterable[str]) -> tuple[str, ...]:
    known = sorted(day for day in days if day)
    return _distinct((known[0], known[-1])) if known else ()


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
