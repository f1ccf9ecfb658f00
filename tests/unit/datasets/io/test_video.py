"""Frames of videos: all of them, upright, with their times; and what is wrong with those that are damaged."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from datasets.io.video import Frame, comment, open_video
from tests.support.errors import refused
from tests.support.videos import HEIGHT, WIDTH, cut, pictures, shade, write_video


def read(path: Path, as_stored: bool = False) -> tuple[list[Frame], tuple[str, ...]]:
    with open_video(path, as_stored) as video:
        frames = list(video.frames())
        return frames, video.damage()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
def test_every_frame_is_read_once_in_order(tmp_path: Path, name: str) -> None:
    frames, damage = read(write_video(tmp_path / name, pictures(10)))
    assert [frame.number for frame in frames] == list(range(10))
    assert [frame.time for frame in frames] == [Fraction(40 * number, 1000) for number in range(10)]
    assert [frame.pixels[40, 60].tolist() for frame in frames] == [
        pytest.approx([shade(number)] * 3, abs=3) for number in range(10)
    ]
    assert damage == ()


def test_times_of_a_variable_rate_are_the_containers(tmp_path: Path) -> None:
    times = [0, 10, 50, 60, 200, 900]
    frames, damage = read(write_video(tmp_path / "a.mp4", pictures(6), times))
    assert [float(frame.time or 0) * 1000 for frame in frames] == pytest.approx(times)
    assert damage == ()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_video_is_read_upright(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    path = write_video(tmp_path / "a.mp4", pictures(2), turned=(degrees, mirrored))
    stored = read(path, as_stored=True)[0][0].pixels
    upright = read(path)[0][0].pixels
    assert stored.shape == (HEIGHT, WIDTH, 3)
    # FFmpeg's order: turned first, then mirrored.
    expected = np.rot90(stored, degrees // 90)
    assert np.array_equal(upright, expected[:, ::-1] if mirrored else expected)


def test_a_video_that_is_turned_askew_is_refused(tmp_path: Path) -> None:
    with refused("video-askew"):
        read(write_video(tmp_path / "a.mp4", pictures(2), turned=(30, False)))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_of_a_video_that_ends_early_what_can_be_read_is_and_the_last_frame_is_named(
    tmp_path: Path, name: str
) -> None:
    frames, (said,) = read(cut(write_video(tmp_path / name, pictures(20)), 0.8))
    last = frames[-1].number
    assert [frame.number for frame in frames] == list(range(last + 1))
    assert 2 < last < 19
    assert [int(frame.pixels[40, 60, 0]) for frame in frames] == pytest.approx(
        [shade(number) for number in range(last + 1)], abs=3
    )
    assert f"ends early: frame {last} is the last of 20" in said


def test_frames_behind_one_that_cannot_be_decoded_keep_their_numbers(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", pictures(12))
    with av.open(str(path)) as container:
        packets = [(p.pts, p.pos, p.size) for p in container.demux(video=0) if p.size]
    times = sorted(pts for pts, *_ in packets)
    lost = times.index(packets[5][0])
    data = bytearray(path.read_bytes())
    _, place, size = packets[5]
    data[place : place + size] = bytes(size)
    path.write_bytes(data)
    frames, (said,) = read(path)
    assert [frame.number for frame in frames] == [number for number in range(12) if number != lost]
    assert [frame.time for frame in frames] == [Fraction(40 * frame.number, 1000) for frame in frames]
    assert f"frame {lost};" in said


def text(path: Path) -> None:
    path.write_text("no video")


def playlist(path: Path) -> None:
    other = write_video(path.with_name("other.mp4"), pictures(2))
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{other}\n#EXT-X-ENDLIST\n")


def without_index(path: Path) -> None:
    cut(write_video(path, pictures(20), movflags="empty_moov+delay_moov"), 0.01)


def only_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (text, "broken-video"),
        (playlist, "broken-video"),
        (without_index, "broken-video"),
        (only_sound, "no-video"),
        (Path.mkdir, "broken-video"),
        (lambda path: None, "missing-video"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, spoil, code: str) -> None:
    spoil(tmp_path / "a.mp4")
    with refused(code) as caught:
        read(tmp_path / "a.mp4")
    assert "a.mp4" in caught.value.path
    assert comment(tmp_path / "a.mp4") == ""


def test_a_path_with_a_colon_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "http:"
    path.mkdir()
    assert len(read(write_video(path / "a.mp4", pictures(3)))[0]) == 3
