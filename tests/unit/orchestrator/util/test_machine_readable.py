"""What is printed for programs is JSON that any of them reads."""

import json
import math

import pytest

from orchestrator.util.machine_readable import print_json


def test_numbers_that_json_does_not_have_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [1.5, math.nan, (math.inf,)], "b": {"μ": -math.inf, "c": None}})
    text = capsys.readouterr().out
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": [1.5, None, [None]],
        "b": {"μ": None, "c": None},
    }
