"""Tiny videos for tests, encoded as they are asked for."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

HEIGHT, WIDTH = 48, 64
MS = Fraction(1, 1000)


def shade(number: int) -> int:
    """Of the grey of a frame."""
    return 40 + 10 * number


def pictures(frames: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> list[np.ndarray]:
    """Grey frames (H, W, 3), each of its own shade, with a red corner at the top left."""
    made = [np.full((*size, 3), shade(number), np.uint8) for number in range(frames)]
    for picture in made:
        picture[:16, :16] = (255, 0, 0)
    return made


def write_video(
    path: Path,
    shown: Sequence[np.ndarray],
    times: Sequence[int] | None = None,
    turned: tuple[float, bool] | None = None,
    **options: str,
) -> Path:
    """H.264, a whole picture every fourth frame, the index at the beginning.

    Args:
        times: of the frames, milliseconds; None: 40 each.
        turned: by how many degrees against the clock it is to be shown, and whether mirrored.
        options: of the container.
    """
    with av.open(str(path), "w", options=options or {"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "4", "crf": "1"})
        stream.height, stream.width = shown[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        stream.codec_context.time_base = MS
        if turned is not None:
            stream.set_display_rotation(turned[0], hflip=turned[1])
        for number, pixels in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = 40 * number if times is None else times[number], MS
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def cut(path: Path, share: float) -> Path:
    """The same file without its end."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path
