"""Jobs that others on the store hold or have run: skipped, waited for, taken over, and never run twice."""

from collections.abc import Callable

import pytest

from orchestrator.jobs.execute import JobResult
from orchestrator.schedule import claims
from orchestrator.schedule.claims import Claim, ClaimingSearcher, Claims

ELSEWHERE = JobResult("finished", {"AP": 1.0})


class Others:
    """The answers of a store, which may change."""

    def __init__(self, **answers: Claim) -> None:
        self.answers = answers
        self.elsewhere: list[str] = []
        self.waited: list[int] = []

    def claims(self, *jobs: str) -> Claims:
        return Claims(
            list(jobs),
            lambda job: self.answers.get(job, "mine"),
            lambda job, result: self.elsewhere.append(job),
            self.waited.append,
        )


def room() -> int:
    return 100


def suggested(searcher: ClaimingSearcher) -> list[str]:
    found: list[str] = []
    while isinstance(answer := searcher.suggest(f"trial{len(found)}"), dict):
        found.append(answer["job"])
    return found


def test_what_others_hold_is_left_and_what_they_have_run_is_told() -> None:
    others = Others(b="theirs", c=ELSEWHERE)
    wanted = others.claims("a", "b", "c", "d")
    first = wanted.wait()
    assert first == "a"
    searcher = ClaimingSearcher(wanted, first, room)
    assert suggested(searcher) == ["a", "d"]
    assert (searcher.given, searcher.ended) == ({"a", "d"}, True)
    assert (wanted.waiting, others.elsewhere, others.waited) == (["b"], ["c"], [])


@pytest.mark.parametrize(("then", "first", "elsewhere"), [("mine", "b", []), (ELSEWHERE, None, ["b"])])
def test_what_is_held_is_waited_for_until_it_is_free_or_done(
    monkeypatch: pytest.MonkeyPatch, then: Claim, first: str | None, elsewhere: list[str]
) -> None:
    others = Others(b="theirs")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            others.answers["b"] = then

    monkeypatch.setattr(claims.time, "sleep", pause)
    assert others.claims("b").wait() == first
    assert (len(pauses), others.waited, others.elsewhere) == (3, [1], elsewhere)


def test_without_others_every_job_is_given_once() -> None:
    ask: Callable[[str], Claim] = claims.always
    wanted = Claims(["a", "b"], ask, lambda *_: None, lambda _: None)
    assert suggested(ClaimingSearcher(wanted, wanted.wait() or "", room)) == ["a", "b"]
    assert wanted.wait() is None


def test_a_stage_that_was_stopped_early_is_told_from_one_that_ended() -> None:
    wanted = Others().claims("a", "b")
    searcher = ClaimingSearcher(wanted, wanted.wait() or "", room)
    searcher.suggest("t")
    assert not searcher.ended


def test_no_more_run_than_there_is_room_for_and_room_that_comes_is_used() -> None:
    places = [1]
    wanted = Others().claims("a", "b", "c", "d")
    searcher = ClaimingSearcher(wanted, wanted.wait() or "", lambda: places[0])
    assert suggested(searcher) == ["a"]
    places[0] = 3
    assert [searcher.suggest(trial) for trial in ("x", "y", "z")] == [{"job": "b"}, {"job": "c"}, None]
    places[0] = 1
    searcher.on_trial_complete("x")
    assert searcher.suggest("z") is None  # nodes have gone: two still run
    assert not searcher.ended


def test_of_jobs_that_are_measured_apart_one_at_a_time_runs_beside_the_others() -> None:
    wanted = Others().claims("slow", "slow too", "a", "b")
    apart = frozenset({"slow", "slow too"})
    searcher = ClaimingSearcher(wanted, wanted.wait() or "", room, apart)
    assert suggested(searcher) == ["slow", "a", "b"]
    assert not searcher.ended
    searcher.on_trial_complete("trial1")
    assert searcher.suggest("x") is None
    searcher.on_trial_complete("trial0")
    assert searcher.suggest("x") == {"job": "slow too"}
    assert searcher.ended
    searcher.on_trial_complete("x")
    assert searcher.suggest("y") == ClaimingSearcher.FINISHED
