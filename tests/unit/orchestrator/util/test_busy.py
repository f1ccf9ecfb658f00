"""A timing says where the machine was not quiet."""

import pytest

from orchestrator.util import busy
from orchestrator.util.busy import Others, watched


@pytest.mark.parametrize(("worked", "own", "share"), [(10.0, 0.0, 0.5), (10.0, 10.0, 0.0), (99.0, 0.0, 1.0)])
def test_what_others_used_is_what_was_used_less_what_this_process_did(
    monkeypatch: pytest.MonkeyPatch, worked: float, own: float, share: float
) -> None:
    monkeypatch.setattr(busy, "_busy", iter((100.0, 100.0 + worked)).__next__)
    monkeypatch.setattr(busy.time, "process_time", iter((5.0, 5.0 + own)).__next__)
    monkeypatch.setattr(busy.time, "monotonic", iter((0.0, 10.0)).__next__)
    monkeypatch.setattr(busy.os, "cpu_count", lambda: 2)
    with watched() as others:
        pass
    assert others.share == pytest.approx(share)


def test_only_a_busy_machine_is_warned_of() -> None:
    assert Others(0.1).warnings() == ()
    (warning,) = Others(0.63).warnings()
    assert "63 %" in warning
