"""A file whose writer is killed."""

import itertools
import multiprocessing
import os
import signal
import time
from pathlib import Path

from orchestrator.training.storage import Storage

NAME = "abc/checkpoint.pt"
BYTES = 1_600_000


def write_without_end(folder: str) -> None:
    for number in itertools.count(1):
        Storage(folder).write(NAME, bytes([number % 256]) * BYTES)


def test_a_writer_that_is_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    for attempt in range(8):
        writer = multiprocessing.get_context("fork").Process(target=write_without_end, args=(str(tmp_path),))
        writer.start()
        while not (tmp_path / NAME).exists():
            assert writer.is_alive()
            time.sleep(0.001)
        time.sleep(0.013 * attempt)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        with Storage(str(tmp_path)).open(NAME) as stream:
            content = stream.read()
        assert content == content[:1] * BYTES
