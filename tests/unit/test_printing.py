"""One console prints everything, and to it strings are text."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.unit.test_architecture import NAMES, tree

STYLES = "bold|dim|italic|underline|red|green|yellow|blue|cyan|magenta|white|black|link|on"
MARKUP = re.compile(rf"\[/?(?:{STYLES})\b[^\]\[']*\]|\[/\]")


def called(name: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2], node


def markup(name: str) -> list[str]:
    constants = [node.value for node in ast.walk(tree(name)) if isinstance(node, ast.Constant)]
    return [value for value in constants if isinstance(value, str) and MARKUP.search(value)]


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("models/")])
def test_no_other_module_makes_a_console_and_no_string_holds_markup(name: str) -> None:
    assert markup(name) == []
    names = {function for function, _ in called(name)}
    assert not names & {"Console", "Spinner", "Status", "from_markup"}
    for function, call in called(name):
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert function != "TextColumn" or keywords.get("markup") == "False"
        assert keywords.get("markup", "False") == "False"


def test_markup_would_be_noticed() -> None:
    for text in ("[red]no[/]", "[bold]jobs", "[/]", "[dim]…", "[yellow]x"):
        assert MARKUP.search(text)
    for text in ("images[3].file_name", "[0-9a-f]{16}", "[{done}/{all}] name"):
        assert not MARKUP.search(text)
