"""`rle-lab import-checkpoint`: weights of the authors or of mmpose, as a checkpoint of this project."""

import argparse
import shlex

from orchestrator.cli.guard import console
from orchestrator.cli.numbers import whole
from orchestrator.cli.paths import place
from orchestrator.run.settings import home


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `import-checkpoint`."""
    parser = commands.add_parser(
        "import-checkpoint",
        help="weights of the authors' code or of mmpose as a checkpoint",
        description="Read the weights of the authors' 2-D or 3-D model, or of mmpose's ResNet with an RLE "
        "head, without running anything in the file, and write a checkpoint for predict and export.",
    )
    parser.add_argument("file", type=place, metavar="FILE", help="a state dict, alone or under 'state_dict'")
    parser.add_argument(
        "--size",
        nargs=2,
        type=_side,
        metavar=("H", "W"),
        help="of the crops that it was trained with (default: as its settings say, else the benchmark's)",
    )
    parser.add_argument(
        "--out", type=place, metavar="DIR", help="the checkpoint's folder (default: results/imported/NAME)"
    )
    parser.set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """Import as the command line asks for.

    Raises:
        CheckpointError: the file holds no such weights, or the checkpoint can't be written.
    """
    from orchestrator.inference.import_weights import import_file

    terminal = console()
    file = arguments.file.expanduser()
    out = (arguments.out or home() / "imported" / file.stem).expanduser().absolute()
    size = tuple(arguments.size) if arguments.size else None
    imported = import_file(file, out, size)
    data = imported.experiment.data
    said = {
        "settings": "as the file's settings say",
        "option": "as --size says",
        "nobody": "assumed, as the file does not say: name others with --size H W",
    }[imported.size_by]
    what = f"{data.points} points in {data.dim}-D, crops of {data.size[0]}×{data.size[1]} ({said})"
    for line in (
        f"{imported.experiment.describe()}: {what}",
        f"to use it: rle-lab predict {shlex.quote(str(out))} PICTURES",
    ):
        terminal.print(line, soft_wrap=True)
    return 0


def _side(text: str) -> int:
    return whole(text, 1, 8192)
