"""The base experiment of each data set at each scale. Everything else is a difference from these."""

from pathlib import Path

from datasets.coco import CocoFolder, CocoKeypoints
from datasets.crop import Augment
from datasets.synthetic.people import People
from models.backbones import ResNet, SmallTrunk
from models.objectives import RLE
from models.regressor import Regressor
from orchestrator.experiment import Adam, Cosine, Experiment, Schedule, Steps, vary

PAPER = Path(__file__).with_name("paper.csv")
"""Every number that the paper's tables print."""

RESNET50 = Regressor(trunk=ResNet(depth=50, weights=None))
"""The paper's network as it is timed, where weights make no difference."""


def coco(scale: str) -> Experiment:
    """RLE on COCO keypoints (paper, section 4.1) or on generated people in COCO's format."""
    return {"paper": _coco_paper, "demo": _coco_demo, "smoke": _coco_smoke}[scale]()


def _coco_paper() -> Experiment:
    return Experiment(
        data=CocoKeypoints(source=CocoFolder()),
        model=Regressor(trunk=ResNet(depth=50)),
        objective=RLE(),
        schedule=Schedule(
            epochs=270,
            batch=256,
            optimiser=Adam(lr=1e-3),
            decay=Steps(milestones=(170, 200)),
            precision="bf16",
            evaluate_every=10,
        ),
    )


def _coco_demo() -> Experiment:
    return Experiment(
        data=CocoKeypoints(
            source=People(train=12_000),
            size=(64, 48),
            # Few epochs: mirroring is the only augmentation that pays for itself.
            augment=Augment(scale=(1.0, 1.0), rotation=0, rotation_probability=0, flip=0.5, half_body=0),
        ),
        model=Regressor(
            trunk=SmallTrunk(channels=(16, 32, 64, 128), strides=(2, 2, 2, 2)), pool="flatten", sigma_bias=-2
        ),
        objective=RLE(),
        schedule=Schedule(
            epochs=5,
            batch=32,
            optimiser=Adam(lr=3e-3, betas=(0.9, 0.99), coord_rate=2, sigma_rate=0.3),
            decay=Cosine(),
            warmup_steps=50,
            evaluate_every=1,
        ),
    )


def _coco_smoke() -> Experiment:
    demo = _coco_demo()
    return vary(
        demo,
        data=vary(demo.data, source=People(train=96, val=32)),
        schedule=vary(demo.schedule, epochs=2, batch=16, warmup_steps=4, evaluate_every=1),
    )
