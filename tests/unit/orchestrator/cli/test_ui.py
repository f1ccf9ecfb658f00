"""What `rle-lab ui` prints of a store's address."""

import argparse
import os
from typing import Any

import pytest

from orchestrator.cli import ui


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://host/db?password=pa55word",
        "postgresql://user:pa55word@host/db?sslmode=require",
        "http://user:pa/55'word#1@host:5000",
        "http://pa55word@host:5000",
    ],
)
def test_no_part_of_a_password_is_printed(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[Any] = []
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(os, "execv", lambda *words: started.append(words))
    monkeypatch.setattr(ui, "_pages", lambda _: {})
    parser = argparse.ArgumentParser()
    ui.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(["ui", "--tracking-uri", address])
    arguments.act(arguments)
    printed = capsys.readouterr().out
    assert "host" in printed
    for secret in ("pa55", "55'w", "word", "user"):
        assert secret not in printed
        assert secret not in str(started)
