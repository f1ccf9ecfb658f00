"""What a user of `models` imports, and the examples of its documentation."""

import doctest
import pickle
from types import ModuleType

import pytest

import models


@pytest.mark.parametrize("module", [models, models.realnvp], ids=lambda module: module.__name__)
def test_examples_in_the_documentation_work(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_public_name_is_there_and_documented() -> None:
    assert [name for name in models.__all__ if not getattr(models, name).__doc__] == []


@pytest.mark.parametrize("kind", [models.ConfigError, models.InputError, models.WeightsError])
def test_an_error_survives_the_way_between_processes(kind: type[models.ModelError]) -> None:
    error = pickle.loads(pickle.dumps(kind("what is wrong", "some-code")))
    assert (type(error), str(error), error.code) == (kind, "what is wrong", "some-code")
