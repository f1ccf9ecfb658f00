"""What `rle-lab bench` computes from times, and how it tells it."""

import argparse
import math
from pathlib import Path

import pytest

from orchestrator.bench import flow, growth_data, sweep
from orchestrator.bench.growth import grid
from orchestrator.bench.growth_plot import Panel, exponent, figure
from orchestrator.bench.result import Finding, Grid, significant
from orchestrator.bench.timing import Times, compete
from orchestrator.cli.bench import add_parser, one_thread


def power_law(k: float) -> tuple[tuple[float, float], ...]:
    return tuple((x, 3 * x**k) for x in (10.0, 100.0, 1000.0))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    add_parser(made.add_subparsers(), demo=lambda: pytest.fail("no experiment is needed"), sweeps=tuple)
    return made


def test_a_ratio_is_the_median_of_ratios_within_rounds() -> None:
    times = Times({"plain": (2.0, 40.0, 6.0), "ours": (1.0, 10.0, 2.0)})
    assert times.ratio("ours") == 3.0
    assert times.ratio("plain") == 1.0
    assert times.median("ours") == 2.0


def test_contestants_take_turns() -> None:
    calls: list[str] = []
    times = compete({name: lambda name=name: calls.append(name) for name in "ab"}, rounds=3, least=0.0)
    turns = [name for name, before in zip(calls, [None, *calls[:-1]], strict=True) if name != before]
    assert turns == ["a", "b"] * 4  # once to warm up
    assert all(len(seconds) == 3 for seconds in times.seconds.values())


@pytest.mark.parametrize("k", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_its_power(k: float) -> None:
    assert math.isclose(exponent(power_law(k)), k, abs_tol=1e-12)


def test_a_panel_prints_every_size_and_both_slopes() -> None:
    bent = {1.0: {"report": 1.0}, 10.0: {"report": 1.0}, 100.0: {"report": 10.0}}
    table = grid(Panel("trials", "s", bent))
    assert table.columns == ("", "1", "10", "100", "exponent", "at the end")
    assert table.rows == (("report", "1.00", "1.00", "10.0", "0.50", "1.00"),)


@pytest.mark.parametrize("count", [1, 4, 7])
def test_every_panel_is_drawn(count: int) -> None:
    costs = {x: {"ours": 3 * x, "plain": 3 * x**2} for x in (10.0, 100.0, 1000.0)}
    panels = [Panel("n", "s", costs)] * count
    drawn = [ax for ax in figure(panels).axes if ax.axison]
    assert len(drawn) == count
    assert all(len(ax.lines) == 2 for ax in drawn)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.00123, "0.00123"),
        (1.0, "1.00"),
        (4.567, "4.57"),
        (99.96, "100"),
        (1234.5, "1,230"),
        (2.5e-7, "2.50e-07"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


def test_a_sweep_is_measured_against_its_trials_shared_by_the_cpus() -> None:
    trained = sweep.Clock(ended=[5.0, 6.0, 9.0, 10.0], durations=[4.0, 4.0, 4.0, 4.0])
    idle = sweep.Clock(ended=[3.0, 3.5, 4.0, 4.5], durations=[0.0] * 4)
    cells = dict(sweep.grid(trained, idle, at_once=2).rows)
    assert cells["ideal: that, divided by the CPUs"] == "8.00"
    assert cells["wall time / ideal"] == "1.25"
    assert cells["empty trials per second, warm"] == "2.00"


def test_a_generated_set_reads_back_with_as_many_samples(tmp_path: Path) -> None:
    panels = growth_data.measure(lambda what: None, samples=(30, 60))
    assert list(panels[0].costs) == [30, 60]
    assert all(y > 0 for panel in panels for points in panel.series.values() for _, y in points)


def test_an_unknown_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = parser().parse_args(["bench", "flight"])
    with pytest.raises(SystemExit):
        arguments.act(arguments)
    assert "no part 'flight'; there are flow, data" in capsys.readouterr().err


def test_the_command_measures_what_is_named_and_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Finding("flow", "Made up.", (Grid("Times", ("", "ms"), (("ours", "1.00"),)),))
    monkeypatch.setattr(flow, "measure", lambda tell: found)
    made = argparse.ArgumentParser()
    add_parser(made.add_subparsers(), demo=lambda: None, sweeps=tuple)
    arguments = made.parse_args(["bench", "flow", "--out", str(tmp_path / "page.md")])
    assert arguments.act(arguments) == 0
    assert "Made up." in capsys.readouterr().out
    page = (tmp_path / "page.md").read_text()
    assert "Made up." in page
    assert "other programs used" in page


def test_threads_are_given_back() -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
