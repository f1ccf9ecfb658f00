from pathlib import Path
from typing import Annotated, Any

import pytest
from annotated_types import Len
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from datasets.io.errors import DataError
from datasets.io.json_file import (
    Picture,
    Record,
    Row,
    a_box,
    a_dict,
    a_list,
    a_name,
    a_number,
    a_row,
    a_whole,
    load,
    parse_objects,
)
from tests.support.errors import refused
from tests.support.spoiling import deep

PATH = Path("set.json")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def record(**fields: Any) -> Record:
    return Record(PATH, "things[3]", fields)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1,]", b"\xff\xfe\x00", b"[" * 100_000, b"nul", b"1" * 5000]
)
def test_what_is_not_json_is_an_error_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with refused("not-json"):
        load(path)


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with refused("missing-file"):
        load(tmp_path / "a.json")
    with refused("not-json"):
        load(tmp_path)


def test_an_error_names_file_record_and_id() -> None:
    with refused("missing-field") as caught:
        record(id=7).parse(a_name, "name")
    assert (caught.value.path, caught.value.record) == ("set.json", "things[3] (id 7)")
    assert "name" in caught.value.problem
    assert caught.value.remedy


@pytest.mark.parametrize("value", ["1", 1.0, True, None, [1]])
def test_a_whole_number_is_an_int(value: Any) -> None:
    with refused("not-whole"):
        record(a=value).parse(a_whole, "a")


@pytest.mark.parametrize("value", [-1, 2**63, 10**400])
def test_a_whole_number_is_in_range(value: int) -> None:
    with refused("out-of-range"):
        record(a=value).parse(a_whole, "a")


@given(st.lists(st.integers(-(10**14), 10**14) | st.floats(-1e14, 1e14), max_size=4))
def test_a_row_keeps_its_numbers(value: list[float]) -> None:
    assert record(a=value).parse(a_row, "a") == value


a_pair = TypeAdapter(Annotated[Row, Len(2, 2)]).validate_python

WRONG_ROWS = [
    *("12", 3, None, {}, [], [1], [1, 2, 3]),
    *(["1", 2], [None, 2], [True, 2], [1, [2]]),
    *([1, float("nan")], [1, float("inf")], [float("inf"), float("-inf")], [10**400, 1.0]),
]


@pytest.mark.parametrize("value", WRONG_ROWS)
def test_a_row_is_so_many_finite_numbers(value: Any) -> None:
    with pytest.raises(DataError) as caught:
        record(a=value).parse(a_pair, "a")
    assert caught.value.code in {"not-a-list", "not-numbers", "wrong-length", "not-finite"}
    assert caught.value.record == "things[3]"


@given(JSON)
def test_whatever_stands_there_gives_a_value_or_a_data_error(value: Any) -> None:
    checked = record(a=value)
    for check in (a_name, a_whole, a_number, a_list, a_dict, a_box, a_row, a_pair, Picture.model_validate):
        try:
            checked.parse(check, "a")
        except DataError as error:
            assert "set.json" in str(error)  # noqa: PT017


@pytest.mark.parametrize("text", ['{"a": 1, "b": [], "a": 2}', '[{"x": {"a": [], "a": []}}]'])
def test_a_key_that_is_there_twice_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with refused("repeated-key") as caught:
        load(path)
    assert "'a'" in caught.value.problem


def test_what_is_no_object_or_broken_is_left_out_and_named() -> None:
    values = [{"a": 1}, 3, {"a": "x"}, {"a": 2}]
    good, broken = parse_objects(PATH, values, "images", lambda one: one.parse(a_whole, "a"))
    assert good == [1, 2]
    assert [one.record for one in broken] == ["images[1]", "images[2]"]
    assert [one.code for one in broken] == ["not-an-object", "not-whole"]


def test_the_place_within_a_field_is_named() -> None:
    with refused("not-numbers") as caught:
        record(bbox=[1, 2, None, 4]).parse(a_box, "bbox")
    assert caught.value.problem.startswith("bbox[2] is None: ")
    with refused("out-of-range") as caught:
        record(file_name="a.png", width=0, height=1).parse(Picture.model_validate)
    assert caught.value.problem.startswith("width is 0: ")
    with refused("wrong-length"):
        record(bbox=[1, 2, 3]).parse(a_box, "bbox")


def test_an_id_that_occurs_twice_is_named() -> None:
    seen: set[int] = set()
    assert record(id=5).new("id", seen) == 5
    with refused("repeated-id") as caught:
        record(id=5).new("id", seen)
    assert caught.value.record == "things[3] (id 5)"


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "x" * 300, "a/" * 3000, 7, None])
def test_a_text_could_name_a_file(name: Any) -> None:
    with refused("not-a-text"):
        record(a=name).parse(a_name, "a")


def test_a_value_is_quoted_briefly_however_deep_or_long() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for value in (deep, "x" * 10**6, list(range(10**6)), {"a": deep}):
        with refused("not-whole") as caught:
            record(a=value).parse(a_whole, "a")
        assert len(str(caught.value)) < 250


def test_deep_json_is_refused_or_quoted_briefly() -> None:
    with refused("not-whole"):
        Record(Path("a.json"), "x", {"id": deep(900)}).parse(a_whole, "id")
