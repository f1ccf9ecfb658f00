"""Every sweep as declared: no cell of the paper without a source, no experiment that can't be built."""

import dataclasses
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from orchestrator.config.experiment import Experiment, seeded
from orchestrator.config.length import lengthened
from orchestrator.config.vary import vary
from orchestrator.data.binding import Binding
from orchestrator.schema.paper_numbers import paper_cells
from orchestrator.schema.plots import Curves, PartCurves, Scatter
from orchestrator.sweep.plan import PlanSettings, plan_table, plan_tables
from orchestrator.sweep.sweep import Row, Sweep, Table
from orchestrator.training.module import TrainingModule
from orchestrator.util.errors import SweepError
from sweeps import all_sweeps, listed
from sweeps.baselines import PAPER
from tests.support.errors import refused
from tests.support.paths import ROOT

SWEEPS = all_sweeps()
TABLES = [table for sweep in SWEEPS for table in sweep.tables]
SETTING = PlanSettings(scale="demo", report="demo", seeds=(0, 1), data=Binding().words, command="")


def by_id(table: Table) -> str:
    return f"table {table.id}"


def paper_rows(table: Table) -> list[Row]:
    return list(table.rows("paper"))


def experiments(row: Row) -> list[Experiment]:
    return [row.experiment, *row.groups.values()]


def test_lists_say_what_the_sweeps_say() -> None:
    assert [(one.name, one.description) for one in listed()] == [(s.name, s.description) for s in SWEEPS]


@pytest.mark.parametrize("batch", [16, 128])
def test_every_table_can_be_planned_with_other_batches(batch: int) -> None:
    setting = replace(SETTING, bind=lambda experiment: lengthened(experiment, None, batch))
    for planned in plan_tables(TABLES, setting):
        trained = {job.trained.schedule.batch for job in planned.jobs.values() if job.trained is not None}
        assert trained == {batch}


@pytest.mark.parametrize("table", TABLES, ids=by_id)
def test_every_paper_cell_has_exactly_one_source(table: Table) -> None:
    declaration = plan_table(table, SETTING).declaration
    cells = [(row.key, column) for row in declaration.rows for column in row.cells]
    assert len(cells) == len(set(cells))
    printed = [(cell.row, cell.column) for cell in table.paper]
    assert {(c.row, c.column) for c in paper_cells(PAPER, table.id)} <= set(printed)
    assert len(printed) == len(set(printed))
    assert set(printed) <= set(cells)


@pytest.mark.parametrize("table", TABLES, ids=by_id)
def test_every_row_not_marked_ours_stands_in_the_paper(table: Table) -> None:
    printed = {cell.row for cell in paper_cells(PAPER, table.id) if cell.source.startswith("supplement")}
    assert {row.key for row in paper_rows(table) if row.in_paper} == printed


@pytest.mark.parametrize("table", TABLES, ids=by_id)
def test_claims_and_plots_speak_of_cells_that_exist(table: Table) -> None:
    declaration = plan_table(table, SETTING).declaration
    cells = {(row.key, column) for row in declaration.rows for column in row.cells}
    names = {column.name for column in declaration.columns}
    for claim in declaration.claims:
        refs = [claim.a] if claim.kind == "below" else [claim.a, claim.b]
        assert all((ref.row, ref.column) in cells for ref in refs), claim.description
    for plot in declaration.plots:
        match plot:
            case Scatter():
                assert {plot.x, plot.y} <= names
            case PartCurves():
                assert plot.row in {row.key for row in declaration.rows}
                assert len(plot.keys) == len(plot.labels)
            case Curves():
                assert plot.key
            case _:
                assert plot.column in names


@pytest.mark.parametrize("table", TABLES, ids=by_id)
@pytest.mark.parametrize("scale", ["smoke", "demo", "paper"])
def test_rows_have_names_of_their_own_and_differ_in_what_stands_behind_them(table: Table, scale: str) -> None:
    rows = list(table.rows(scale))
    assert len({row.key for row in rows}) == len(rows)
    declaration = plan_table(table, dataclasses.replace(SETTING, scale=scale)).declaration
    behind = [tuple(sorted((n, c.key, c.fingerprints) for n, c in r.cells.items())) for r in declaration.rows]
    assert len(set(behind)) == len(rows)
    assert all(row.key.isascii() for row in rows)


@pytest.mark.parametrize("table", TABLES, ids=by_id)
def test_every_table_of_coco_keypoints_alone_can_be_planned_for_photographs(table: Table) -> None:
    pytest.importorskip("timm")
    photos = replace(SETTING, scale="photos")
    if {row.experiment.data.kind for row in table.rows("demo")} == {"coco"}:
        trainings = [job.trained for job in plan_table(table, photos).jobs.values() if job.trained]
        assert {e.data.size for e in trainings if e.schedule.epochs > 1} <= {(128, 96)}
    else:
        with refused("no-photos"):
            plan_table(table, photos)


def trained_at_paper_scale() -> dict[str, Experiment]:
    """Every training that any table needs, once each."""
    rows = (row for table in TABLES for row in paper_rows(table))
    return {e.fingerprint(): e for row in rows for e in experiments(row)}


