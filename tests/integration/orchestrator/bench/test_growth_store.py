"""The store that `rle-lab bench growth` fills is one that reports are made of."""

import pytest

from orchestrator.bench import growth_store, thousands
from orchestrator.config.experiment import Experiment


def test_reading_planning_and_reporting_are_measured_at_every_size(experiment: Experiment) -> None:
    seconds, megabytes, writing = growth_store.measure(lambda what: None, experiment, trials=(10, 20))
    assert list(seconds.series) == ["status", "all records", "dry run", "report"]
    for points in (*seconds.series.values(), *megabytes.series.values(), *writing.series.values()):
        assert [count for count, _ in points] == [10, 20]
        assert all(value > 0 for _, value in points)


@pytest.mark.cluster
def test_trials_that_end_at_once_are_counted_and_timed(experiment: Experiment) -> None:
    panel = thousands.scheduling(lambda what: None, experiment, trials=(4, 8))
    for points in panel.series.values():
        assert [count for count, _ in points] == [4, 8]
        assert all(value > 0 for _, value in points)
