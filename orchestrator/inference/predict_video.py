"""People or boundaries in the frames of a video: found one by one, as in pictures, written and drawn."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.io.errors import DataError
from datasets.io.video import Frame, Video
from orchestrator.inference.found import Finder
from orchestrator.inference.frame_boxes import FramePlan
from orchestrator.inference.outputs import Outputs
from orchestrator.inference.predict_folder import as_exported
from orchestrator.inference.video_outputs import FrameWriter, writing

Shown = Callable[[Iterator[Frame], int | None], Iterable[Frame]]
"""Passes frames on and may show progress; the number is how many there should be, None if nobody knows."""


@dataclass(frozen=True)
class PredictedVideo:
    """What was written of a video."""

    results: int
    frames: int  # that could be read
    stopped: bool  # by Ctrl-C, before the end
    warnings: Sequence[str]
    undrawn: str  # why there is no drawn video; empty if there is one


def predict_video(
    found: Finder, video: Video, plan: FramePlan, outputs: Outputs, drawing: str, shown: Shown
) -> PredictedVideo:
    """Write the results of each frame as soon as it is read, and the video with drawings.

    Ctrl-C ends it after a frame: what was done is whole, and in place.

    Args:
        outputs: prepared.
        drawing: the name of the drawn video.

    Raises:
        DataError: no frame can be read, a frame is of another size than its boxes say, or the folder can't
            be written to.
    """
    stopped, results, number = False, 0, -1
    with writing(outputs, drawing, video.rate) as writer, as_exported():
        try:
            for frame in shown(video.frames(), video.announced):
                results += _write_frame(found, video.path, plan, frame, writer)
                number = frame.number
        except KeyboardInterrupt:
            stopped = True
    if not writer.frames and not stopped:
        remedy = "Copy or export it again"
        raise DataError(video.path, "no frame of it can be read", remedy=remedy, code="broken-video")
    said = () if stopped else (*video.damage(), *_without_frames(plan, number + 1))
    return PredictedVideo(results, writer.frames, stopped, said, writer.undrawn)


def _write_frame(found: Finder, video: Path, plan: FramePlan, frame: Frame, writer: FrameWriter) -> int:
    """How many were found."""
    here = found.find(plan.of(video, frame), video.name)
    writer.add(frame, here.results, found.lines(here.results), here.drawn)
    return len(here.results)


def _without_frames(plan: FramePlan, frames: int) -> Iterator[str]:
    missing = plan.missing(frames)
    if missing:
        yield (
            f"there are boxes for {len(missing)} frames that it does not have, the first is {missing[0]}: it "
            f"has {frames}, counted from 0"
        )
