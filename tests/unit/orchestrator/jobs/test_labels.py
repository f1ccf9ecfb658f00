"""What tells jobs apart in lists."""

from models.objectives import DLE, RLE
from models.realnvp import RealNVP
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Adam
from orchestrator.config.vary import vary
from orchestrator.jobs.labels import differing, distinct_names, flatten, parameters


def at_rate(experiment: Experiment, rate: float) -> Experiment:
    return vary(experiment, schedule=vary(experiment.schedule, optimiser=Adam(lr=rate)))


def test_two_learning_rates_have_two_names(experiment: Experiment) -> None:
    names = distinct_names([at_rate(experiment, 0.001), at_rate(experiment, 0.002)])
    assert names == [
        "RLE 3x8 with half bodies on coco, lr 0.001, seed 0",
        "RLE 3x8 with half bodies on coco, lr 0.002, seed 0",
    ]


def test_what_differs_by_what_it_is_called_already_keeps_its_name(experiment: Experiment) -> None:
    jobs = [experiment, vary(experiment, objective=DLE()), vary(experiment, seed=1), experiment]
    assert distinct_names(jobs) == [job.describe() for job in jobs]


def test_a_field_that_one_of_them_lacks_sets_them_apart(experiment: Experiment) -> None:
    longer = vary(experiment, schedule=vary(experiment.schedule, epochs=9))
    other = vary(longer, start=experiment)
    first, second = distinct_names([longer, vary(longer, start=vary(experiment, seed=3))])
    assert first != second
    assert distinct_names([other]) == [other.describe()]


def test_few_parameters_are_shown_the_row_first(experiment: Experiment) -> None:
    shown = parameters(experiment, "3x8")
    assert list(shown)[:4] == ["row", "flow", "seed", "lr"]
    assert (shown["row"], shown["flow"], shown["seed"]) == ("3x8", "3x8", "0")
    assert len(shown) < 10


def test_what_differs_among_trainings_on_the_same_data_is_shown(experiment: Experiment) -> None:
    wide = vary(experiment, objective=RLE(flow=RealNVP(layers=3, width=16)))
    jobs = {job.fingerprint(): job for job in (experiment, wide, vary(experiment, seed=1))}
    assert differing(jobs)[wide.fingerprint()] == {"width": "16"}
    assert differing(jobs)[experiment.fingerprint()] == {"width": "8"}


def test_flatten_gives_dotted_text(experiment: Experiment) -> None:
    flat = flatten(experiment.model_dump(mode="json"))
    assert flat["objective.flow.width"] == "8"
    assert flat["schedule.decay.kind"] == "cosine"
    assert all(isinstance(value, str) for value in flat.values())
