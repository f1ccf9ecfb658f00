"""`rle-lab predict`: pictures or videos in; keypoints with their predicted scale, and drawings, out."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli import model_argument
from orchestrator.cli.guard import STOPPED, console
from orchestrator.cli.numbers import number
from orchestrator.cli.paths import place
from orchestrator.run.settings import home

if TYPE_CHECKING:
    from rich.console import Console

    from datasets.io.video import Frame
    from orchestrator.inference.boxes import BoxPlan, PictureBoxes
    from orchestrator.inference.found import Finder
    from orchestrator.inference.frame_boxes import FramePlan
    from orchestrator.inference.model_store import Trained


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `predict`."""
    parser = commands.add_parser(
        "predict",
        help="keypoints of people in pictures or videos, or boundaries in retinal scans, and drawings",
        description="Predict the keypoints of people with a model trained on COCO, MPII or Human3.6M: as "
        "COCO results with the predicted scale beside them, and drawn on the pictures. With a model of "
        "retinas, predict the boundaries in B-scans. Of a video every frame is predicted: results have its "
        "number, from 0, and the container's time, and the drawings are a video (mp4, without sound). "
        "Pictures and videos are turned upright as EXIF or the container says, and their pixels counted so.",
    )
    model_argument.add_model(parser)
    parser.add_argument(
        "input", nargs="+", type=place, metavar="INPUT", help="pictures, folders of pictures, or videos"
    )
    parser.add_argument(
        "--boxes",
        type=place,
        metavar="FILE",
        help="where people are: COCO annotations or detection results (default: each picture is one box); "
        "of a video, by the number of the frame in file_name, or by image_id, from 0",
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
        "tells, or as shown); a video is turned as it is shown, unless `stored`",
    )
    parser.add_argument(
        "--out", type=place, metavar="DIR", help="where to write (default: results/predictions)"
    )
    parser.set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """Predict as the command line asks for; 1 where an input could not be read or drawn.

    Raises:
        DataError: there are no pictures, the boxes can't be read, or something would be written over.
        CheckpointError: there is no such model, or it can't be read.
    """
    from orchestrator.inference.predict_folder import find_videos

    videos = find_videos(arguments.input)
    return _predict_videos(arguments, videos) if videos else _predict_pictures(arguments)


def _predict_pictures(arguments: argparse.Namespace) -> int:
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
    found = predict_folder.finder(trained, plan.category, boxes=arguments.boxes is not None)
    out = Outputs(_out(arguments), found.file, found.header)
    _say_what_is_assumed(plan, terminal)
    for video in predict_folder.videos_in(arguments.input):
        _say(terminal, f"not looked at: {video} is a video; name it to have it predicted", "yellow")
    done = predict_folder.predict(found, plan, _tracked(plan, terminal), out, _read(arguments, trained))
    for one in done.broken:
        _say(terminal, f"{'not drawn' if one.code == NOT_DRAWN else 'left out'}: {one.error}", "red")
    _say(terminal, f"{len(done.results)} {found.noun} in {done.pictures} of {len(pictures)} pictures")
    _say(terminal, found.promise)
    _say(terminal, f"{out.folder / out.results} and {out.table}, drawings in {out.folder / DRAWINGS}")
    return 1 if done.broken else 0


def _predict_videos(arguments: argparse.Namespace, videos: Sequence[Path]) -> int:
    from datasets.io.errors import DataError
    from orchestrator.inference import frame_boxes, predict_folder

    terminal = console()
    if arguments.boxes is not None and len(videos) > 1:
        remedy = "Predict one video a command"
        raise DataError(arguments.boxes, "holds boxes of one video", remedy=remedy, code="several-videos")
    if arguments.boxes is None:
        plan = frame_boxes.whole_frames()
    else:
        plan = frame_boxes.read_frame_boxes(arguments.boxes, arguments.min_score)
    trained = model_argument.trained(arguments, terminal)
    found = predict_folder.finder(trained, plan.category, boxes=arguments.boxes is not None)
    for sentence in plan.assumed:
        _say(terminal, f"assumed: {sentence}", "yellow")
    code, inputs = 0, [*videos, *_read(arguments, trained)]
    for video, drawing in predict_folder.drawing_names(videos, ".mp4").items():
        try:
            code = max(code, _predict_video(arguments, video, drawing, plan, found, inputs))
        except DataError as error:
            if len(videos) == 1:
                raise
            _say(terminal, f"left out: {error}", "red")
            code = max(code, 1)
        if code == STOPPED:
            break
    _say(terminal, found.promise)
    return code


def _predict_video(
    arguments: argparse.Namespace,
    video: Path,
    drawing: str,
    plan: "FramePlan",
    found: "Finder",
    inputs: Sequence[Path],
) -> int:
    """As the command's exit code."""
    from datasets.io.video import open_video
    from orchestrator.inference.outputs import DRAWINGS
    from orchestrator.inference.predict_video import predict_video
    from orchestrator.inference.video_outputs import outputs_of
    from orchestrator.util.terminal import bars

    def shown(frames: "Iterator[Frame]", announced: int | None) -> "Iterator[Frame]":
        with bars(terminal) as progress:
            yield from progress.track(frames, total=announced, description=f"predicting {video.name}")

    terminal = console()
    out = outputs_of(_out(arguments), drawing, found.header)
    with open_video(video, as_stored=arguments.exif == "stored") as opened:
        out.prepare([drawing], inputs)
        done = predict_video(found, opened, plan, out, drawing, shown)
    for warning in done.warnings:
        _say(terminal, f"{video}: {warning}", "yellow")
    if done.stopped:
        _say(terminal, f"stopped: {video.name} is done up to here", "yellow")
    if done.undrawn:
        _say(terminal, f"not drawn: {video} ({done.undrawn}); its points are in {out.table}", "red")
    _say(terminal, f"{done.results} {found.noun} in {done.frames} frames of {video.name}")
    if done.frames:
        drawn = "" if done.undrawn else f", drawn in {out.folder / DRAWINGS / drawing}"
        _say(terminal, f"{out.folder / out.results} and {out.table}{drawn}")
    return STOPPED if done.stopped else 1 if done.undrawn else 0


def _out(arguments: argparse.Namespace) -> Path:
    folder: Path = arguments.out or home() / "predictions"
    return folder.expanduser().absolute()


def _read(arguments: argparse.Namespace, trained: "Trained") -> list[Path]:
    """Files that must stay as they are, beside pictures and videos."""
    return [path for path in (arguments.boxes, Path(trained.path)) if path]


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
