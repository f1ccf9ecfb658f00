"""The networks whose weights are imported, written afresh."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POINTS = 4


class Block(nn.Module):
    """A basic block of ResNet-18."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class ReferenceTrunk(nn.Module):
    """ResNet-18 up to its last map, averaged: (B, 3, H, W) -> (B, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        for i, (before, after) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)]):
            stage = nn.Sequential(Block(before, after, 1 + (i > 0)), Block(after, after, 1))
            self.add_module(f"layer{i + 1}", stage)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for i in range(4):
            x = self.get_submodule(f"layer{i + 1}")(x)
        return x.mean((2, 3))


class ReferenceFlow(nn.Module):
    """RealNVP with full nets and masks."""

    def __init__(self, masks: list[list[int]], prior: bool = False) -> None:
        super().__init__()
        dim = len(masks[0])
        self.register_buffer("mask", torch.tensor(masks * 3, dtype=torch.float32))
        if prior:
            self.register_buffer("loc", torch.zeros(dim))
            self.register_buffer("cov", torch.eye(dim))

        def net(*last: nn.Module) -> nn.Sequential:
            hidden = [nn.Linear(dim, 64), nn.LeakyReLU(), nn.Linear(64, 64), nn.LeakyReLU()]
            return nn.Sequential(*hidden, nn.Linear(64, dim), *last)

        self.t = nn.ModuleList(net() for _ in range(6))
        self.s = nn.ModuleList(net(nn.Tanh()) for _ in range(6))

    def log_prob(self, x: Tensor) -> Tensor:
        log_det = torch.zeros(len(x))
        for keep, s_net, t_net in zip(reversed(self.mask), reversed(self.s), reversed(self.t), strict=True):
            s, t = ((1 - keep) * net(keep * x) for net in (s_net, t_net))
            x = keep * x + (1 - keep) * (x - t) * torch.exp(-s)
            log_det = log_det - s.sum(1)
        dim = x.shape[1]
        prior = torch.distributions.MultivariateNormal(torch.zeros(dim), torch.eye(dim))
        return prior.log_prob(x) + log_det


class Normed(nn.Module):
    """The layer inside the authors' own Linear, so that names read fc_coord.linear.weight."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(512, outputs)


class Authors2D(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.preact = ReferenceTrunk()
        self.fc_coord, self.fc_sigma = Normed(2 * POINTS), Normed(2 * POINTS)
        self.flow = ReferenceFlow([[0, 1], [1, 0]])

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = image.permute(0, 3, 1, 2) / 255
        x = x - torch.tensor([0.406, 0.457, 0.480]).view(3, 1, 1)
        feature = self.preact(x)
        linear = self.fc_coord.linear
        coord = feature @ linear.weight.T / torch.norm(feature, dim=1, keepdim=True) + linear.bias
        sigma = self.fc_sigma.linear(feature).sigmoid()
        return coord.reshape(-1, POINTS, 2), sigma.reshape(-1, POINTS, 2)


class Authors3D(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.preact = ReferenceTrunk()
        self.fc_coord, self.fc_sigma = Normed(3 * POINTS), nn.Linear(512, 3 * POINTS)
        self.flow2d = ReferenceFlow([[0, 1], [1, 0]])
        self.flow3d = ReferenceFlow([[0, 0, 1], [1, 1, 0]])

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = image.permute(0, 3, 1, 2) / 255
        x = x - torch.tensor([0.406, 0.457, 0.480]).view(3, 1, 1)
        feature = self.preact(x / torch.tensor([0.225, 0.224, 0.229]).view(3, 1, 1))
        linear = self.fc_coord.linear
        coord = feature @ linear.weight.T / torch.norm(feature, dim=1, keepdim=True) + linear.bias
        coord = coord.reshape(-1, POINTS, 3)
        if not self.training:
            coord = coord - coord[:, :1] * torch.tensor([0.0, 0, 1])
        sigma = self.fc_sigma(feature).sigmoid() + 1e-9
        return coord, sigma.reshape(-1, POINTS, 3)


class MMPoseLoss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.flow_model = ReferenceFlow([[0, 1], [1, 0]], prior=True)


class MMPose(nn.Module):
    """Its coordinates are shares of the crop's sides; given here in units of the crop, centred."""

    def __init__(self, head: str = "head", loss: str = "loss_module") -> None:
        super().__init__()
        self.backbone = ReferenceTrunk()
        self.add_module(head, nn.ModuleDict({"fc": nn.Linear(512, 4 * POINTS), loss: MMPoseLoss()}))
        self.of_head, self.of_loss = head, loss

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = image.permute(0, 3, 1, 2) - torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
        feature = self.backbone(x / torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1))
        out = self.get_submodule(self.of_head)["fc"](feature).reshape(-1, POINTS, 4)
        return out[..., :2] - 0.5, out[..., 2:].sigmoid()

    @property
    def flow(self) -> nn.Module:
        return self.get_submodule(self.of_head)[self.of_loss].flow_model


def trained(make: Callable[[], nn.Module]) -> nn.Module:
    """A reference in evaluation mode, with weights and statistics as after some training."""
    torch.manual_seed(3)
    net = make().eval()
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return net


def old_mmpose() -> nn.Module:
    return MMPose("keypoint_head", "loss")
