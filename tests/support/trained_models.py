"""Checkpoints of models that were initialised and not trained, and pictures to show them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.human36m.config import Human36MFolder, Human36MPose
from datasets.mpii.config import MpiiFolder, MpiiPose
from models.backbones import SmallTrunk
from models.objectives import L1
from models.regressor import Regressor
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.inference.model_store import Trained, load
from orchestrator.training.checkpoint import Checkpoint, Checkpoints
from orchestrator.training.checkpoint_content import Progress
from orchestrator.training.module import TrainingModule

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes the checkpoint of an experiment, as after so many epochs; its file."""

    def write(experiment: Experiment, epoch: int | None = None, storage: Path = tmp_path / "store") -> Path:
        torch.manual_seed(experiment.seed)
        done = experiment.schedule.epochs if epoch is None else epoch
        weights = TrainingModule(experiment, pretrained=False).state_dict()
        Checkpoints(str(storage)).save(Checkpoint(experiment, weights, Progress(epoch=done)))
        return storage / experiment.fingerprint() / "checkpoint.pt"

    return write


@pytest.fixture
def initialised(save: Save) -> Callable[[Experiment], Trained]:
    """A model as it is loaded."""
    return lambda experiment: load(save(experiment))


@pytest.fixture(params=["coco", "mpii", "human36m"])
def of_people(request: pytest.FixtureRequest, experiment: Experiment) -> Experiment:
    """A model for each benchmark of people."""
    data = {
        "coco": CocoKeypoints(source=CocoFolder(), size=(64, 48)),
        "mpii": MpiiPose(source=MpiiFolder(), size=(64, 64)),
        "human36m": Human36MPose(source=Human36MFolder(), size=(64, 64)),
    }[request.param]
    return vary(experiment, data=data)


@pytest.fixture
def plain(experiment: Experiment) -> Experiment:
    """The same without a predicted scale."""
    model = Regressor(trunk=SmallTrunk(channels=(4, 8), strides=(4, 4)), pool="flatten")
    return vary(experiment, model=model, objective=L1())


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of three pictures of noise, called by COCO's numbers."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, (height, width) in ((139, (60, 90)), (285, (80, 50)), (632, (64, 64))):
        noise = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number:012d}.png")
    return folder
