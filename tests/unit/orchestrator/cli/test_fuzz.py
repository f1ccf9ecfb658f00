"""Command lines made at random: they are understood, or refused with a sentence."""

import argparse
import contextlib
import io
from collections.abc import Iterator

from hypothesis import strategies as st

from orchestrator.cli.main import parser
from orchestrator.cli.options import options
from orchestrator.sweep.variations import parse as parse_variation
from orchestrator.tracking.uri import parse as parse_uri
from orchestrator.util.errors import UserError
from tests.support.fuzzing import fuzzed, tried


def whole() -> argparse.ArgumentParser:
    return parser(list, list, lambda: None)  # type: ignore[arg-type, return-value]


def commands() -> dict[str, argparse.ArgumentParser]:
    actions = (action for action in whole()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(next(actions).choices)


def names() -> Iterator[str]:
    for command in commands().values():
        for action in command._actions:
            yield from action.option_strings


WORDS = st.sampled_from(
    ["", "0", "1", "-1", "3", "1e9", "9" * 5000, "nan", "inf", "smoke", "paper", "RLE (Q+G)", "a=b", "=",
     "a=", "flow.layers=1,2", "[", "{", "~", "~nobody/x", "/", ".", "..", "/dev/null", "a\x00b", "\x1b[31m",
     "é", "日本", "sqlite:///x.db", "sqlite:///", "http://u:pa55word@h", "http://[", "://", "s3://k:v@b",
     "file:///x#?%", "%", "--", "-", "--help", "auto", "float32", "on", "x" * 3000]
) | st.text(max_size=12)  # fmt: skip
OPTIONS = st.sampled_from(sorted(set(names())))
LINES = st.tuples(st.sampled_from(sorted(commands())), st.lists(WORDS | OPTIONS, max_size=8))


@fuzzed("command lines", 300, line=LINES)
def test_a_command_line_is_understood_or_refused_with_a_sentence(line: tuple[str, list[str]]) -> None:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        found, ended = tried(lambda: whole().parse_args([line[0], *line[1]]), SystemExit)
    if ended is not None:
        assert ended.code == 0 or (ended.code == 2 and "error: " in said.getvalue())
        assert "\x1b" not in said.getvalue()
    elif line[0] == "run" and found is not None:
        settings, error = tried(lambda: options(found), UserError)
        assert settings is None or settings.seeds
        assert error is None or error.code


@fuzzed("command lines", 200, word=WORDS | st.text(max_size=30))
def test_an_address_and_a_variation_are_understood_or_refused(word: str) -> None:
    _, error = tried(lambda: parse_uri(word, None), UserError)
    assert error is None or (error.code and "pa55word" not in str(error))
    _, error = tried(lambda: parse_variation(word), UserError)
    assert error is None or error.code
