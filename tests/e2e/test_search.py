"""A search that is killed at random moments goes on to the same decisions, with the same numbers.

RLE_LAB_KILLS=5 RLE_LAB_KILL_SEED=7 pytest tests/e2e/test_search.py
"""

import os
import random
import time
from pathlib import Path

import pytest

from orchestrator.run.runner import decisions
from orchestrator.search.halving import Decisions
from orchestrator.util.terminal import Terminal
from tests.integration.orchestrator.run.test_searching import settings_of
from tests.support import faults
from tests.support.faults import running
from tests.support.small_search import SWEEP

pytestmark = pytest.mark.cluster

KILLS = int(os.environ.get("RLE_LAB_KILLS", "1"))
SEED = int(os.environ.get("RLE_LAB_KILL_SEED", "0"))


def command(folder: Path) -> tuple[str, ...]:
    file = "tests/support/small_search.py"
    return ("-m", "sweeps", "run", file, "--scale", "smoke", "--results", str(folder), "--concurrent", "1")


def decided(folder: Path) -> Decisions:
    """All that its store decides, but for the time that it took."""
    settings = settings_of(faults.store_of(folder), folder)
    (found,) = decisions(SWEEP.searches, settings, Terminal())
    assert found.wanted is None
    return found


def outcome(found: Decisions) -> list[object]:
    steps = [[(one.trial.number, one.trial.epochs, one.trial.values) for one in step] for step in found.steps]
    return [[trial.point for trial in found.trials], steps, found.epochs]


def test_killed_at_random_moments_a_search_makes_the_decisions_of_an_undisturbed_one(tmp_path: Path) -> None:
    whole, parts, draw = tmp_path / "whole", tmp_path / "parts", random.Random(SEED)
    began = time.monotonic()
    with running(tmp_path / "whole.log", *command(whole)) as process:
        process.wait()
    took = time.monotonic() - began
    for kill in range(KILLS):
        with running(tmp_path / f"{kill}.log", *command(parts)) as process:
            end = time.monotonic() + draw.uniform(0.3, 0.9) * took
            while time.monotonic() < end and process.process.poll() is None:
                time.sleep(0.05)
            process.kill()
    with running(tmp_path / "last.log", *command(parts)) as process:
        process.wait()
    assert outcome(decided(parts)) == outcome(decided(whole))
    tables = [(folder / "tables" / "small_search.csv").read_text() for folder in (whole, parts)]
    assert tables[0] == tables[1]
