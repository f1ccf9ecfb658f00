"""The public names: documented and all there."""

import pytest

import datasets
from datasets import public


@pytest.mark.parametrize("name", public.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(datasets, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        _ = datasets.nothing
