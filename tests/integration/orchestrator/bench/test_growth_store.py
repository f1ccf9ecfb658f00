"""The store that `rle-lab bench growth` fills is one that reports are made of."""

from orchestrator.bench import growth_store
from orchestrator.config.experiment import Experiment


def test_reading_planning_and_reporting_are_measured_at_every_size(experiment: Experiment) -> None:
    seconds, megabytes = growth_store.measure(lambda what: None, experiment, trials=(10, 20))
    assert [series.name for series in seconds.series] == ["all records", "dry run", "report"]
    for series in (*seconds.series, *megabytes.series):
        assert [count for count, _ in series.points] == [10, 20]
        assert all(value > 0 for _, value in series.points)
