"""The base experiment of each data set at each scale. Every other experiment is a variation of one of these.

Demo data come from a generator seed on which no recipe was tuned.
"""

from pathlib import Path

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.crops.crop import Augment
from datasets.human36m.config import Human36MFolder, Human36MPose
from datasets.mpii.config import MpiiFolder, MpiiPose
from datasets.retina.config import DmeFolder, RetinaBoundaries
from datasets.synthetic.people.people import People
from datasets.synthetic.people.write_human36m import Human36MPeople
from datasets.synthetic.people.write_mpii import MpiiPeople
from datasets.synthetic.retinas.retinas import Retinas
from models.backbones import ResNet, SmallTrunk, Trunk
from models.boundary_unet import BoundaryNet
from models.heatmap_nets import Integral, SimplePose
from models.muon import Muon
from models.objectives import L1, RLE, HeatmapMSE
from models.regressor import Regressor
from models.timm_trunk import PACKAGED, Timm
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Adam, Cosine, Linear, Schedule, Steps
from orchestrator.config.vary import vary
from orchestrator.util.errors import SweepError

PAPER = Path(__file__).with_name("paper.csv")
"""Every number that the paper's tables print."""

RESNET50 = Regressor(trunk=ResNet(depth=50, weights=None))
"""The paper's network for timing, where the weights make no difference."""

UNSEEN = 1
"""The generators' seed at demo scale."""

FLIP_ONLY = Augment(scale=(1.0, 1.0), rotation=0, rotation_probability=0, flip=0.5, half_body=0)
"""With few epochs, flipping is the only augmentation that helps."""

PHOTOS = Augment(scale=(0.85, 1.15), rotation=15, rotation_probability=0.6, shift=0.05, flip=0.5, half_body=0)
"""Of a few thousand photographs: without half bodies and large turns, which few epochs have no time for."""

DEMO_TRUNK = SmallTrunk(channels=(16, 48, 64, 96), strides=(2, 2, 2, 2))
DEMO_WIDTH = 32
"""Channels of the deconvolutions after the small backbone."""
PHOTOS_WIDTH = 64
"""The same after the backbone for photographs."""

PAPER_COCO = Schedule(
    epochs=270,
    batch=256,
    optimiser=Adam(lr=1e-3),
    decay=Steps(milestones=(170, 200)),
    precision="bf16",
    evaluate_every=10,
)
_DEMO_POSE = Schedule(
    epochs=3,
    batch=64,
    optimiser=Adam(lr=4e-3, betas=(0.9, 0.99), coord_rate=2, sigma_rate=0.3),
    matrices=Muon(lr=0.03, momentum=0.87, iterations=3),
    decay=Linear(hold=0.4),
    warmup_steps=40,
    precision="auto",
)


def coco(scale: str) -> Experiment:
    """RLE on COCO keypoints (paper, section 4.1), or on generated people in COCO's format."""
    if scale == "paper":
        return _paper(CocoKeypoints(source=CocoFolder()), PAPER_COCO)
    if scale == "photos":
        return _photos()
    people = People(train=12_000, seed=UNSEEN) if scale == "demo" else People(train=96, val=32)
    return _small(CocoKeypoints(source=people, size=(64, 48), augment=FLIP_ONLY), scale, epochs=3)


def mpii(scale: str) -> Experiment:
    """RLE on MPII's single-person data (supplement, section B), trained as on COCO."""
    _check_made_for(scale, "MPII")
    if scale == "paper":
        return _paper(MpiiPose(source=MpiiFolder()), PAPER_COCO)
    return _small(_mpii_people(scale), scale, epochs=5)


def human36m(scale: str) -> Experiment:
    """RLE on Human3.6M's protocol 2, mixed with MPII at paper scale (main paper, section 4.2)."""
    _check_made_for(scale, "Human3.6M")
    if scale == "paper":
        schedule = vary(PAPER_COCO, epochs=140, decay=Steps(milestones=(90, 120)), clip_norm=35)
        data = Human36MPose(source=Human36MFolder(), mix=MpiiPose(source=MpiiFolder()))
        return _paper(data, schedule)
    demo = Human36MPeople(seed=UNSEEN)
    people = demo if scale == "demo" else Human36MPeople(train=6, val=4)
    data = Human36MPose(source=people, size=(64, 64), augment=FLIP_ONLY)
    return _small(data, scale, epochs=7)


def retina(scale: str) -> Experiment:
    """RLE on the boundaries of the DME set (supplement, section H), or on generated B-scans."""
    _check_made_for(scale, "retinas")
    schedule = Schedule(epochs=200, batch=2, optimiser=Adam(lr=1e-4), decay=Steps(milestones=()))
    if scale == "paper":
        data, model = RetinaBoundaries(source=DmeFolder()), BoundaryNet()
        return Experiment(data=data, model=model, objective=RLE(), schedule=vary(schedule, evaluate_every=10))
    quick = vary(schedule, optimiser=Adam(lr=1e-3), decay=Cosine())
    if scale == "demo":
        scans = Retinas(height=248, width=192, row_um=7.74, scans=13, seed=UNSEEN)
        return Experiment(
            data=RetinaBoundaries(source=scans, size=(112, 192)),
            model=BoundaryNet(channels=8, depth=4),
            objective=RLE(),
            schedule=vary(quick, epochs=30, evaluate_every=5),
        )
    scans = Retinas(subjects=4, scans=6, labelled=4, height=128, width=64, row_um=15.5)
    return Experiment(
        data=RetinaBoundaries(source=scans, size=(64, 64), train_subjects=(3, 4), test_subjects=(1, 2)),
        model=BoundaryNet(channels=4, depth=2),
        objective=RLE(),
        schedule=vary(quick, epochs=2),
    )


