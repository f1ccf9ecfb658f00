from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.io.errors import DataError
from datasets.io.json_file import Record, load, parse_objects
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
        record(id=7).text("name")
    assert (caught.value.path, caught.value.record) == ("set.json", "things[3] (id 7)")
    assert "name" in caught.value.problem
    assert caught.value.remedy


@pytest.mark.parametrize("value", ["1", 1.0, True, None, -1, 2**63, [1]])
def test_a_whole_number_is_an_int_in_range(value: Any) -> None:
    with refused("not-whole"):
        record(a=value).whole("a")


WRONG_ROWS = [
    *("12", 3, None, {}, [], [1], [1, 2, 3]),
    *(["1", 2], [None, 2], [True, 2], [1, [2]]),
    *([1, float("nan")], [1, float("inf")], [float("inf"), float("-inf")], [10**400, 1.0]),
]


@pytest.mark.parametrize("value", WRONG_ROWS)
def test_a_row_is_so_many_finite_numbers(value: Any) -> None:
    with pytest.raises(DataError) as caught:
        record(a=value).row("a", 2)
    assert caught.value.code in {"not-numbers", "wrong-length", "not-finite"}
    assert caught.value.record == "things[3]"


@given(JSON)
def test_whatever_stands_there_gives_a_value_or_a_data_error(value: Any) -> None:
    checked = record(a=value)
    for read in (
        checked.text,
        checked.whole,
        checked.number,
        checked.listed,
        checked.inner,
        checked.side,
        lambda key: checked.row(key, 2),
    ):
        try:
            read("a")
        except DataError as error:
            assert "set.json" in str(error)  # noqa: PT017


def test_what_is_no_object_or_broken_is_left_out_and_named() -> None:
    values = [{"a": 1}, 3, {"a": "x"}, {"a": 2}]
    good, broken = parse_objects(PATH, values, "images", lambda one: one.whole("a"))
    assert good == [1, 2]
    assert [one.record for one in broken] == ["images[1]", "images[2]"]
    assert broken[0].reason == "is 3, not an object"


def test_an_id_that_occurs_twice_is_named() -> None:
    seen: set[int] = set()
    assert record(id=5).new("id", seen) == 5
    with refused("repeated-id") as caught:
        record(id=5).new("id", seen)
    assert caught.value.record == "things[3] (id 5)"


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "x" * 300, "a/" * 3000, 7, None])
def test_a_text_could_name_a_file(name: Any) -> None:
    with refused("not-a-text"):
        record(a=name).text("a")


def test_a_value_is_quoted_briefly_however_deep_or_long() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for value in (deep, "x" * 10**6, list(range(10**6)), {"a": deep}):
        with refused("not-whole") as caught:
            record(a=value).whole("a")
        assert len(str(caught.value)) < 250


def test_deep_json_is_refused_or_quoted_briefly() -> None:
    with refused("not-whole"):
        Record(Path("a.json"), "x", {"id": deep(900)}).whole("id")
