"""Counts are printed as the paper prints them."""

import pytest

from models.flops import human


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0"), (999, "999"), (1000, "1.0K"), (999_999, "999.9K"), (23_600_000_000, "23.6G")]
)
def test_human_counts_in_thousands(n: int, text: str) -> None:
    assert human(n) == text
