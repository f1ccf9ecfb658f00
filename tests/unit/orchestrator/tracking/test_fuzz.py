"""Tags that anybody may have changed: each run is read soundly, or it is named and left out."""

import socket
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

from orchestrator.tracking import owner, reader, table_reader
from orchestrator.tracking.client import PROJECT
from orchestrator.tracking.patience import PermanentError
from tests.support.fuzzing import fuzzed, tried

TRIAL = {
    "fingerprint": "abc", "seed": "0", "schema": "1", "world_size": "1", "duration": "1.5", "warnings": "[]",
    "status": "finished", "generation": "1", "epoch": "3", "alive": "1700000000000", "writer": "host 1 2.0 a",
    "note": "", "commit": "c", "data": "d",
}  # fmt: skip
TABLE = {"table": "1", "report": "demo", "scale": "demo", "superseded": "false", "declared": "7"}
HOST = socket.gethostname()
TEXTS = st.sampled_from(
    ["", "x", "-1", "1e308", "nan", "inf", "9" * 5000, "²", "٣", "0x1", "[", "[[]]", "{}", '["a", 1]', "null",
     "[" * 3000, "host 1", f"host {'9' * 400} 1", "host 1 1.2.3.4",
     f"{HOST} {'9' * 12} 1", f"{HOST} 1 1.2.3", f"{HOST} 1 {'9' * 400}", "\x00", "1.1.1", "Figure", "."]
) | st.text(max_size=20)  # fmt: skip


class Page(list[Any]):
    token = None


class Client:
    """A store with two runs, in one experiment of each kind."""

    def __init__(self, runs: list[Any], kind: str) -> None:
        self._runs, self._kind = runs, kind

    def search_experiments(self, **_: Any) -> Page:
        tags = {"project": PROJECT, "holds": self._kind}
        return Page([SimpleNamespace(experiment_id="1", name=self._kind, tags=tags)])

    def search_runs(self, *_: Any, **__: Any) -> Page:
        return Page(self._runs)

    def download_artifacts(self, *_: Any) -> str:
        raise FileNotFoundError

    def get_run(self, _: str) -> Any:
        return self._runs[0]


def run(tags: dict[str, str], status: str = "FINISHED", started: Any = 1_700_000_000_000) -> Any:
    info = SimpleNamespace(run_id="r", run_name="RLE", status=status, start_time=started)
    info.experiment_id, info.artifact_uri = "1", "file:x"
    return SimpleNamespace(info=info, data=SimpleNamespace(tags=tags, metrics={"AP": 1.0}))


@st.composite
def changed(draw: st.DrawFn, tags: dict[str, str]) -> dict[str, str]:
    found = dict(tags)
    for name in draw(st.lists(st.sampled_from(sorted(tags)), min_size=1, max_size=3)):
        if draw(st.integers(0, 3)):
            found[name] = draw(TEXTS)
        else:
            found.pop(name, None)
    return found


STATES = st.sampled_from(["RUNNING", "FINISHED", "KILLED", "odd"])
TIMES = st.sampled_from([0, -1, 10**18, 1_700_000_000_000])


@fuzzed("store tags", 300, tags=changed(TRIAL), status=STATES, started=TIMES)
def test_a_trial_with_changed_tags_is_read_or_named(tags: dict[str, str], status: str, started: int) -> None:
    other = run({**TRIAL, "fingerprint": "whole"})
    client = Client([run(tags, status, started), run(TRIAL), other], "trials")
    found, problems = reader.records(client, None, ())
    assert "whole" in found
    assert len(found) + len(problems) == len({tags.get("fingerprint") or "abc", "abc", "whole"})
    assert all(record.seed >= 0 and 0 <= record.duration < 1e9 for record in found.values())
    reader.older(client)
    details, _ = reader.details(client, ["abc"])
    assert details == {}
    assert owner.is_dead(run(tags, "RUNNING", started)) in (True, False)


@fuzzed("store tags", 200, tags=changed(TABLE))
def test_a_table_with_changed_tags_is_named_or_left_out(tags: dict[str, str]) -> None:
    client = Client([run(tags), run(TABLE)], "tables")
    assert "demo" in table_reader.reports(client)
    for report in table_reader.reports(client):
        _, error = tried(lambda: table_reader.declarations(client, report, {}), PermanentError)  # noqa: B023
        assert "declaration.json" in str(error)
