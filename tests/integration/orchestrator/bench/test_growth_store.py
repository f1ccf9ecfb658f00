"""The store that `rle-lab bench growth` fills is one that reports are made of."""

from orchestrator.bench import growth_store
from orchestrator.config.experiment import Experiment


def test_reading_planning_and_reporting_are_measured_at_every_size(experiment: Experiment) -> None:
    seconds, megabytes = growth_store.measure(lambda what: None, experiment, trials=(10, 20))
    assert list(seconds.series) == ["all records", "dry run", "report"]
    for points in (*seconds.series.values(), *megabytes.series.values()):
        assert [count for count, _ in points] == [10, 20]
        assert all(value > 0 for _, value in points)
