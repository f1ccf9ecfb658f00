"""The JSON of experiments spoiled at random: it is a whole experiment, or an error names fields."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st

from orchestrator.config.experiment import Experiment, ExperimentError, parse_experiment
from orchestrator.config.vary import vary
from sweeps import all_sweeps
from tests.support.fuzzing import fuzzed, tried
from tests.support.spoiling import spoiled


def experiments() -> list[Any]:
    """One of each method on each data set, with all of their fields, and one that starts from another."""
    found: dict[tuple[str, str], Experiment] = {}
    for scale in ("smoke", "paper"):
        for table in (table for sweep in all_sweeps() for table in sweep.tables):
            for row in table.rows(scale):
                one = row.experiment
                found.setdefault((scale + one.method, one.data.name), one)
    first = next(iter(found.values()))
    started = vary(first, start=vary(first, seed=3))
    return [json.loads(one.model_dump_json()) for one in (*found.values(), started)]


WHOLE = experiments()


@fuzzed("experiments", 200, text=st.sampled_from(WHOLE).flatmap(spoiled))
def test_what_is_read_is_a_whole_experiment_and_all_else_an_error_that_names_fields(text: str) -> None:
    found, error = tried(lambda: parse_experiment(text), ExperimentError)
    if found is None:
        assert error is not None
        assert error.code
        assert str(error).partition(":")[0].partition(".")[0] in {*Experiment.model_fields, "the experiment"}
        assert len(str(error)) < 5000
        return
    assert parse_experiment(found.model_dump_json()) == found
    assert len(found.fingerprint()) == 16
    assert found.describe()
    assert found.needs == tuple(found.needs)
    assert all(size > 0 for size in found.output_spec.size)
    assert all(isinstance(sentence, str) for sentence in found.assumed)


@fuzzed(
    "experiments",
    100,
    text=st.text(max_size=50) | st.sampled_from(["[" * 10**5, '{"start":' * 10**4]),
)
def test_what_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises(ExperimentError):
        parse_experiment(text)


def unbounded(schema: Any, place: str = "") -> Iterator[str]:
    """The numbers, texts and lists of a JSON schema that may be of any size."""
    if isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from unbounded(inner, f"{place}[{index}]")
    if not isinstance(schema, dict):
        return
    chosen = {"enum", "const"} & schema.keys()
    bounds = {
        "number": [{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}],
        "string": [{"maxLength", "pattern"}],
        "array": [{"maxItems"}],
    }
    kind = "number" if schema.get("type") == "integer" else schema.get("type")
    if isinstance(kind, str) and not chosen and any(not one & schema.keys() for one in bounds.get(kind, [])):
        yield place
    for name, inner in schema.items():
        if name != "default":
            yield from unbounded(inner, f"{place}.{name}")


def test_every_field_of_an_experiment_has_bounds() -> None:
    schema = Experiment.model_json_schema()
    assert list(unbounded(schema)) == []
    assert list(unbounded({"a": {"type": "integer", "minimum": 0}})) == [".a"]
