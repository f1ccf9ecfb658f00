"""Rows added on the command line: fields by their place in the experiment, values checked by its types."""

import pytest

from models.objectives import DLE, RLE
from models.realnvp import RealNVP
from orchestrator.config.experiment import Experiment
from orchestrator.config.length import lengthened
from orchestrator.config.schedule import Schedule, Steps
from orchestrator.config.vary import vary
from orchestrator.sweep.sweep import Row, Table
from orchestrator.sweep.variations import parse, vary_tables, with_variations
from tests.support.errors import refused


@pytest.fixture
def table(experiment: Experiment) -> Table:
    dle = Row("DLE", vary(experiment, objective=DLE()), groups={"other": experiment})
    rows = [Row("RLE", vary(experiment, objective=RLE())), dle]
    return Table("1", title="", description="", rows=lambda scale: rows, columns=[], paper=())


def rows(table: Table, *texts: str, only: tuple[str, ...] = ()) -> list[Row]:
    return list(with_variations(table, [parse(text) for text in texts], only).rows("smoke"))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a.b=16,32", (16, 32)),
        ("a.b=1e-3", (0.001,)),
        ("a.b=true,null", (True, None)),
        ("a.b=grid,samples", ("grid", "samples")),
        ("a.b=[1, 2],[3, 4]", ([1, 2], [3, 4])),
        ('a.b={"kind": "adam"}', ({"kind": "adam"},)),
    ],
)
def test_values_are_json_or_words(text: str, values: tuple[object, ...]) -> None:
    assert (parse(text).field, parse(text).values) == ("a.b", values)


@pytest.mark.parametrize("text", ["", "=", "width", "width=", "=3"])
def test_what_is_no_variation_is_refused(text: str) -> None:
    with refused("no-variation"):
        parse(text)


def test_the_first_row_is_crossed_with_all_values(table: Table) -> None:
    found = rows(table, "objective.flow.width=16,32", "schedule.epochs=1,2,3")
    assert [row.key for row in found[:3]] == ["RLE", "RLE, width 16, epochs 1", "RLE, width 16, epochs 2"]
    assert [row.key for row in found][-1] == "DLE"
    assert len(found) == 2 + 6
    added = found[1]
    assert not added.in_paper
    assert added.description == "objective.flow.width=16, schedule.epochs=1"
    assert isinstance(added.experiment.objective, RLE)
    assert added.experiment.objective.flow == RealNVP(width=16)
    assert added.experiment.schedule.epochs == 1
    assert len({row.experiment.fingerprint() for row in found}) == 8


def test_a_row_that_is_named_is_varied_with_its_groups(table: Table) -> None:
    found = rows(table, "schedule.epochs=9", only=("DLE",))
    assert [row.key for row in found] == ["RLE", "DLE", "DLE, epochs 9"]
    assert found[-1].groups["other"].schedule.epochs == 9
    _, keys = vary_tables([table], ["schedule.epochs=9"], ("DLE",), "smoke")
    assert keys == ("DLE", "DLE, epochs 9")


def test_a_row_whose_name_begins_like_the_named_one_is_not_run(experiment: Experiment) -> None:
    rows = [
        Row("RLE", experiment),
        Row("RLE, Gaussian Q", vary(experiment, objective=RLE(density="gaussian"))),
    ]
    table = Table("1", title="", description="", rows=lambda scale: rows, columns=[], paper=())
    _, keys = vary_tables([table], ["schedule.epochs=9"], ("RLE",), "smoke")
    assert keys == ("RLE", "RLE, epochs 9")


def test_without_variations_the_table_is_the_same(table: Table) -> None:
    assert vary_tables([table], [], ("DLE",), "smoke") == ([table], ("DLE",))


def test_an_unknown_field_names_near_ones(table: Table) -> None:
    with refused("no-field") as raised:
        rows(table, "objective.flow.widht=16")
    assert "'width'" in str(raised.value)
    with refused("no-field"):
        rows(table, "schedule.epochs.more=16")


@pytest.mark.parametrize(
    "text", ["objective.flow.width=wide", "objective.flow.width=-1", "schedule.epochs=0.5"]
)
def test_values_are_checked_by_the_field_that_takes_them(table: Table, text: str) -> None:
    with refused("invalid-value"):
        rows(table, text)


@pytest.mark.parametrize(
    "texts",
    [("schedule.epochs=27",), ('schedule.decay={"kind": "steps", "milestones": [20]}', "schedule.epochs=27")],
)
def test_milestones_move_with_varied_epochs_unless_they_are_named(
    experiment: Experiment, texts: tuple[str, ...]
) -> None:
    recipe = vary(experiment, schedule=Schedule(epochs=270, batch=64, decay=Steps(milestones=(170, 200))))
    table = Table(
        "1", title="", description="", rows=lambda scale: [Row("RLE", recipe)], columns=[], paper=()
    )
    added = rows(table, *texts)[1].experiment
    if len(texts) > 1:
        assert added.schedule.decay == Steps(milestones=(20,))
    else:
        assert added.schedule.decay == Steps(milestones=(17, 20))
        assert added.fingerprint() == lengthened(recipe, 27, None).fingerprint()
