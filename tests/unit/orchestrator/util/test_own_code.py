"""Code outside the project: which files, their digest in the fingerprint, and how it travels."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from datasets.contract import DataPaths
from models.objectives import L1
from orchestrator.cli.own_file import load, sweep_in
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.jobs.execute import Task
from orchestrator.sweep.experiment_files import printed, read
from orchestrator.training.checkpoint import Checkpoint, CheckpointError, Checkpoints, read_checkpoint
from orchestrator.training.checkpoint_content import Progress
from orchestrator.util import own_code
from orchestrator.util.own_code import code_of_module, own_codes
from tests.support.errors import refused

LOSS = """
from typing import Literal
from models.losses import ErrorLoss
from models.terms import Term
{imports}

class {name}(Term):
    kind: Literal["{name}"] = "{name}"
    name = property(lambda self: "mine")

    def build(self, dim):
        return ErrorLoss(lambda x: x.abs())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Of files of one's own; what was imported from it is forgotten."""
    before, path = set(sys.modules), list(sys.path)
    yield tmp_path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)) or "rle-lab-code-" in file:
            del sys.modules[name]
    sys.path[:] = path
    code_of_module.cache_clear()


def write(folder: Path, module: str, name: str, imports: str = "") -> Path:
    file = folder / f"{module}.py"
    file.write_text(LOSS.format(name=name, imports=imports))
    return file


def with_own(experiment: Experiment, file: Path, name: str) -> Experiment:
    return vary(experiment, objective=getattr(load(file), name)())


def test_code_is_the_file_and_what_it_imports_of_its_folder(folder: Path) -> None:
    (folder / "parts").mkdir()
    (folder / "parts" / "__init__.py").write_text("from . import one\n")
    (folder / "parts" / "one.py").write_text("import numpy, helper_a\n")
    (folder / "helper_a.py").write_text("import helper_a, json\n")
    (folder / "unused.py").write_text("1 / 0\n")
    load(write(folder, "closed", "Closed", "from parts.one import numpy"))
    names = {"closed.py", "parts/__init__.py", "parts/one.py", "helper_a.py"}
    assert code_of_module("closed").files.keys() == names


def test_the_fingerprint_changes_with_the_code_of_ones_own_classes_alone(
    folder: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "helper_b.py").write_text("VALUE = 1\n")
    own = with_own(experiment, write(folder, "changing", "Changing", "import helper_b"), "Changing")
    before, plain = own.fingerprint(), experiment.fingerprint()
    (folder / "helper_b.py").write_text("VALUE = 2\n")
    assert vary(own, seed=own.seed).fingerprint() == before  # read once by a process
    code_of_module.cache_clear()
    assert vary(own, seed=own.seed).fingerprint() != before
    assert vary(experiment, seed=experiment.seed).fingerprint() == plain
    assert vary(own, seed=own.seed + 1).fingerprint() != vary(own, seed=own.seed).fingerprint()


def test_a_task_carries_the_code_and_reads_back_where_it_is_not(folder: Path, experiment: Experiment) -> None:
    file = write(folder, "travelling", "Travelling")
    own = with_own(experiment, file, "Travelling")
    plain = json.loads(json.dumps(Task(own, DataPaths(folder), "store").plain()))
    assert Task(experiment, DataPaths(folder), "store").plain()["code"] == []
    file.unlink()
    del sys.modules["travelling"]
    sys.path.remove(str(folder))
    code_of_module.cache_clear()
    again = Task.of(plain).job
    assert type(getattr(again, "objective")).__module__ == "travelling"  # noqa: B009
    assert again.fingerprint() == own.fingerprint()
    assert "rle-lab-code-" in str(sys.modules["travelling"].__file__)


def test_code_under_the_name_of_another_module_is_refused(folder: Path) -> None:
    load(write(folder, "known_here", "KnownHere"))
    other = own_code.OwnCode("known_here", {"known_here.py": "x = 1\n"})
    with refused("module-name"):
        own_code.OwnCode(**asdict(other)).load()


def test_a_checkpoint_imports_nothing_and_names_the_kind_that_is_missing(
    folder: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = with_own(experiment, write(folder, "stored", "Stored"), "Stored")
    assert [code.module for code in own_codes(own)] == ["stored"]
    storage = Checkpoints(str(folder / "store"))
    storage.save(Checkpoint(own, {}, Progress(epoch=1)))
    path = storage.path(own.fingerprint())
    assert read_checkpoint(path).experiment == own
    state = printed(own, "json").replace('"Stored"', '"Absent"')
    (folder / "absent.json").write_text(state)
    with refused("no-experiment") as raised:
        read(folder / "absent.json")
    assert "--code" in str(raised.value)
    monkeypatch.setattr(type(own.objective), "model_fields", {})  # as in a process that has not run the file
    with refused("no-code", CheckpointError) as caught:
        read_checkpoint(path)
    assert "--code" in str(caught.value)


def test_a_checkpoint_of_other_code_says_so(folder: Path, experiment: Experiment) -> None:
    file = write(folder, "edited", "Edited")
    own = with_own(experiment, file, "Edited")
    storage = Checkpoints(str(folder / "store"))
    storage.save(Checkpoint(own, {}, Progress(epoch=1)))
    path = storage.path(own.fingerprint())
    assert read_checkpoint(path).notes == ()
    file.write_text(file.read_text() + "# edited\n")
    code_of_module.cache_clear()
    assert len(read_checkpoint(path).notes) == 1


def test_a_file_without_a_sweep_and_names_that_are_taken_are_refused(folder: Path) -> None:
    with refused("no-sweep-in-file"):
        sweep_in(write(folder, "sweepless", "Sweepless"))
    with refused("module-name"):
        load(write(folder, "json", "Json"))
    with refused("module-name"):
        load(write(folder, "with.dot", "Dotted"))
    with refused("no-file"):
        load(folder / "absent.py")


def test_classes_of_no_file_have_no_fingerprint(
    folder: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = with_own(experiment, write(folder, "typed", "Typed"), "Typed")
    monkeypatch.delattr(sys.modules["typed"], "__file__")
    with refused("no-file"):
        own.fingerprint()
    assert vary(own, objective=L1()).fingerprint()
