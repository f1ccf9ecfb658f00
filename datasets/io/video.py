"""Videos from files, frame by frame: upright, numbered, with the times that the container gives them.

PyAV decodes: OpenCV's reader tells neither of damage nor of its place, and its writer has no H.264.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import IO, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from datasets.io.errors import DataError
from datasets.io.regular_file import open_regular

Pixels = NDArray[np.uint8]

FORMATS = "mov,matroska,avi,asf,mpeg,mpegts,mpegvideo,flv,ogg,m4v,h264,hevc"
"""All that is opened, by FFmpeg's names, whatever a file is called. Playlists, which name other files or
addresses, are not among them."""

ERRORS = (av.FFmpegError, OSError, ValueError, MemoryError)
"""What PyAV raises for files that are broken, or can't be written."""

_AGAIN = "Copy or export it again; where a recording was cut off, its index may be missing, which stands last"
_SLACK = Fraction(3, 2)
"""Frames that a whole video may be shorter than announced: rounding, and a last frame without a length."""


class Frame(NamedTuple):
    """One picture of a video."""

    number: int  # from 0, in the order in which they are shown; those that can't be read are counted
    time: Fraction | None  # seconds, as the container says; None if it says nothing
    pixels: Pixels  # (H, W, 3) RGB


@dataclass(eq=False)
class Video:
    """An open video, whose frames can be read once. Make it with `open_video`."""

    path: Path
    _container: InputContainer
    _stream: VideoStream
    _as_stored: bool
    _lost: list[int | None] = field(default_factory=list)  # times of packets that can't be decoded
    _first_lost: int | None = None  # the number of a frame
    _packets: int = 0
    _last: Frame | None = None  # without its pixels
    _end: Fraction = Fraction(0)  # seconds from the beginning, of what was read

    @property
    def rate(self) -> Fraction:
        """Frames a second, on average; 30 where the container does not say."""
        return self._stream.average_rate or self._stream.guessed_rate or Fraction(30)

    @property
    def announced(self) -> int | None:
        """How many frames there should be, about; None where the container does not say."""
        return self._stream.frames or round(self._seconds * self.rate) or None

    def frames(self) -> Iterator[Frame]:
        """Every frame that can be read, one in memory at a time.

        Raises:
            DataError: it is turned by something else than quarters.
        """
        count = 0
        for one in self._decoded():
            lost = sum(place is None or one.pts is None or place < one.pts for place in self._lost)
            if lost and self._first_lost is None:
                self._first_lost = count
            time = None if one.pts is None or one.time_base is None else one.pts * one.time_base
            self._last = Frame(count + lost, time, np.empty((0, 0, 3), np.uint8))
            self._end = max(self._end, self._end_of(one, count + lost))
            yield self._last._replace(pixels=self._upright(one))
            count += 1
        if self._lost and self._first_lost is None:
            self._first_lost = count

    def damage(self) -> tuple[str, ...]:
        """What is wrong with it, once its frames were read, with the numbers of frames."""
        ended = self._last is not None and self._ended_early
        number = -1 if self._last is None else self._last.number
        said = []
        if self._first_lost is not None and not (ended and self._first_lost > number):
            said.append(
                f"{len(self._lost)} of its frames can't be decoded, the first of them is frame "
                f"{self._first_lost}; those that follow may be damaged"
            )
        if ended:
            said.append(f"ends early: frame {number} is the last of {self.announced} that can be read")
        return tuple(said)

    def _decoded(self) -> Iterator[VideoFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except ERRORS:  # the file can't be read any further
                return
            if packet is None:
                return
            self._packets += packet.size > 0
            try:
                found = packet.decode()
            except ERRORS:
                self._lost.append(packet.pts)
                continue
            yield from (one for one in found if isinstance(one, VideoFrame))

    def _upright(self, frame: VideoFrame) -> Pixels:
        """(H, W, 3) RGB, turned as the container says."""
        pixels = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
        matrix = frame.side_data.get("DISPLAYMATRIX")
        if matrix is None or self._as_stored:
            return pixels
        a, b, _, c, d = np.sign(np.frombuffer(bytes(matrix), np.int32)[:5]).tolist()  # type: ignore[call-overload]
        if abs(a) + abs(b) != 1 or (abs(a), abs(b)) != (abs(d), abs(c)):
            problem = "is to be shown turned by something else than a quarter, a half or three quarters"
            remedy = "Write it upright first, such as with `ffmpeg -i FILE OTHER.mp4`"
            raise DataError(self.path, problem, remedy=remedy, code="video-askew")
        # A pixel at (x, y) is shown at (a x + c y, b x + d y).
        turned = pixels if a else pixels.swapaxes(0, 1)
        return np.ascontiguousarray(turned[:: b + d, :: a + c])

    def _end_of(self, frame: VideoFrame, number: int) -> Fraction:
        if frame.pts is None or frame.time_base is None:
            return (number + 1) / self.rate
        since = frame.pts * frame.time_base - (self._stream.start_time or 0) * (self._stream.time_base or 0)
        return since + ((frame.duration or 0) * frame.time_base or 1 / self.rate)

    @property
    def _seconds(self) -> Fraction:
        """How long it should be; 0 where the container does not say."""
        stream, whole = self._stream, self._container.duration
        said = [(stream.duration or 0) * (stream.time_base or Fraction(0)), stream.frames / self.rate]
        if len(self._container.streams) == 1 and whole:  # else its sound may be longer
            said.append(Fraction(whole, av.time_base))
        return max(said)

    @property
    def _ended_early(self) -> bool:
        complete = self._stream.frames and self._packets >= self._stream.frames
        frames = 1 if self._last is None else self._last.number + 1
        return not complete and self._seconds - self._end > _SLACK * self._end / frames


@contextmanager
def open_video(path: Path, as_stored: bool = False) -> Iterator[Video]:
    """A video, to read its frames.

    Args:
        as_stored: do not turn its frames upright as the container says.

    Raises:
        DataError: the file is missing, no video that is read, or has no picture.
    """
    # By a file of our own: a path with a colon would be an address.
    with _file(path) as file, _opened(path, file) as container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams or streams[0].codec_context is None:
            what = "holds no video" if not streams else "is encoded in a way that is not known"
            raise DataError(path, what, remedy=_AGAIN, code="no-video")
        yield Video(path, container, streams[0], as_stored)


def comment(path: Path) -> str:
    """What the container has for a comment; empty if nothing, or if it is no video."""
    try:
        with _file(path) as file, _opened(path, file) as container:
            return container.metadata.get("comment", "")
    except DataError:
        return ""


def _file(path: Path) -> IO[bytes]:
    try:
        return open_regular(path)
    except FileNotFoundError as error:
        raise DataError(
            path, "this video is missing", remedy="Check the path", code="missing-video"
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _opened(path: Path, file: IO[bytes]) -> InputContainer:
    try:
        return av.open(file, "r", options={"format_whitelist": FORMATS}, metadata_errors="replace")
    except ERRORS as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    why = getattr(error, "strerror", None) or str(error)
    problem = f"is no video that can be read ({why})"
    return DataError(path, problem, remedy=_AGAIN, code="broken-video")
