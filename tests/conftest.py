"""What every test may use: the folder of real samples, one thread, no telemetry."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
torch.set_num_threads(1)

pytest_plugins = ["tests.support.experiments", "tests.support.trained_models"]


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
