"""`rle-lab predict`: pictures in; keypoints with their predicted scale, and drawings of them, out."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli import model_argument
from orchestrator.cli.guard import console
from orchestrator.cli.numbers import number
from orchestrator.cli.paths import place
from orchestrator.run.settings import home

if TYPE_CHECKING:
    from rich.console import Console

    from orchestrator.inference.boxes import BoxPlan, PictureBoxes


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `predict`."""
    parser = commands.add_parser(
        "predict",
        help="keypoints of people in pictures or boundaries in retinal scans, and drawings of them",
        description="Predict the keypoints of people with a model trained on COCO, MPII or Human3.6M: as "
        "COCO results with the predicted scale beside them, and drawn on the pictures. With a model of "
        "retinas, predict the boundaries in B-scans. Pictures are turned upright as EXIF says, and their "
        "pixels counted so.",
    )
    model_argument.add_model(parser)
    parser.add_argument(
        "input", nargs="+", type=place, metavar="INPUT", help="pictures, or folders of pictures"
    )
    parser.add_argument(
        "--boxes",
        type=place,
        metavar="FILE",
        help="where people are: COCO annotations or detection results (default: each picture is one box)",
    )
    parser.add_argument(
        "--min-score",
        type=lambda text: number(text, -1e6, 1e6),
        default=0.0,
        metavar="S",
        help="leave out detected boxes below this score",
    )
    parser.add_argument(
        "--exif",
        choices=["shown", "stored"],
        help="what boxes count pixels of, where a picture has an EXIF orientation and its size does not "
        "tell: the picture as programs show it, or as it is stored (default: as most pictures whose size "
        "tells, or as shown)",
    )
    parser.add_argument(
        "--out", type=place, metavar="DIR", help="where to write (default: results/predictions)"
    )
    parser.set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """Predict as the command line asks for; 1 where a picture could not be read or drawn.

    Raises:
        DataError: there are no pictures, the boxes can't be read, or something would be written over.
        CheckpointError: there is no such model, or it can't be read.
    """
    from orchestrator.inference import boxes, predict_folder
    from orchestrator.inference.outputs import DRAWINGS, NOT_DRAWN, Outputs

    terminal = console()
    pictures = predict_folder.find_pictures(arguments.input)
    if arguments.boxes is None:
        plan = boxes.whole_pictures(pictures)
    else:
        plan = boxes.read_boxes(arguments.boxes, pictures, arguments.min_score)
    plan = plan.read_as(arguments.exif)
    trained = model_argument.trained(arguments, terminal)
    found = predict_folder.finder(trained, plan)
    out = Outputs((arguments.out or home() / "predictions").expanduser().absolute(), found.file, found.header)
    _say_what_is_assumed(plan, terminal)
    for video in predict_folder.videos_in(arguments.input):
        _say(terminal, f"not looked at: {video} is a video; take its frames out with ffmpeg", "yellow")
    inputs = [path for path in (arguments.boxes, Path(trained.path)) if path]
    done = predict_folder.predict(found, plan, _tracked(plan, terminal), out, inputs)
    for one in done.broken:
        _say(terminal, f"{'not drawn' if one.code == NOT_DRAWN else 'left out'}: {one.error}", "red")
    _say(terminal, f"{len(done.results)} {found.noun} in {done.pictures} of {len(pictures)} pictures")
    _say(terminal, found.promise)
    _say(terminal, f"{out.folder / out.results} and {out.table}, drawings in {out.folder / DRAWINGS}")
    return 1 if done.broken else 0


def _tracked(plan: "BoxPlan", terminal: "Console") -> "Iterator[PictureBoxes]":
    from orchestrator.util.terminal import bars

    with bars(terminal) as shown:
        yield from shown.track(plan.pictures, description="predicting")


def _say_what_is_assumed(plan: "BoxPlan", terminal: "Console") -> None:
    for sentence in plan.assumed:
        _say(terminal, f"assumed: {sentence}", "yellow")
    if plan.unknown:
        first, count = plan.unknown[0], len(plan.unknown)
        _say(terminal, f"without boxes: {count} of {len(plan.pictures)} pictures, such as {first}", "yellow")


def _say(terminal: "Console", text: str, style: str | None = None) -> None:
    terminal.print(text, style=style, soft_wrap=True)
