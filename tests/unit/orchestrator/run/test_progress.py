import pytest

from orchestrator.jobs.execute import JobResult
from orchestrator.run.progress import Display, JobProgress
from orchestrator.util.terminal import Terminal


def drawn(display: Display) -> str:
    console = Terminal(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(display)
    return console.export_text()


def display() -> Display:
    return Display({name: JobProgress(f"job {name}", epochs=4, headline="AP") for name in "abc"})


def test_it_shows_what_is_done_running_and_waiting() -> None:
    shown = display()
    shown.start("a")
    shown.epoch("a", 4, {"AP": 47.1, "loss": -3.25})
    shown.end("a", JobResult("finished", {"AP": 47.1, "loss": -3.25}, duration=12))
    shown.start("b")
    shown.epoch("b", 1, {"loss": -1.0})
    text = drawn(shown)
    assert "✓" in text
    assert "47.1" in text
    assert "1/4" in text
    assert "1 waiting" in text
    assert "1/3" in text


def test_a_resumed_trial_is_timed_from_where_it_went_on() -> None:
    job = JobProgress("job", epochs=10)
    shown = Display({"a": job})
    shown.start("a")
    shown.epoch("a", 8, {})
    assert job.left(now=(job.began or 0) + 5) is None
    shown.epoch("a", 9, {})
    assert job.left(now=(job.began or 0) + 5) == 5


def test_the_time_left_follows_from_the_epochs_done_here() -> None:
    shown = Display({name: JobProgress(name, epochs) for name, epochs in (("a", 4), ("b", 4), ("c", 0))})
    assert shown.left(shown.began + 10) is None
    shown.start("a")
    shown.epoch("a", 1, {})
    assert shown.left(shown.began + 10) == pytest.approx(10 * (3 + 4 + 0.3))
    shown.end("a", JobResult("diverged", {}))
    assert shown.left(shown.began + 10) == pytest.approx(10 * (4 + 0.3))


def test_the_log_line_says_how_a_job_ended() -> None:
    shown = display()
    shown.start("a")
    shown.end("a", JobResult("diverged", {"loss": 1.0}, duration=3, note="{}"))
    assert shown.log_line("a").startswith("[1/3] job a: diverged, 3 s")


def test_a_training_that_ran_away_is_not_shown_as_finished() -> None:
    gone = {"AP": 0.0, "log_s": 547.0}
    shown = Display({"a": JobProgress("job a", epochs=4, headline="AP")}, scale="demo")
    shown.end("a", JobResult("finished", gone, duration=226))
    assert shown.log_line("a").startswith("[1/1] job a: collapsed (log_s = 547, AP 0.0), AP 0.0, 226 s")
    assert "✓" not in drawn(shown)
    smoke = Display({"a": JobProgress("job a", epochs=4, headline="AP")}, scale="smoke")
    smoke.end("a", JobResult("finished", gone, duration=2))
    assert smoke.log_line("a").startswith("[1/1] job a: finished")


def test_the_log_tells_at_once_why_a_job_failed() -> None:
    shown = display()
    shown.start("a")
    shown.end("a", JobResult("failed", note="people.json: record 3 has no image_id"))
    first, second = shown.log_line("a").splitlines()
    assert first.startswith("[1/3] job a: failed")
    assert second == "people.json: record 3 has no image_id"
