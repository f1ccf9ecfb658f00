"""Results and drawings of a video's frames, written as they come and put in place together at the end."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from datasets.io.video import ERRORS, Frame
from orchestrator.inference.outputs import DRAWINGS, LINES_BEGIN, MARK, Outputs, csv_lines

FRAME_COLUMNS = ("frame", "time")
"""What the table of a video has beside that of pictures: the number, from 0, and the container's seconds."""

_TICK = Fraction(1, 90_000)
"""Seconds: the unit of times in drawn videos, of which the usual lengths of a frame are multiples."""
_QUALITY = {"preset": "veryfast", "crf": "20"}  # of x264
_BT709 = 1  # FFmpeg's number of HD's colours, for primaries, curve and matrix
_LIMITED = 1


def outputs_of(folder: Path, drawing: str, header: Sequence[str]) -> Outputs:
    """Where results of a video go, whose drawing has this name: `a.json`, `a.csv` and `drawings/a.mp4`."""
    return Outputs(folder, Path(drawing).with_suffix(".json").name, (header[0], *FRAME_COLUMNS, *header[1:]))


@contextmanager
def writing(outputs: Outputs, drawing: str, rate: Fraction) -> Iterator["FrameWriter"]:
    """Write frames; at the end what was written is put in place, by an error or Ctrl-C too.

    Without a frame nothing is, and what was there stays.

    Args:
        outputs: prepared.
        rate: frames a second of the drawn video, where the container has no times.

    Raises:
        DataError: the folder can't be written to.
    """
    folder = outputs.folder
    places = (folder / outputs.results, folder / outputs.table, folder / DRAWINGS / drawing)
    partials = [place.with_name(f".partial-{os.getpid()}{place.suffix}") for place in places]
    try:
        with ExitStack() as stack:
            writer = FrameWriter(outputs, [stack.enter_context(one.open("xb")) for one in partials], rate)
            try:
                yield writer
            finally:
                writer.close()
                for partial, place in list(zip(partials, places, strict=True))[: writer.whole_files]:
                    partial.replace(place)
    finally:
        for partial in partials:
            partial.unlink(missing_ok=True)


class FrameWriter:
    """Three open files: results, the same as a table, and the drawn video."""

    def __init__(self, outputs: Outputs, files: Sequence[IO[bytes]], rate: Fraction) -> None:
        self.frames = 0  # that are whole
        self.undrawn = ""  # why the video could not be drawn to its end; its results are
        self._outputs = outputs
        self._results, self._table, _ = files
        self._video = _DrawnVideo(files[2], rate)
        self._results.write(LINES_BEGIN)
        self._table.write(csv_lines([outputs.header]))
        self._note_whole()

    @property
    def whole_files(self) -> int:
        """How many of the three are worth keeping."""
        return 0 if not self.frames else 2 if self.undrawn else 3

    def add(
        self,
        frame: Frame,
        results: Sequence[dict[str, Any]],
        lines: Iterable[Sequence[object]],
        drawn: Callable[[], NDArray[np.uint8]],
    ) -> None:
        """Write what is in a frame.

        Args:
            lines: of the table of pictures; the first column is the file's name.

        Raises:
            DataError: the disk is full, or gone.
        """
        time = None if frame.time is None else round(float(frame.time), 6)
        when = dict(zip(FRAME_COLUMNS, (frame.number, time), strict=True))
        try:
            for one in results:
                begun = self._results.tell() > len(LINES_BEGIN)
                self._results.write((b",\n" if begun else b"") + json.dumps(one | when).encode())
            here = (frame.number, "" if time is None else time)
            self._table.write(csv_lines((first, *here, *others) for first, *others in lines))
        except OSError as error:
            raise self._outputs.not_writable(error) from error
        if not self.undrawn:
            self._drawing(lambda: self._video.add(drawn(), frame))
        self.frames += 1
        self._note_whole()

    def close(self) -> None:
        """End the files, without the part of a frame that was interrupted.

        Raises:
            DataError: the disk is full, or gone.
        """
        self._drawing(self._video.close)
        try:
            for file, end in zip((self._results, self._table), self._whole, strict=True):
                file.seek(end)
                file.truncate()
            self._results.write(b"\n]\n" if self._whole[0] > len(LINES_BEGIN) else b"]\n")
            for file in (self._results, self._table):
                file.close()
        except OSError as error:
            raise self._outputs.not_writable(error) from error

    def _note_whole(self) -> None:
        self._whole = self._results.tell(), self._table.tell()

    def _drawing(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (*ERRORS, cv2.error) as error:
            self.undrawn = self.undrawn or str(error) or type(error).__name__


class _DrawnVideo:
    """H.264 in an mp4 file, of the size of its first picture."""

    def __init__(self, file: IO[bytes], rate: Fraction) -> None:
        self._file, self._rate = file, rate
        self._container = av.open(file, "w", format="mp4")
        self._container.metadata["comment"] = MARK.decode()
        self._stream: VideoStream | None = None
        self._last = -1

    def add(self, pixels: NDArray[np.uint8], frame: Frame) -> None:
        """Encode a picture (height, width, 3) RGB."""
        height, width = pixels.shape[:2]
        even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")  # as H.264 wants it
        stream = self._stream = self._stream or self._begun(even.shape[1], even.shape[0])
        picture = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(
            stream.width, stream.height, "yuv420p", dst_colorspace="ITU709"
        )
        time = frame.number / self._rate if frame.time is None else frame.time
        self._last = max(round(time / _TICK), self._last + 1)
        picture.pts, picture.time_base = self._last, _TICK
        self._container.mux(stream.encode(picture))

    def close(self) -> None:
        """Encode what waits for the pictures that follow, and write the index."""
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
        self._file.close()

    def _begun(self, width: int, height: int) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=self._rate, options=_QUALITY)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec = stream.codec_context
        codec.time_base = _TICK
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT709
        codec.color_range = _LIMITED
        return stream
