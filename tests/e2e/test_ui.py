"""MLflow's pages over a store of ours, in a real browser: "what did flow size do to AP?" in two clicks."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from orchestrator.tracking.tracker import Tracker, TrialInfo
from tests.support.paths import ROOT

SIZES = ("3x64", "3x128", "3x256", "5x32", "5x64")
SEEDS = range(4)
SECONDS = 120


def trial(size: str, seed: int) -> TrialInfo:
    layers, width = size.split("x")
    return TrialInfo(
        fingerprint=f"{size}-{seed}",
        name=f"RLE {size} on coco, seed {seed}",
        group="coco-demo",
        seed=seed,
        tags={"table.1": size},
        json=json.dumps({"objective": {"flow": {"layers": layers, "width": width}}, "seed": seed}),
        params={"row": size, "flow": size, "seed": str(seed), "lr": "0.004", "width": width},
        headline="AP",
        data="0123456789abcdef",
        data_name="generated coco",
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Twenty trials of Table 1, and one that serves another."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('ui')}/mlflow.db"
    with Tracker.open(uri, None) as tracker:
        for size in SIZES:
            for seed in SEEDS:
                _run(tracker, trial(size, seed))
        other = TrialInfo("other", "DLE 3x64 on coco, seed 0", "coco-demo", 0, {"table.7": "DLE"}, "{}")
        _run(tracker, other)
    return uri


def _run(tracker: Tracker, info: TrialInfo) -> None:
    tracker.start(info)
    for epoch in (1, 2, 3):  # the last alone is evaluated
        measured = {"AP": 45.0 + info.seed, "AP50": 70.0} if epoch == 3 else {}
        tracker.epoch(info.fingerprint, epoch, {"loss": -1.0 * epoch, "bf16": 0.0, **measured})
    tracker.finish(info.fingerprint, "finished", {"AP": 45.0 + info.seed, "loss": -3.0}, 1.0)


@pytest.fixture(scope="module")
def printed(store: str) -> Iterator[list[str]]:
    """The lines that `rle-lab ui` prints, once its server answers: the server's address, then a link each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "sweeps", "ui", "--tracking-uri", store, "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        lines = [server.stdout.readline().strip(), server.stdout.readline().strip()]
        _wait_for(lines[0].split()[0], server)
        yield lines
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


@pytest.fixture
def link(printed: list[str]) -> str:
    """To the trials."""
    name, _, link = printed[1].partition(": ")
    assert name == "coco-demo"
    return link


def _wait_for(address: str, server: subprocess.Popen[str]) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        assert server.poll() is None, "the server ended by itself"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{address} did not answer in {SECONDS} s")


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    page.set_default_timeout(1000 * SECONDS)
    yield page
    page.close()


def test_the_printed_link_shows_row_flow_seed_and_metric_without_a_setting(link: str, page: Any) -> None:
    page.goto(link, wait_until="commit")
    page.get_by_text(f"{len(SIZES) * len(SEEDS) + 1} matching runs").wait_for()
    for column in ("row", "flow", "seed", "AP"):
        page.get_by_role("columnheader", name=column, exact=True).first.wait_for()
    page.get_by_role("button", name="Datasets").click()
    page.get_by_text("generated coco train").first.wait_for()


def test_flow_size_against_ap_is_two_clicks(link: str, page: Any) -> None:
    page.goto(link, wait_until="commit")  # the first
    page.get_by_text("RLE 5x64 on coco, seed 0").first.wait_for()
    page.locator("label:has(input[value=CHART])").click()
    chart = page.locator("svg").filter(has_text="5x64").filter(has_text="flow").filter(has_text="AP")
    chart.first.wait_for()


def test_of_the_trials_of_a_table_two_clicks_compare_flow_size_with_ap(link: str, page: Any) -> None:
    trials = quote("tags.`table.1` != ''")
    page.goto(f"{link}&searchFilter={trials}", wait_until="commit")
    page.get_by_text(f"{len(SIZES) * len(SEEDS)} matching runs").wait_for()
    page.get_by_text("RLE 3x64 on coco, seed 0").first.wait_for()
    assert page.get_by_text("DLE 3x64 on coco, seed 0").count() == 0
    page.get_by_role("checkbox").first.check()  # one click: all of them
    page.get_by_role("button", name="Compare").click()  # the second
    page.get_by_text("Comparing 20 Runs").wait_for()
    chosen = page.locator("[class*=select-selection-item-content]")
    chosen.first.wait_for()
    assert chosen.all_inner_texts() == ["flow", "row", "seed", "AP"]
    page.locator(".pcp-plot .axis-title").filter(has_text="AP").wait_for()
    page.get_by_text("Run details").wait_for()
    shown = page.inner_text("body")
    assert "width" in shown
    assert "RLE 5x32 on coco, seed 3" in shown
    assert page.get_by_role("link", name="AP", exact=True).count() == 1


def test_the_server_listens_on_this_machine_alone(printed: list[str]) -> None:
    port = int(printed[0].split()[0].rpartition(":")[2])
    listening = f":{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    hosts = {row[1].partition(":")[0] for row in rows if row[1].endswith(listening) and row[3] == "0A"}
    assert hosts == {"0100007F"}  # 127.0.0.1
