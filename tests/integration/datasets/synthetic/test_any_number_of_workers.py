"""Sets that several processes generate: the same bits from any number of them, all or nothing."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets.synthetic.people import people, write_human36m, write_mpii
from datasets.synthetic.people.people import People
from datasets.synthetic.people.write_human36m import Human36MPeople
from datasets.synthetic.people.write_mpii import MpiiPeople

SETS: list[tuple[Callable[..., None], Any]] = [
    (people.write, People(train=10, val=2)),
    (write_human36m.write, Human36MPeople(train=2, val=1, side=64)),
    (write_mpii.write, MpiiPeople(scenes=People(train=10, val=2))),
]


def contents(root: Path) -> dict[str, bytes]:
    """Without the .mat files' headers, which tell the time."""
    return {
        str(path.relative_to(root)): path.read_bytes()[128 if path.suffix == ".mat" else 0 :]
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(("write", "generator"), SETS, ids=lambda value: getattr(value, "kind", ""))
def test_any_number_of_workers_writes_the_same_bits(
    write: Callable[..., None], generator: Any, tmp_path: Path
) -> None:
    for workers in (1, 2):
        write(generator, tmp_path / str(workers), workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_an_interrupted_run_leaves_no_files_and_no_workers_behind(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        people.write(People(train=70, val=1), tmp_path / "people", workers=2, progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    assert multiprocessing.active_children() == []
