"""`rle-lab bench`: how fast this machine runs the project, beside plain code for the same."""

from orchestrator.bench.command import add_parser

__all__ = ["add_parser"]
