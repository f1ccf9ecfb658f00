"""Trials of a search: their values, and what each field explains."""

import math

import numpy as np

from orchestrator.schema.declaration import Declaration, Searched, SearchedTrial
from orchestrator.schema.record import Record
from orchestrator.stats.trials import TrialValue, importances, trial_values


def trial(number: int, *values: object, epochs: tuple[int, ...] = (1, 3)) -> SearchedTrial:
    return SearchedTrial(
        number=number, fingerprint=f"{number:016x}", values=values, epochs=epochs, finished=len(epochs) == 2
    )


def declared(*trials: SearchedTrial) -> Declaration:
    return Declaration(
        table="A search", title="", scale="smoke", data="", data_fingerprints=("d",), seeds=(0,), columns=(),
        rows=(), searched=Searched(fields=("lr", "density"), log=("lr",), trials=trials),
    )  # fmt: skip


def record(number: int, history: tuple[tuple[int, float], ...], data: str = "d") -> Record:
    return Record(f"{number:016x}", "a trial", "stopped", 0, {}, {"AP": history}, data=data)


def test_values_are_those_of_the_first_or_the_last_rung() -> None:
    trials = trial(0, 0.1, "laplace"), trial(1, 0.2, "laplace", epochs=(1,)), trial(2, 0.3, "laplace")
    records = {
        one.fingerprint: one
        for one in (
            record(0, ((1, 5.0), (3, 9.0))),
            record(1, ((1, 6.0), (3, 99.0))),
            record(2, ((1, math.nan),)),
        )
    }
    assert [v for _, v in trial_values(declared(*trials), records, "AP")] == [9.0, 6.0]
    assert [v for _, v in trial_values(declared(*trials), records, "AP", first=True)] == [5.0, 6.0]


def test_records_of_other_data_have_no_part() -> None:
    only = trial(0, 0.1, "laplace")
    other = record(0, ((1, 5.0),), data="other")
    assert trial_values(declared(only), {other.fingerprint: other}, "AP") == []


def found(count: int) -> list[TrialValue]:
    """The metric follows the learning rate's logarithm, and hardly the density."""
    rng = np.random.default_rng(0)
    rates, words = 10 ** rng.uniform(-4, -1, count), rng.choice(["laplace", "gaussian"], count)
    return [
        TrialValue(trial(k, float(rate), str(word)), math.log10(rate) + 0.1 * (word == "laplace"))
        for k, (rate, word) in enumerate(zip(rates, words, strict=True))
    ]


def test_what_decides_the_metric_is_the_most_important_field() -> None:
    shares = importances(Searched(fields=("lr", "density"), log=("lr",)), found(30))
    assert list(shares) == ["lr", "density"]
    assert shares["lr"] > 0.8
    assert shares == importances(Searched(fields=("lr", "density"), log=("lr",)), found(30))


def test_few_trials_and_trials_without_a_difference_tell_nothing() -> None:
    searched = Searched(fields=("lr", "density"), log=("lr",))
    assert importances(searched, found(5)) == {}
    assert importances(searched, [one._replace(value=1.0) for one in found(9)]) == {}


def test_a_field_of_one_value_is_left_out() -> None:
    same = [
        one._replace(trial=one.trial.model_copy(update={"values": (one.trial.values[0], "laplace")}))
        for one in found(9)
    ]
    assert set(importances(Searched(fields=("lr", "density"), log=("lr",)), same)) == {"lr"}
