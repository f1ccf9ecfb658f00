"""Command lines whose errors show what was typed, whatever was."""

import argparse
from typing import NoReturn

from orchestrator.util.visible import visible


class Parser(argparse.ArgumentParser):
    """argparse's, but for control characters in what it says; commands are parsed by the same class."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """With a message in which they can be seen."""
        super().exit(status, visible(message) if message else None)
