"""A toy data set that needs no files, an experiment that fits it, and an empty store."""

import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.coco.config import CocoKeypoints
from datasets.contract import Batch, Key, Pairs, Predictions
from datasets.synthetic.people.people import People
from models.backbones import SmallTrunk
from models.objectives import RLE
from models.realnvp import RealNVP
from models.regressor import Regressor
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Adam, Cosine, Schedule
from orchestrator.probes.step_time import StepTiming
from orchestrator.tracking.tracker import Tracker


@dataclass(frozen=True)
class ToySplit:
    """Pictures with a bright square; every joint's target is the square's place."""

    count: int
    size: tuple[int, int]

    def __len__(self) -> int:
        return self.count

    @property
    def ids(self) -> np.ndarray:
        return np.arange(self.count) + 100

    def __getitems__(self, keys: Sequence[Key]) -> Batch:
        height, width = self.size
        image = torch.zeros(len(keys), height, width, 3, dtype=torch.uint8)
        target = torch.zeros(len(keys), 17, 2)
        for row, (epoch, index) in enumerate(keys):
            rng = np.random.default_rng((7, epoch, index))
            y, x = rng.integers(2, height - 2), rng.integers(2, width - 2)
            image[row, y - 2 : y + 2, x - 2 : x + 2] = 255
            target[row] = torch.tensor([x / width - 0.5, y / height - 0.5])
        ids = torch.tensor([self.ids[index] for _, index in keys])
        return Batch(image, target, torch.ones_like(target), ids)


@dataclass(frozen=True)
class Poisoned:
    """A split with a NaN in a target that counts."""

    split: ToySplit

    def __len__(self) -> int:
        return len(self.split)

    def __getitems__(self, keys: Sequence[Key]) -> Batch:
        batch = self.split.__getitems__(keys)
        batch.target[0, 0, 0] = math.nan
        return batch


@dataclass(frozen=True)
class ToyData:
    """The smallest thing that keeps the contract of `datasets.contract.Data`."""

    train: ToySplit
    val: ToySplit
    flip_pairs: Pairs | None = ()

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        assert sorted(predictions.id) == sorted(self.val.ids)
        return {"AP": float(np.abs(predictions.mu).mean())}


@pytest.fixture
def toy() -> ToyData:
    return ToyData(ToySplit(24, (32, 32)), ToySplit(10, (32, 32)))


@pytest.fixture
def experiment() -> Experiment:
    """Small enough for a test, with everything that matters switched on."""
    return Experiment(
        data=CocoKeypoints(source=People(train=24, val=10), size=(32, 32)),
        model=Regressor(trunk=SmallTrunk(channels=(4, 8), strides=(4, 4)), pool="flatten", sigma_bias=-1.0),
        objective=RLE(flow=RealNVP(layers=3, width=8)),
        schedule=Schedule(
            epochs=4, batch=8, optimiser=Adam(lr=1e-3, coord_rate=2), decay=Cosine(), warmup_steps=3
        ),
    )


@pytest.fixture
def timing(experiment: Experiment) -> StepTiming:
    """Of the experiment's step."""
    assert isinstance(experiment.model, Regressor)
    return StepTiming(
        model=experiment.model,
        objective=experiment.objective,
        schedule=experiment.schedule,
        points=17,
        size=(32, 32),
    )


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store: migrating a new one takes seconds."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    Tracker.open(f"sqlite:///{file}", None).close()
    return file


@pytest.fixture
def uri(migrated: Path, tmp_path: Path) -> str:
    shutil.copyfile(migrated, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def tracker(uri: str) -> Iterator[Tracker]:
    with Tracker.open(uri, None, patience=5.0) as opened:
        yield opened
