"""A checkpoint whose writer is killed."""

import itertools
import multiprocessing
import os
import signal
import time
from pathlib import Path

import torch

from orchestrator.training.checkpoint import Checkpoints


def save_without_end(folder: str) -> None:
    for epoch in itertools.count(1):
        Checkpoints(folder).save("abc", {"epoch": epoch, "weights": torch.full((400_000,), float(epoch))})


def test_a_writer_that_is_killed_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    for attempt in range(8):
        writer = multiprocessing.get_context("fork").Process(target=save_without_end, args=(str(tmp_path),))
        writer.start()
        while not (tmp_path / "abc" / "checkpoint.pt").exists():
            assert writer.is_alive()
            time.sleep(0.001)
        time.sleep(0.013 * attempt)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        state = Checkpoints(str(tmp_path)).load("abc")
        assert state is not None
        assert torch.equal(state["weights"], torch.full_like(state["weights"], float(state["epoch"])))