@pytest.mark.parametrize("experiment", trained_at_paper_scale().values(), ids=Experiment.describe)
def test_the_paper_scale_takes_one_real_step_on_two_samples(experiment: Experiment) -> None:
    trainee = TrainingModule(experiment, pretrained=False).train()
    data = experiment.data
    height, width = data.size
    image = torch.randint(0, 256, (2, height, width, 3), dtype=torch.uint8)
    target = torch.rand(2, data.points, data.dim) - 0.5
    weight = torch.ones_like(target)
    if data.dim == 3:
        weight[:, ::2, 2] = 0  # joints of MPII, which have no depth
    loss, _ = trainee(image, target, weight, 0)
    before = [p.detach().clone() for p in trainee.parameters()]
    loss.backward()
    torch.optim.Adam(trainee.parameters()).step()
    assert torch.isfinite(loss)
    assert any(not torch.equal(p, old) for p, old in zip(trainee.parameters(), before, strict=True))
    assert all(p.grad is not None for p in trainee.parameters())


def test_rows_that_stand_in_two_tables_are_one_experiment() -> None:
    one, seven = (plan_table(t, SETTING) for t in TABLES if t.id in ("1", "7"))
    shared = [fp for fp, key in one.rows.items() if key == "3x64"]
    assert shared == [fp for fp, key in seven.rows.items() if key == "RLE (Q+G)"]


def test_only_selects_rows_but_the_table_stays_whole() -> None:
    table = TABLES[0]
    whole = plan_table(table, SETTING)
    selected = plan_table(table, dataclasses.replace(SETTING, only=("3x64",)))
    assert selected.declaration == whole.declaration
    assert 0 < len(selected.wanted) < len(whole.wanted)


@pytest.mark.parametrize(
    ("names", "only", "planned"),
    [
        (("occlusion",), ("Unoccluded",), ["5", "6"]),
        (("flow_size", "residual_term"), ("3x64",), ["1"]),
        (("flow_size", "residual_term"), ("3x64", "DLE"), ["1", "7"]),
    ],
)
def test_only_leaves_out_tables_without_such_a_row(
    names: tuple[str, ...], only: tuple[str, ...], planned: list[str]
) -> None:
    tables = [table for sweep in SWEEPS if sweep.name in names for table in sweep.tables]
    plans = plan_tables(tables, dataclasses.replace(SETTING, only=only))
    assert [plan.declaration.table for plan in plans] == planned
    assert all(plan.wanted for plan in plans)


def test_a_row_that_no_chosen_table_has_is_refused_with_similar_names_first() -> None:
    tables = [table for table in TABLES if table.id in ("1", "7")]
    with refused("no-row", SweepError) as caught:
        plan_tables(tables, dataclasses.replace(SETTING, only=("DLE", "5x65")))
    _, _, listed = str(caught.value).partition("there are ")
    assert listed.startswith("'5x64', ")
    assert "'RLE (Q+G)'" in listed


@pytest.mark.parametrize(
    ("command", "there", "absent"),
    [
        (("sweeps/occlusion.py", "--only", "Unoccluded"), ("Table 5:", "Table 6:"), "Tables 5 and 6:"),
        (
            ("-m", "sweeps", "run", "flow_size", "residual_term", "--only", "3x64"),
            ("Table 1:",),
            "Table 7:",
        ),
    ],
)
def test_the_command_line_runs_only_tables_that_have_the_row(
    command: tuple[str, ...], there: tuple[str, ...], absent: str, uri: str, tmp_path: Path
) -> None:
    store = ("--scale", "smoke", "--dry-run", "--results", str(tmp_path), "--tracking-uri", uri)
    done = subprocess.run(
        [sys.executable, *command, *store], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert all(title in done.stdout for title in there)
    assert absent not in done.stdout


def test_a_plan_builds_each_experiment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Experiment] = []
    monkeypatch.setattr("orchestrator.sweep.plan.seeded", lambda e, seed: built.append(e) or seeded(e, seed))
    (sweep,) = (sweep for sweep in SWEEPS if sweep.name == "occlusion")
    plans = plan_tables(sweep.tables, SETTING)
    assert len({fp for plan in plans for fp in plan.jobs}) == 8  # two trainings and two probes a seed
    assert len(built) == 4


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: sweep.name)
def test_a_sweep_file_is_executable_and_its_help_teaches(sweep: Sweep) -> None:
    path = ROOT / "sweeps" / f"{sweep.name}.py"
    assert path.stat().st_mode & 0o111
    done = subprocess.run(
        [sys.executable, path, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (*sweep.tables, *sweep.searches)[0].id.split()[-1] in done.stdout
    assert "--dry-run" in done.stdout


def test_seeds_are_part_of_the_experiment() -> None:
    experiment: Experiment = paper_rows(TABLES[0])[0].experiment
    assert vary(experiment, seed=1).fingerprint() != experiment.fingerprint()


def test_what_a_row_starts_from_is_trained_first_with_the_same_seed_and_shared() -> None:
    table = next(table for table in TABLES if table.id == "2")
    planned = plan_table(table, dataclasses.replace(SETTING, only=("*RLE",)))
    row = next(row for row in table.rows("demo") if row.key == "*RLE")
    starts = [seeded(row.experiment.start, seed).fingerprint() for seed in SETTING.seeds]
    finals = [seeded(row.experiment, seed).fingerprint() for seed in SETTING.seeds]
    assert planned.wanted == {*starts, *finals}
    assert {fp: key for fp, key in planned.rows.items() if fp in starts} == dict.fromkeys(
        starts, "SimplePose"
    )
    assert planned.declaration.needs == dict(zip(finals, ((fp,) for fp in starts), strict=True))
    assert [list(planned.jobs).index(fp) for fp in starts] < [list(planned.jobs).index(fp) for fp in finals]
