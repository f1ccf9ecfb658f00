"""Which precision the machines have in common, and who is asked."""

from typing import Any

import pytest
import ray

from orchestrator.schedule import autoscaler, connection, native_precision
from orchestrator.schedule.cluster import ResourceRequest
from orchestrator.schedule.native_precision import Native, judged, native


def test_bf16_needs_every_node() -> None:
    assert judged([("A", True), ("A", True)]) == Native("bf16", "multiplied by A")
    mixed = judged([("A", True), ("B", False), ("B", False)])
    assert mixed == Native("float32", "no instructions for bf16 on B")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether this machine was asked for its GPUs, each time that it was asked."""
    asked: list[bool] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(native_precision, "_ability", lambda gpu: (asked.append(gpu), ("A", True))[1])
    return asked


def test_without_a_cluster_this_machine_is_asked(here: list[bool]) -> None:
    assert native(ResourceRequest()).precision == "bf16"
    assert native(ResourceRequest(gpus_per_worker=0)).precision == "bf16"
    assert here == [True, False]


@pytest.mark.parametrize(("per_worker", "asked"), [(0.0, ["cpu", "gpu"]), (1.0, ["gpu"])])
def test_on_a_cluster_the_nodes_that_trials_may_run_on_are_asked_and_never_this_machine(
    here: list[bool], monkeypatch: pytest.MonkeyPatch, per_worker: float, asked: list[str]
) -> None:
    nodes = [
        {"NodeID": "cpu", "Alive": True, "Resources": {"CPU": 4.0}},
        {"NodeID": "gpu", "Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0}},
        {"NodeID": "head", "Alive": True, "Resources": {}},
        {"NodeID": "dead", "Alive": False, "Resources": {"CPU": 4.0, "GPU": 1.0}},
    ]
    found: list[Any] = []

    def ask(ids: list[str], *, gpu: bool) -> list[tuple[str, bool]]:
        found.append((ids, gpu))
        return [("A", True), ("B", False)][-len(ids) :]

    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setattr(connection, "connect", lambda: None)
    monkeypatch.setattr(autoscaler, "grows", lambda **wait: False)
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    monkeypatch.setattr(native_precision, "_ask", ask)
    assert native(ResourceRequest(gpus_per_worker=per_worker)).precision == "float32"
    assert found == [(asked, per_worker > 0)]
    assert here == []
