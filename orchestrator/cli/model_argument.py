"""The MODEL argument that several commands share, and the model that it names."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.own_file import add_code, load_code
from orchestrator.cli.paths import place_or_uri
from orchestrator.run.settings import cache_of, home

if TYPE_CHECKING:
    from rich.console import Console

    from orchestrator.inference.model_store import Trained


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add MODEL, --storage and --code."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a checkpoint.pt, a folder that has one, or of those in the storage the first digits of a "
        'fingerprint or the first words of a run\'s name ("RLE 3x64 on coco, seed 0")',
    )
    parser.add_argument(
        "--storage",
        type=place_or_uri,
        metavar="DIR|URI",
        help="where checkpoints and generated data lie (default: results/store)",
    )

    add_code(parser)


def storage(arguments: argparse.Namespace) -> str:
    """The storage that was named, or the default one of all sweeps."""
    return arguments.storage or str(home() / "store")


def cache(arguments: argparse.Namespace) -> Path:
    """Where sweeps with this storage leave prepared data."""
    return cache_of(storage(arguments))


def trained(arguments: argparse.Namespace, console: "Console") -> "Trained":
    """The model that was named; the console tells which one that is.

    Raises:
        CheckpointError: there is no such model, or it can't be read.
    """
    from orchestrator.inference.model_store import find, load

    load_code(arguments.code)
    found = load(find(arguments.model, storage(arguments)))
    data = found.experiment.data
    console.print(f"{found.experiment.describe()}: crops of {data.size[0]}×{data.size[1]}")
    for note in found.notes:
        console.print(note, style="yellow", soft_wrap=True)
    if not found.finished:
        wanted = found.experiment.schedule.epochs
        console.print(f"its training is not finished: {found.epochs} of {wanted} epochs", style="yellow")
    return found
