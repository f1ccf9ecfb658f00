"""What is measured on a GPU runs on the CPU too, and says what is missing."""

import pytest
import torch

from orchestrator.bench import gpu
from sweeps import flow_size
from tests.support.errors import refused

SWEEPS = (flow_size.SWEEP,)


def quiet(what: str) -> None: ...


def test_everything_is_measured_in_a_tiny_size() -> None:
    table, kinds, hours = gpu.measure(quiet, SWEEPS, "cpu", limit=1e6).grids
    rows = {row[0]: row for row in table.rows}
    assert {
        "trunk alone",
        "trunk alone, again",
        "plain bf16",
        "ours",
        "ours, trunk compiled",
        "ours, flow compiled",
    } <= rows.keys()
    assert {"1 processes load", "2 processes load, ours trains", "flow, 544 points: ours"} <= rows.keys()
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert all(float(row[1]) > 0 for row in table.rows)
    assert rows["trunk alone"][3] == "1.00"
    assert 0 <= float(rows["2 processes load, ours trains"][5]) < 100
    assert len(kinds.rows) == 1
    assert [row[0] for row in hours.rows] == ["flow_size", "all together"]


def test_what_there_is_no_time_for_is_named() -> None:
    table, kinds = gpu.measure(quiet, SWEEPS, "cpu", limit=0.0).grids
    assert kinds.rows == ()
    assert {row[0] for row in table.rows} >= {"training step: no time was left"}
    assert all(row[0].endswith("no time was left") for row in table.rows)


def test_what_fails_is_named_and_the_rest_goes_on() -> None:
    table = gpu.Table(torch.device("cpu"), gpu.TINY, quiet, limit=1e6)

    def broken() -> None:
        raise RuntimeError("no such kernel\nand much more")

    table.attempt("broken", broken)
    table.attempt("whole", lambda: table.add("a row", "1"))
    assert [row[0] for row in table.rows] == ["broken: RuntimeError: no such kernel", "a row"]


def test_ctrl_c_keeps_what_has_been_measured() -> None:
    table = gpu.Table(torch.device("cpu"), gpu.TINY, quiet, limit=1e6)

    def stopped() -> None:
        raise KeyboardInterrupt

    table.attempt("first", lambda: table.add("a row", "1"))
    table.attempt("second", stopped)
    table.attempt("third", lambda: pytest.fail("it goes on"))
    assert [row[0] for row in table.rows] == ["a row", "second: interrupted", "third: no time was left"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_is_refused_with_a_sentence() -> None:
    with refused("no-gpu"):
        gpu.measure(quiet, SWEEPS, "cuda", limit=1e6)
