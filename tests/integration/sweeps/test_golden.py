"""What decides a result without being in its fingerprint, the code, gives the numbers that it gave."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from datasets.union import DataConfig
from models.objectives import Objective
from orchestrator.config.experiment import Experiment, ModelConfig
from orchestrator.util.mathematics import SCHEMA
from tests.support import golden
from tests.support.golden import RAISE

TOLERANCES = (5e-4, golden.ROUNDING)
"""Of the loss of each epoch, relative to it. Processors sum in another order, which training amplifies: with
the kernels of AVX2 and of no vectors in place of those of AVX512 losses differed by up to 1.4e-4 and 9e-4
(most by less than 1e-4), the most in the training that starts from another's weights."""

METRICS_TOLERANCE = 1e-4
"""Of a metric, in which nothing is trained."""

TRAININGS = golden.trainings()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As trials have."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("golden")


@pytest.mark.parametrize("file", [golden.LOSSES, golden.METRICS, golden.DEFAULTS], ids=lambda file: file.stem)
def test_golden_numbers_are_of_this_mathematics(file: Path) -> None:
    written = golden.read(file)["schema"]
    assert written == SCHEMA, f"{file.name} is of schema {written}: run python -m tests.support.golden"


@pytest.mark.parametrize("name", TRAININGS)
def test_a_short_training_has_the_losses_that_it_had(name: str, folder: Path) -> None:
    found, pinned = golden.losses(TRAININGS[name], folder), golden.read(golden.LOSSES)["values"][name]
    for loss, before, tolerance in zip(found, pinned, TOLERANCES, strict=True):
        assert loss == pytest.approx(before, rel=tolerance), f"{name}: {found}, not {pinned}. {RAISE}"


@pytest.mark.parametrize("name", golden.data_sets())
def test_predictions_have_the_metrics_that_they_had(name: str, folder: Path) -> None:
    found, pinned = golden.measured(TRAININGS[name], folder), golden.read(golden.METRICS)["values"][name]
    missing = pinned.keys() - found.keys()
    same = {key: found[key] for key in pinned.keys() & found.keys()}
    assert not missing, f"{name}: without {missing}. {RAISE}"
    assert same == pytest.approx({key: pinned[key] for key in same}, rel=METRICS_TOLERANCE), (
        f"{name}. {RAISE}"
    )


def test_no_default_that_fingerprints_leave_out_has_changed() -> None:
    now, pinned = golden.defaults(), golden.read(golden.DEFAULTS)["values"]
    changed = [name for name, old in pinned.items() if not golden.extends(old, now.get(name))]
    told = {name: (pinned[name], now.get(name)) for name in changed}
    assert not changed, f"defaults changed: {told}. {RAISE}"
    assert now == pinned, (
        "there are new fields. If what they do by default is what was done without them, write the defaults "
        f"again with `python -m tests.support.golden`. {RAISE}"
    )


@pytest.mark.parametrize("union", [Objective, ModelConfig, DataConfig], ids=["objective", "model", "data"])
def test_every_kind_has_a_golden_training(union: Any) -> None:
    parts = [part for e in TRAININGS.values() for part in (e.objective, e.model, e.data)]
    assert golden.kinds(union) <= {type(part).__name__ for part in parts}


def test_a_changed_default_is_noticed_and_a_new_field_is_told_apart() -> None:
    assert golden.extends({"a": 1}, {"a": 1, "b": 2})
    assert not golden.extends({"a": 1}, {"a": 2})
    assert not golden.extends({"a": 1}, {})
    assert not golden.extends({"a": 1}, None)
    assert golden.defaults()["RLE"]["convention"] == "paper"


def test_changed_numbers_are_written_only_after_schema_was_raised(tmp_path: Path) -> None:
    file = tmp_path / "numbers.json"
    golden.write(file, {"a": 1}, lambda a, b: a == b)
    with pytest.raises(SystemExit, match="raise SCHEMA"):
        golden.write(file, {"a": 2}, lambda a, b: a == b)
    file.write_text(file.read_text().replace(f'"schema": {SCHEMA}', '"schema": 0'))
    golden.write(file, {"a": 2}, lambda a, b: a == b)
    assert golden.read(file) == {"schema": SCHEMA, "values": {"a": 2}}


def test_another_processor_may_write_numbers_again() -> None:
    assert golden.close({"a": [1.0, 2.0]}, {"a": [1.0, 2.001], "b": [3.0]})
    assert not golden.close({"a": [1.0, 2.0]}, {"a": [1.0, 2.1]})
    assert not golden.close({"a": [1.0]}, {})


def test_golden_trainings_are_experiments_of_their_own() -> None:
    assert len({e.fingerprint() for e in TRAININGS.values()}) == len(TRAININGS)
    assert all(isinstance(e, Experiment) and e.schedule.precision == "float32" for e in TRAININGS.values())
