"""Weights that the command line names, in place of those of the recipe."""

from pathlib import Path

import pytest
import torch
from torchvision import models

from models.backbones import ResNet
from models.pretrained import WeightsFile
from models.regressor import Regressor
from orchestrator.config.experiment import Experiment
from orchestrator.config.initial_weights import begun_with, check_weights
from orchestrator.config.vary import vary
from sweeps.baselines import coco
from tests.support.errors import refused


@pytest.fixture
def recipe(experiment: Experiment) -> Experiment:
    return vary(experiment, model=Regressor(trunk=ResNet(depth=18)))


@pytest.fixture
def weights(tmp_path: Path) -> WeightsFile:
    path = tmp_path / "resnet.pth"
    torch.save(models.resnet18(weights=None).state_dict(), path)
    return WeightsFile.of(path)


def test_without_a_file_the_experiment_is_the_same(recipe: Experiment) -> None:
    assert begun_with(recipe, None) is recipe


def test_the_content_decides_the_fingerprint_and_its_place_does_not(
    recipe: Experiment, weights: WeightsFile
) -> None:
    chosen = begun_with(recipe, weights)
    moved = vary(weights, path="/elsewhere.pth")
    other = vary(weights, sha256="0" * 64)
    assert begun_with(recipe, moved).fingerprint() == chosen.fingerprint() != recipe.fingerprint()
    assert begun_with(recipe, other).fingerprint() != chosen.fingerprint()


def test_what_an_experiment_starts_from_begins_with_them_too(
    recipe: Experiment, weights: WeightsFile
) -> None:
    chosen = begun_with(vary(recipe, start=recipe), weights)
    assert chosen.start == begun_with(recipe, weights)


def test_a_network_that_nobody_has_trained_before_has_no_weights(weights: WeightsFile) -> None:
    with refused("no-pretrained-trunk"):
        begun_with(coco("demo"), weights)


def test_weights_that_do_not_fit_are_refused_before_anything_is_trained(
    recipe: Experiment, weights: WeightsFile
) -> None:
    check_weights([begun_with(recipe, weights)])
    deeper = vary(recipe, model=Regressor(trunk=ResNet(depth=34)))
    with refused("other-architecture"):
        check_weights([begun_with(deeper, weights)])


def test_the_recipe_for_photographs_has_its_weights() -> None:
    pytest.importorskip("timm")
    check_weights([coco("photos")])


@pytest.mark.parametrize("data", ["mpii", "human36m", "retina"])
def test_photographs_have_coco_keypoints_alone(data: str) -> None:
    from sweeps import baselines

    with refused("no-photos"):
        getattr(baselines, data)("photos")
