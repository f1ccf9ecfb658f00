"""A timing of a step names the trunk that it times."""

import pytest

from models.backbones import ResNet, SmallTrunk, Trunk
from models.objectives import RLE
from models.regressor import Regressor
from models.timm_trunk import Timm
from orchestrator.config.schedule import Schedule
from orchestrator.probes.step_time import StepTiming


@pytest.mark.parametrize(
    ("trunk", "name"),
    [
        (ResNet(depth=18), "ResNet-18"),
        (SmallTrunk(), "the small trunk"),
        (Timm(name="tf_efficientnet_lite0", weights=None), "tf_efficientnet_lite0"),
    ],
)
def test_a_step_is_named_after_its_trunk(trunk: Trunk, name: str) -> None:
    step = StepTiming(
        model=Regressor(trunk=trunk),
        objective=RLE(),
        schedule=Schedule(epochs=1, batch=4),
        points=17,
        size=(64, 64),
    )
    assert step.describe() == f"step of {name} with {step.objective.name}, seed 0"
