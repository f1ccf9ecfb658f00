"""Which rows get more seeds, and what of former looks stays."""

from dataclasses import replace

import pytest

from orchestrator.run.looks import check_max_seeds, remembered, schedule, undecided_rows
from orchestrator.schema.claims import CellRef, Greater
from orchestrator.schema.declaration import CellSource, Declaration, DeclaredColumn, DeclaredRow
from orchestrator.schema.record import Record
from tests.support.errors import refused

ROWS = {"good": 9.0, "fair": 1.05, "base": 1.0, "alone": 3.0}


def declared(seeds: int, experiments: str = "", **fields: object) -> Declaration:
    def row(key: str) -> DeclaredRow:
        prints = tuple(f"{key}{experiments}-{seed}" for seed in range(seeds))
        return DeclaredRow(key=key, label=key, cells={"AP": CellSource(key="AP", fingerprints=prints)})

    def better(name: str) -> Greater:
        return Greater(description=name, a=CellRef(row=name, column="AP"), b=CellRef(row="base", column="AP"))

    return Declaration(
        table="1",
        title="",
        scale="demo",
        data="",
        data_fingerprints=(),
        seeds=tuple(range(seeds)),
        columns=(DeclaredColumn(name="AP"),),
        rows=tuple(map(row, ROWS)),
        claims=(better("good"), better("fair")),
        **fields,  # type: ignore[arg-type]
    )


def records(seeds: int) -> dict[str, Record]:
    """Values that alternate about each row's mean, out of step with the base row's."""

    def record(key: str, seed: int) -> Record:
        swing = 0.1 * (-1) ** (seed // 2 if key == "base" else seed)
        return Record(f"{key}-{seed}", key, "finished", seed, {"AP": ROWS[key] + swing})

    return {f"{key}-{seed}": record(key, seed) for key in ROWS for seed in range(seeds)}


@pytest.mark.parametrize(
    ("most", "looks"),
    [(20, (4, 7, 12, 20)), (30, (4, 7, 12, 20, 30)), (10, (4, 7, 10)), (4, (4,)), (3, (3,))],
)
def test_looks_are_fixed_in_advance_and_end_with_the_most_seeds(most: int, looks: tuple[int, ...]) -> None:
    assert schedule(most) == looks


def test_only_rows_of_undecided_claims_get_more_seeds() -> None:
    assert undecided_rows(declared(4, looks=(4,)), records(4)) == {"fair", "base"}


def test_the_same_store_gives_the_same_decisions() -> None:
    """A run that was killed at a later look goes through the former ones again."""
    killed = declared(4, looks=(4, 7))
    assert undecided_rows(killed, records(4)) == undecided_rows(declared(4, looks=(4,)), records(4))


def test_looks_add_up_over_commands() -> None:
    today = remembered(None, declared(3))
    assert today.looks == (3,)
    tomorrow = remembered(today, declared(5))
    assert tomorrow.looks == (3, 5)
    assert remembered(tomorrow, declared(5)).looks == (3, 5)
    assert remembered(declared(3), declared(5)).looks == (3, 5)  # of a store without looks


def test_other_experiments_are_looked_at_for_the_first_time() -> None:
    assert remembered(declared(3, looks=(3,)), declared(5, "of another recipe")).looks == (5,)


def test_the_most_seeds_stay_what_they_were_at_the_first_look() -> None:
    assert remembered(declared(3, looks=(3,), max_seeds=20), declared(5, max_seeds=5)).max_seeds == 20


def test_claims_whose_seeds_all_agree_get_no_more_seeds() -> None:
    same = {fp: replace(record, metrics={"AP": 1.0}) for fp, record in records(4).items()}
    assert undecided_rows(declared(4, looks=(4,)), same) == set()


def test_more_seeds_than_the_first_look_was_divided_over_are_refused() -> None:
    check_max_seeds([declared(4, looks=(4,), max_seeds=20)], 20)
    check_max_seeds([declared(4, looks=(4,), max_seeds=20)], 10)
    with refused("max-seeds-changed") as raised:
        check_max_seeds([declared(4, looks=(4,), max_seeds=20)], 30)
    assert "--max-seeds 20" in str(raised.value)


def test_a_claim_that_cannot_be_judged_gets_no_more_seeds() -> None:
    gone = {"AP": 0.0, "log_s": 547.0}
    found = records(4) | {"fair-2": Record("fair-2", "fair", "finished", 2, gone)}
    assert undecided_rows(declared(4, looks=(4,)), found) == set()
    found["fair-2"] = Record("fair-2", "fair", "diverged", 2, {})
    assert undecided_rows(declared(4, looks=(4,)), found) == set()
