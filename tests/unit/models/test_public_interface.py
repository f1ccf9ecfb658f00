"""What a user of `models` imports."""

import pickle

import pytest

import models


def test_every_public_name_is_there_and_documented() -> None:
    assert [name for name in models.__all__ if not getattr(models, name).__doc__] == []


@pytest.mark.parametrize("kind", [models.ConfigError, models.InputError, models.WeightsError])
def test_an_error_survives_the_way_between_processes(kind: type[models.ModelError]) -> None:
    error = pickle.loads(pickle.dumps(kind("what is wrong", "some-code")))
    assert (type(error), str(error), error.code) == (kind, "what is wrong", "some-code")
