"""`rle-lab predict`: pictures in; keypoints with their predicted scale, and drawings of them, out."""

import argparse
from pathlib import Path

from orchestrator.cli import model_argument
from orchestrator.cli.guard import console
from orchestrator.run.settings import home


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `predict`."""
    parser = commands.add_parser(
        "predict",
        help="keypoints of people in pictures, and drawings of them",
        description="Predict the keypoints of people with a model trained on COCO, MPII or Human3.6M: as "
        "COCO results with the predicted scale beside them, and drawn on the pictures. Pixels are counted as "
        "they are stored, without EXIF rotation.",
    )
    model_argument.add_model(parser)
    parser.add_argument(
        "input", nargs="+", type=Path, metavar="INPUT", help="pictures, or folders of pictures"
    )
    parser.add_argument(
        "--boxes",
        type=Path,
        metavar="FILE",
        help="where people are: COCO annotations or detection results (default: each picture is one box)",
    )
    parser.add_argument(
        "--min-score", type=float, default=0.0, metavar="S", help="leave out detected boxes below this score"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write (default: results/predictions)"
    )
    parser.set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """Predict as the command line asks for; 1 where a picture could not be read.

    Raises:
        DataError: there are no pictures, the boxes can't be read, or the model does not predict poses.
        CheckpointError: there is no such model, or it can't be read.
    """
    from rich.progress import track

    from orchestrator.inference import boxes, predict_folder

    terminal = console()
    pictures = predict_folder.find_pictures(arguments.input)
    if arguments.boxes is None:
        plan = boxes.whole_pictures(pictures)
    else:
        plan = boxes.read_boxes(arguments.boxes, pictures, arguments.min_score)
    trained = model_argument.trained(arguments, terminal)
    out = (arguments.out or home() / "predictions").expanduser().absolute()
    tracked = track(
        plan.pictures, "predicting", console=terminal, transient=True, disable=not terminal.is_terminal
    )
    results, broken = predict_folder.predict(trained, plan, tracked, out)
    for one in broken:
        terminal.print(f"[red]left out[/] {one.error}", highlight=False, soft_wrap=True)
    seen = len({result["file_name"] for result in results})
    terminal.print(f"{len(results)} people in {seen} of {len(pictures)} pictures", highlight=False)
    terminal.print(
        f"{out / predict_folder.RESULTS}, drawings in {out / predict_folder.DRAWINGS}",
        highlight=False,
        soft_wrap=True,
    )
    return 1 if broken else 0
