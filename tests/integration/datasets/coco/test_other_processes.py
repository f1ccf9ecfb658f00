"""Two processes prepare the same data at the same time, and open it to the same bits."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths
from datasets.synthetic.people.people import People
from tests.support.paths import ROOT


@pytest.mark.parametrize("pack", [True, False])
def test_two_processes_may_prepare_the_same_data(tmp_path: Path, pack: bool) -> None:
    data = CocoKeypoints(source=People(train=6, val=2), size=(48, 36))  # too few for workers of its own
    code = (
        "import sys; from pathlib import Path; from datasets.coco.config import CocoKeypoints;"
        "from datasets.contract import DataPaths;"
        f"CocoKeypoints.model_validate_json(sys.argv[1]).prepare(DataPaths(Path(sys.argv[2]), None, {pack}))"
    )
    arguments = [sys.executable, "-c", code, data.model_dump_json(), str(tmp_path / "cache")]
    running = [subprocess.Popen(arguments, cwd=ROOT) for _ in range(2)]
    assert [process.wait(timeout=300) for process in running] == [0, 0]
    assert len(data.open(DataPaths(tmp_path / "cache", pack=pack), seed=0).train) > 0
    names = {path.name.partition("-")[0] for path in (tmp_path / "cache").rglob("*") if path.is_dir()}
    assert not any(name.startswith(".") for name in names)  # nothing half done is left


def test_another_process_gives_the_same_bits(tree: Any, tmp_path: Path) -> None:
    data = CocoKeypoints(source=CocoFolder.bind(tree.root), size=(48, 36))
    place = DataPaths(tmp_path / "c", tree.root)
    data.prepare(place)
    train = data.open(place, 5).train
    here = [t.numpy().tobytes().hex() for t in train.__getitems__([(2, index) for index in range(8)])]
    code = (
        "import sys; from pathlib import Path; from datasets.coco.config import CocoFolder, CocoKeypoints;"
        "from datasets.contract import DataPaths;"
        "data = CocoKeypoints(source=CocoFolder.bind(Path(sys.argv[1])), size=(48, 36));"
        "train = data.open(DataPaths(Path(sys.argv[2])), 5).train;"
        "print(*(t.numpy().tobytes().hex() for t in train.__getitems__([(2, i) for i in range(8)])))"
    )
    arguments = [sys.executable, "-c", code, str(tree.root), str(tmp_path / "c")]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == here
