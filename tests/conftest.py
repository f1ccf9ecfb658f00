"""What every test may use: the folder of real samples, one thread, no telemetry."""

import os
from pathlib import Path

import pytest
import torch

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
torch.set_num_threads(1)


@pytest.fixture
def samples() -> Path:
    """The folder of small real data."""
    folder = os.environ.get("RLE_LAB_SAMPLES")
    if not folder:
        pytest.skip("RLE_LAB_SAMPLES names no folder of real samples")
    return Path(folder)
