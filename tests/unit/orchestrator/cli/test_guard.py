"""What is said where Ctrl-C ends a command."""

import pytest

from orchestrator.cli.guard import STOPPED, guarded
from orchestrator.cli.main import main
from orchestrator.run import runner


def interrupt(*_: object) -> int:
    raise KeyboardInterrupt


def test_only_a_sweep_is_said_to_resume(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(interrupt) == STOPPED
    assert "resumes" not in capsys.readouterr().err
    monkeypatch.setattr(runner, "run_sweeps", interrupt)
    with pytest.raises(SystemExit, match=str(STOPPED)):
        main(list, list, interrupt, ["run", "--scale", "smoke"])  # type: ignore[arg-type]
    assert "the same command resumes" in capsys.readouterr().err
