"""Models, flows and losses for Residual Log-likelihood Estimation. Imports nothing else of this project.

Every configuration is a frozen value with a method `build`. A loss in a training loop of your own:

    >>> import torch
    >>> from models import RLE
    >>> loss = RLE().build(2)  # for points of 2 coordinates; its flow has parameters to train
    >>> mu, target = torch.zeros(8, 17, 2, requires_grad=True), torch.rand(8, 17, 2)
    >>> sigma = torch.full((8, 17, 2), 0.5, requires_grad=True)
    >>> loss(mu, sigma, target).loss.backward()

A network that predicts mu and sigma from images, uint8 (B, H, W, 3):

    >>> from models import OutputSpec, Regressor, ResNet
    >>> trunk = ResNet(depth=18, weights=None)
    >>> net = Regressor(trunk=trunk).build(OutputSpec(points=17, dim=2, size=(256, 192), scale=True))
    >>> mu, sigma, *_ = net(torch.zeros(8, 256, 192, 3, dtype=torch.uint8))
    >>> loss(mu, sigma, target).parts.keys() >= {"nll_q", "nll_g", "log_sigma"}
    True

The flow by itself, of the size that the paper calls 5x32:

    >>> from models import RealNVP
    >>> flow = RealNVP(layers=5, width=32)
    >>> flow.name, flow.parameters(2), flow.build(2).log_prob(torch.zeros(4, 2)).shape
    ('5x32', 39960, torch.Size([4]))
"""

from models.backbones import ResNet, SmallTrunk
from models.boundary_unet import BoundaryNet
from models.errors import ConfigError, InputError, ModelError, WeightsError
from models.flow import Flow, FlowNet
from models.heatmap_nets import Integral, SimplePose, TwoBranch
from models.interface import Loss, LossInputs, Output, OutputSpec
from models.losses import LossModule
from models.muon import Muon
from models.objectives import (
    DLE,
    L1,
    L2,
    RLE,
    BetaLaplace,
    CorrelatedGaussian,
    HeatmapMSE,
    LearnedScale,
    Objective,
    UltralyticsRLE,
    WeightedSum,
)
from models.pretrained import WeightsFile
from models.realnvp import RealNVP, RealNVPNet
from models.regressor import Regressor
from models.spline_flow import NSF
from models.timm_trunk import Timm

__all__ = [
    "DLE",
    "L1",
    "L2",
    "NSF",
    "RLE",
    "BetaLaplace",
    "BoundaryNet",
    "ConfigError",
    "CorrelatedGaussian",
    "Flow",
    "FlowNet",
    "HeatmapMSE",
    "InputError",
    "Integral",
    "LearnedScale",
    "Loss",
    "LossInputs",
    "LossModule",
    "ModelError",
    "Muon",
    "Objective",
    "Output",
    "OutputSpec",
    "RealNVP",
    "RealNVPNet",
    "Regressor",
    "ResNet",
    "SimplePose",
    "SmallTrunk",
    "Timm",
    "TwoBranch",
    "UltralyticsRLE",
    "WeightedSum",
    "WeightsError",
    "WeightsFile",
]
