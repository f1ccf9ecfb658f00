"""What is proved on a GPU: `pytest tests/gpu -m gpu`. Elsewhere these tests skip, at no cost.

`--device cpu` runs them without a GPU, to prove that they run; what only a GPU can show is then not shown.
"""

from pathlib import Path

import pytest
import torch

from orchestrator.training.precision import exact_convolutions

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", choices=("cuda", "cpu"), default="cuda", help="where tests/gpu runs")


def chosen(config: pytest.Config) -> str:
    # Where the whole of tests/ is collected, this file is read too late to have an option.
    return str(config.getoption("--device", "cuda"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if chosen(config) == "cpu" or torch.cuda.is_available():
        return
    absent = pytest.mark.skip(reason="there is no GPU; `pytest tests/gpu --device cpu` runs them without")
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(absent)


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> torch.device:
    """The first GPU, or with `--device cpu` the CPU."""
    return torch.device("cuda", 0) if chosen(request.config) == "cuda" else torch.device("cpu")


@pytest.fixture
def on_a_gpu(device: torch.device) -> None:
    """For what a CPU can't stand in for."""
    if device.type != "cuda":
        pytest.skip("only a GPU shows it")


@pytest.fixture(autouse=True)
def as_a_trial_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact convolutions, as every trial has."""
    for name in ("deterministic", "allow_tf32"):
        monkeypatch.setattr(torch.backends.cudnn, name, getattr(torch.backends.cudnn, name))
    exact_convolutions()
