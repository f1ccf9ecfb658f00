"""What MLflow is shown of a job."""

from orchestrator.config.experiment import Experiment
from orchestrator.tracking.trial_info import flatten


def test_flatten_gives_dotted_text(experiment: Experiment) -> None:
    flat = flatten(experiment.model_dump(mode="json"))
    assert flat["objective.flow.width"] == "8"
    assert flat["schedule.decay.kind"] == "cosine"
    assert all(isinstance(value, str) for value in flat.values())
