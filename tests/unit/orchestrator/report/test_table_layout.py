"""How numbers of ours are written."""

import pytest

from orchestrator.report.table_layout import number
from orchestrator.schema.declaration import DeclaredColumn


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (47.06, 1, "47.1"),
        (-0.04, 1, "0.0"),
        (-0.06, 1, "-0.1"),
        (999_999.0, 0, "999999"),
        (32_019_798_016.0, 1, "3.2e+10"),
        (-2.5e6, 1, "-2.5e+06"),
    ],
)
def test_numbers_can_be_read(value: float, digits: int, text: str) -> None:
    assert number(value, DeclaredColumn(name="x", digits=digits)) == text


@pytest.mark.parametrize(("value", "text"), [(1.8e6, "1.8M"), (-1.8e6, "-1.8M")])
def test_counts_are_written_as_the_paper_writes_them(value: float, text: str) -> None:
    assert number(value, DeclaredColumn(name="x", human=True)) == text
