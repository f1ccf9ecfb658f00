"""`rle-lab convert`: a labelling tool's export, as a set for `prepare` and `run`."""

import argparse
import shlex

from orchestrator.cli.guard import console
from orchestrator.cli.paths import place
from orchestrator.cli.shared_options import add_allow_outside


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `convert`."""
    parser = commands.add_parser(
        "convert",
        help="labels of CVAT, Label Studio, Roboflow or DeepLabCut as a data set in two splits",
        description="Copy a labelling tool's export into a folder in COCO's layout: COCO keypoints of CVAT, "
        "Label Studio or Roboflow, unpacked, or a project of DeepLabCut with its CollectedData_*.csv. Where "
        "the tool has not split the pictures, a fifth of them is for validation: whole videos or folders "
        "where there are several, else drawn at random, the same ones each time. What was assumed is said.",
    )
    parser.add_argument("export", type=place, metavar="EXPORT", help="its folder, or the file of labels")
    parser.add_argument("out", type=place, metavar="OUT", help="a new folder, for --data-root")
    parser.add_argument(
        "--boxes",
        choices=["frame", "animal"],
        help="what a box is: the whole picture, as for `predict` without --boxes, or the export's own, about "
        "the keypoints where it has none (default: frame where no box was drawn and nothing is twice in a "
        "picture)",
    )
    add_allow_outside(parser)
    parser.set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """Convert as the command line asks for.

    Raises:
        DataError: the export can't be read, or something lies there already.
    """
    from datasets.exports.convert import convert

    terminal = console()
    out = arguments.out.absolute()
    done = convert(arguments.export, out, arguments.boxes, allow_outside=arguments.allow_outside)
    for sentence in done.assumed:
        terminal.print(f"assumed: {sentence}", style="yellow", soft_wrap=True)
    parts = [f"{done.labelled[name]} labelled in {n} pictures of {name}" for name, n in done.pictures.items()]
    terminal.print(f"{out}: {done.keypoints} keypoints, {', '.join(parts)}", soft_wrap=True)
    terminal.print(f"to check it: rle-lab prepare --data-root {shlex.quote(str(out))}", soft_wrap=True)
    return 0