def _photos() -> Experiment:
    """RLE on photographs in COCO's format, on a laptop: a small pretrained trunk and small crops.

    The first four stages of the trunk see edges and textures, and stay as they are. Generated people stand in
    where there are no photographs; smaller sets are repeated until as many samples were seen. Rates, stages
    and augmentation were chosen for RLE on 5,592 and 799 people of LSP-extended's images, none of them
    validation people.
    """
    return Experiment(
        data=CocoKeypoints(source=People(train=6_400, seed=UNSEEN), size=(128, 96), augment=PHOTOS),
        model=Regressor(trunk=Timm(name=PACKAGED, weights="package", frozen=4), pixels="symmetric"),
        objective=RLE(),
        schedule=Schedule(
            epochs=14,
            batch=32,
            optimiser=Adam(lr=1e-3, weight_decay=1e-2),
            matrices=Muon(lr=0.015, momentum=0.9, iterations=3),
            decay=Cosine(),
            warmup_steps=100,
            evaluate_every=7,
        ),
    )


def _check_made_for(scale: str, name: str) -> None:
    """Photographs have COCO keypoints alone."""
    if scale == "photos":
        raise SweepError(
            f"--scale photos is for data sets of keypoints in COCO's format, not for {name}: choose --scale "
            "demo or --scale paper, or run sweeps of COCO keypoints (`rle-lab list`)",
            code="no-photos",
        )


def simplepose(base: Experiment) -> Experiment:
    """SimplePose on the backbone of a regressor; at paper scale trained as by Xiao et al."""
    assert isinstance(base.model, Regressor)
    trunk, schedule = base.model.trunk, base.schedule
    if isinstance(trunk, ResNet):
        schedule = vary(schedule, epochs=140, batch=128, decay=Steps(milestones=(90, 120)))
    model = SimplePose(trunk=trunk, **deconvolutions(trunk))
    return vary(base, model=model, objective=heatmap_loss(base), schedule=schedule)


def heatmap_loss(base: Experiment) -> HeatmapMSE:
    """Gaussians of the paper's width on its 64×48 map; half as wide on the 32×24 one of small crops."""
    assert isinstance(base.model, Regressor)
    return HeatmapMSE(sigma=2.0 if isinstance(base.model.trunk, ResNet) else 1.0)


def integral(base: Experiment) -> Experiment:
    """Integral Pose on the backbone of a regressor: the same data and epochs, L1 on a soft-argmax."""
    assert isinstance(base.model, Regressor)
    trunk = base.model.trunk
    if not isinstance(trunk, SmallTrunk):
        return vary(base, model=Integral(trunk=trunk, **deconvolutions(trunk)), objective=L1())
    # The soft-argmax of flat maps has small gradients at first: a short training needs the higher rate.
    adam = vary(base.schedule.optimiser, lr=1e-2)
    model = Integral(trunk=trunk, bins=8, **deconvolutions(trunk))
    return vary(base, model=model, objective=L1(), schedule=vary(base.schedule, optimiser=adam))


def deconvolutions(trunk: Trunk) -> dict[str, int]:
    """Their width, after a trunk that is smaller than the paper's."""
    match trunk:
        case SmallTrunk():
            return {"width": DEMO_WIDTH}
        case Timm():
            return {"width": PHOTOS_WIDTH}
        case _:
            return {}


def _mpii_people(scale: str) -> MpiiPose:
    scenes = MpiiPeople().scenes
    people = vary(scenes, seed=UNSEEN) if scale == "demo" else vary(scenes, train=96, val=32)
    return MpiiPose(source=MpiiPeople(scenes=people), size=(64, 64), augment=FLIP_ONLY)


def _paper(data: CocoKeypoints | MpiiPose | Human36MPose, schedule: Schedule) -> Experiment:
    model = Regressor(trunk=ResNet(depth=50))
    return Experiment(data=data, model=model, objective=RLE(), schedule=schedule)


def _small(data: CocoKeypoints | MpiiPose | Human36MPose, scale: str, epochs: int) -> Experiment:
    """The demo's network and recipe, or the smoke test's shorter one."""
    demo = vary(_DEMO_POSE, epochs=epochs)
    return Experiment(
        data=data,
        model=Regressor(trunk=DEMO_TRUNK, pool="flatten", sigma_bias=-2),
        objective=RLE(),
        schedule=demo if scale == "demo" else vary(demo, epochs=2, batch=16, warmup_steps=4),
    )
