"""Options that several commands share, and the files and folders that they name."""

import argparse
from collections.abc import Callable
from pathlib import Path

from orchestrator.cli.paths import place
from orchestrator.run.settings import SEEDS


def add_scale(parser: argparse._ActionsContainer) -> None:
    """Add the choice of a scale."""
    parser.add_argument(
        "--scale",
        choices=list(SEEDS),
        default="demo",
        help="smoke: seconds, to see that it works; demo: generated data and a small network, minutes on a "
        "CPU; photos: real photographs on a laptop, from a pretrained network, a quarter of an hour a "
        "training; paper: the paper's recipe on the real data set, GPUs advised (default: demo)",
    )


def add_sigmas(parser: argparse._ActionsContainer) -> None:
    """Add a file of OKS constants."""
    parser.add_argument(
        "--sigmas",
        type=existing_file,
        metavar="FILE",
        help='OKS constants by keypoint, a JSON object such as {"tail_base": 0.05}, in place of those of the '
        "annotations' category or COCO's",
    )


def add_reading(parser: argparse._ActionsContainer) -> None:
    """Add how pictures are read that can be read in several ways."""
    parser.add_argument(
        "--exif",
        choices=["shown", "stored"],
        help="what annotations count pixels of, where a picture has an EXIF orientation and its size does "
        "not tell: the picture as programs show it, or as it is stored (default: as most pictures of the set "
        "whose size tells, or as shown)",
    )
    add_allow_outside(parser)


def add_allow_outside(parser: argparse._ActionsContainer) -> None:
    """Add whether pictures may lie elsewhere."""
    parser.add_argument(
        "--allow-outside",
        action="store_true",
        help="read pictures too that lie outside the data root, by .., an absolute name or a link",
    )


def add_no_pack(parser: argparse._ActionsContainer) -> None:
    """Add whether decoded pictures are kept."""
    parser.add_argument(
        "--no-pack",
        dest="pack",
        action="store_false",
        help="decode pictures each time they are looked at instead of keeping them decoded: no disk for them,"
        " samples at a fifth of the speed or less, and the same numbers to the last bit",
    )


def add_json(parser: argparse._ActionsContainer, what: str) -> None:
    """Add output for programs.

    Args:
        what: it is.
    """
    parser.add_argument(
        "--json", action="store_true", help=f"print {what} as JSON; everything else goes to standard error"
    )


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add where results are read from."""
    parser.add_argument(
        "--tracking-uri",
        metavar="URI",
        help="MLflow's store (default: $MLFLOW_TRACKING_URI, else results/store/mlflow.db)",
    )


def existing_folder(text: str) -> Path:
    """A folder, absolute. Raises argparse.ArgumentTypeError where there is none."""
    return _existing(text, Path.is_dir, "folder")


def existing_file(text: str) -> Path:
    """A file, absolute. Raises argparse.ArgumentTypeError where there is none."""
    return _existing(text, Path.is_file, "file")


def _existing(text: str, is_there: Callable[[Path], bool], what: str) -> Path:
    path = place(text).absolute()
    if not is_there(path):
        raise argparse.ArgumentTypeError(f"{path}: no such {what}")
    return path
