"""How weights lie in memory on a GPU, and what is exact there."""

import pytest
import torch
from torch import nn

from orchestrator.config.experiment import Experiment
from orchestrator.training.module import TrainingModule
from orchestrator.training.precision import exact_convolutions
from orchestrator.training.runtime import CPU, lay_out_convolutions, placed


@pytest.fixture
def module(experiment: Experiment) -> TrainingModule:
    return TrainingModule(experiment, pretrained=False)


def test_weights_of_convolutions_are_laid_out_by_channels_and_those_of_the_flow_are_left(
    module: TrainingModule,
) -> None:
    before = {name: p.clone() for name, p in module.named_parameters()}
    lay_out_convolutions(module)
    for name, parameter in module.named_parameters():
        assert torch.equal(parameter, before[name])
        wide = parameter.ndim == 4 and parameter.shape[1] > 1 and parameter.shape[2] > 1
        if wide and name.startswith("model"):
            assert parameter.is_contiguous(memory_format=torch.channels_last), name
        else:
            assert parameter.is_contiguous(), name


def test_on_a_cpu_a_module_stays_as_it_is(module: TrainingModule) -> None:
    assert placed(module, CPU) is module
    assert all(parameter.is_contiguous() for parameter in module.parameters())


def test_deconvolutions_are_laid_out_too() -> None:
    layer = nn.ConvTranspose2d(4, 4, 4)
    lay_out_convolutions(nn.Sequential(layer))
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)


def test_convolutions_are_told_to_be_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, default in (("deterministic", False), ("allow_tf32", True)):
        monkeypatch.setattr(torch.backends.cudnn, name, default)
    exact_convolutions()
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.allow_tf32
