"""Two parts of one row's gradient by epoch."""

from dataclasses import replace

from orchestrator.report.figures import draw, svg
from orchestrator.report.figures.training_curves import part_lines
from orchestrator.schema.plots import PartCurves, histories
from orchestrator.schema.record import Record
from orchestrator.stats.aggregate import fill
from tests.support.reported import SEEDS, fitted, table_7

PLOT = PartCurves(
    row="RLE (Q+G)", keys=("grad_mu_q", "grad_mu_g"), labels=("from Q", "from the flow"), axis="norm"
)


def trained(row: str, seed: int) -> Record:
    found = fitted(row, seed)
    parts = {"grad_mu_q": ((1, 2.0 + seed), (2, 4.0)), "grad_mu_g": ((1, 1.0), (2, 0.0))}
    return replace(found, history={**found.history, **parts})


def test_each_part_is_a_line_of_the_one_row_and_what_a_log_scale_lacks_is_left_out() -> None:
    records = {r.fingerprint: r for row in ("RLE (Q+G)", "DLE") for r in (trained(row, s) for s in SEEDS)}
    q, flow = part_lines(table_7(), records, PLOT)
    assert (q.label, flow.label) == PLOT.labels
    assert q.by_epoch() == {1: (2.0, 3.0, 4.0), 2: (4.0, 4.0, 4.0)}
    assert flow.by_epoch() == {1: (1.0, 1.0, 1.0)}
    drawn = draw(PLOT, table_7(), fill(table_7(), records), records, {})
    assert drawn is not None
    text = svg(drawn[0]).decode()
    assert all(f">{label}<" in text for label in PLOT.labels)


def test_without_histories_nothing_is_drawn() -> None:
    records = {r.fingerprint: r for r in (fitted("RLE (Q+G)", seed) for seed in SEEDS)}
    assert draw(PLOT, table_7(), fill(table_7(), records), records, {}) is None


def test_its_histories_are_read_from_the_store() -> None:
    assert histories(PLOT) == ("grad_mu_q", "grad_mu_g")
