"""Boxes of people in the frames of a video: from a COCO file, or each whole frame as one box.

Frames are counted from 0. Shapes: H W pixels of a frame.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from datasets.io.errors import DataError
from datasets.io.orientation import Size
from datasets.io.video import Frame
from orchestrator.inference.boxes import PERSON, Box, PictureBoxes, parse_boxes
from orchestrator.inference.picture_names import VIDEOS, number_of


@dataclass(frozen=True, eq=False)
class FrameBoxes(PictureBoxes):
    """The boxes of one frame, which is decoded already; `picture` is the video, `image_id` the frame."""

    frame: NDArray[np.uint8] = field(kw_only=True)

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) RGB.

        Raises:
            DataError: it is of another size than the file of boxes says.
        """
        height, width = self.frame.shape[:2]
        if self.claimed not in (None, (width, height)):
            raise DataError(
                self.picture,
                f"its frames are {width}x{height} pixels, those of the boxes {self.claimed}",
                remedy="Find the boxes in this very video; --exif stored is for boxes in frames that are not "
                "turned upright",
                code="other-picture-size",
            )
        return self.frame


@dataclass(frozen=True)
class FramePlan:
    """The boxes of all frames of a video."""

    boxes: Mapping[int, tuple[Box, ...]] | None  # by the number of a frame; None: each whole frame is one
    sizes: Mapping[int, Size | None]
    category: int = PERSON  # of the results
    assumed: tuple[str, ...] = ()

    def of(self, video: Path, frame: Frame) -> FrameBoxes:
        """Those of a frame; a frame that the file of boxes does not name has none."""
        boxes = None if self.boxes is None else self.boxes.get(frame.number, ())
        size = self.sizes.get(frame.number)
        return FrameBoxes(video, frame.number, boxes, size, frame=frame.pixels)

    def missing(self, frames: int) -> tuple[int, ...]:
        """Frames that have boxes and that a video of so many frames does not have."""
        return tuple(sorted(number for number in self.boxes or () if number >= frames))


def whole_frames() -> FramePlan:
    """Each frame as one box."""
    return FramePlan(None, {}, assumed=("each whole frame is the box of one (--boxes FILE has others)",))


def read_frame_boxes(path: Path, least: float = 0.0) -> FramePlan:
    """Boxes from a file of COCO's annotations or detection results.

    The frame is the last number in the `file_name` of its picture, where that is a picture's, else the
    `image_id`.

    Args:
        least: detections with a lower score are left out.

    Raises:
        DataError: the file is neither, a record is wrong, it has no box, a name has no number, or two
            pictures have the same.
    """
    file = parse_boxes(path, least)
    if not any(file.boxes.values()):
        raise DataError(path, "has no boxes", remedy="Check the file, and --min-score", code="no-boxes")
    frames = {i: i for i in file.idents} if file.named is None else dict(_frames(path, file.named))
    again = [number for number, count in Counter(frames.values()).items() if count > 1]
    if again:
        problem = f"has several pictures that may be frame {again[0]}"
        remedy = "Give the frames of each video a file of their own"
        raise DataError(path, problem, remedy=remedy, code="ambiguous-pictures")
    name, ident = file.named[0] if file.named else (f"image_id {min(frames)}", min(frames))
    said = f"frames are counted from 0: {name} in {path.name} is frame {frames[ident]}"
    return FramePlan(
        {frames[ident]: boxes for ident, boxes in file.boxes.items() if ident in frames},
        {frames[ident]: size for ident, size in file.sizes.items()},
        file.category,
        (said,),
    )


def _frames(path: Path, named: Sequence[tuple[str, int]]) -> Iterator[tuple[int, int]]:
    """Ids of pictures with the numbers of frames."""
    for name, ident in named:
        plain = PurePosixPath(name.replace("\\", "/"))
        number = ident if plain.suffix.lower() in VIDEOS else number_of(Path(plain))
        if number is None:
            problem = f"{name} has no number, by which a frame is known"
            remedy = "Call pictures by their frames, counted from 0, such as frame_000012.png"
            raise DataError(path, problem, remedy=remedy, code="no-frame-number")
        yield ident, number
