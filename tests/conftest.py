"""What every test may use: the folder of real samples, one thread, no telemetry, hypothesis's profiles."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

from tests.support.fuzzing import save_counts

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
torch.set_num_threads(1)

# No verdict depends on the clock, nor on what earlier runs found.
TIMELESS: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("repeatable", derandomize=True, **TIMELESS)
settings.register_profile("fuzz", print_blob=True, **TIMELESS)
settings.load_profile("repeatable")
# Hypothesis tries constants of the modules that happen to be loaded, so that the examples of a test depend on
# the tests before it. Without them a test draws the same in any order and on its own.
providers._get_local_constants = lambda: providers._local_constants

pytest_plugins = [
    "tests.support.coco_tree",
    "tests.support.experiments",
    "tests.support.predicting",
    "tests.support.trained_models",
]


def pytest_sessionfinish() -> None:
    save_counts()


@pytest.fixture
def samples() -> Path:
    """The folder of small real data."""
    folder = os.environ.get("RLE_LAB_SAMPLES")
    if not folder:
        pytest.skip("RLE_LAB_SAMPLES names no folder of real samples")
    return Path(folder)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, headless, as Playwright drives it."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        absent = "there is no Chromium on this machine; Debian has it as the package chromium"
        # Where CI installs it, its absence must not pass for success.
        (pytest.fail if "RLE_LAB_BROWSER" in os.environ else pytest.skip)(absent)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()
