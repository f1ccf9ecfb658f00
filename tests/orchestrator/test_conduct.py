from datasets.coco import CocoFolder
from datasets.synthetic.people import People
from orchestrator.conduct import bind
from orchestrator.experiment import Experiment, vary


def generated(experiment: Experiment, pictures: int) -> Experiment:
    return vary(experiment, data=vary(experiment.data, source=People(train=pictures)))


def test_a_small_set_is_gone_through_until_as_many_samples_are_seen(experiment: Experiment) -> None:
    own = CocoFolder(digest="0" * 16, train_samples=100)
    bound = bind(own, generated(experiment, 1200))
    assert bound.data.source == own
    assert bound.schedule.epochs == 12 * experiment.schedule.epochs
    assert bound.schedule.evaluate_every == 12 * experiment.schedule.evaluate_every


def test_a_large_set_keeps_the_epochs(experiment: Experiment) -> None:
    own = CocoFolder(digest="0" * 16, train_samples=5000)
    assert bind(own, generated(experiment, 1200)).schedule == experiment.schedule


def test_an_experiment_made_for_real_data_keeps_its_schedule(experiment: Experiment) -> None:
    real = vary(experiment, data=vary(experiment.data, source=CocoFolder()))
    own = CocoFolder(digest="0" * 16, train_samples=10)
    assert bind(own, real).schedule == experiment.schedule


def test_how_many_samples_there_are_is_no_part_of_the_fingerprint(experiment: Experiment) -> None:
    prints = {
        vary(
            experiment, data=vary(experiment.data, source=CocoFolder(digest="0" * 16, train_samples=n))
        ).fingerprint()
        for n in (None, 10)
    }
    assert len(prints) == 1
