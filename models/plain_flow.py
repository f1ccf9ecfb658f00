"""RealNVP as one would write it first, and as the authors' code has it: the baseline of the flow.

Shapes: N samples, D coordinates.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from models.realnvp import RealNVP, RealNVPNet


class PlainFlow(nn.Module):
    """For each coupling two nets D -> D on masked input, and MultivariateNormal for the prior."""

    masks: Tensor
    mean: Tensor
    covariance: Tensor

    def __init__(self, config: RealNVP, dim: int) -> None:
        super().__init__()
        leading = torch.arange(dim) < (dim + 1) // 2
        both = torch.stack([~leading, leading]).float()
        self.register_buffer("masks", both[torch.arange(config.couplings) % 2])
        self.s = nn.ModuleList(nn.Sequential(*_layers(config, dim), nn.Tanh()) for _ in self.masks)
        self.t = nn.ModuleList(nn.Sequential(*_layers(config, dim)) for _ in self.masks)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("covariance", torch.eye(dim))

    def log_prob(self, x: Tensor) -> Tensor:
        """log G(x): x (N, D) -> (N,)."""
        log_det, z = x.new_zeros(len(x)), x
        for mask, s_net, t_net in reversed(list(zip(self.masks, self.s, self.t, strict=True))):
            kept = mask * z
            s, t = s_net(kept) * (1 - mask), t_net(kept) * (1 - mask)
            z = (1 - mask) * (z - t) * torch.exp(-s) + kept
            log_det = log_det - s.sum(dim=1)
        prior = torch.distributions.MultivariateNormal(self.mean, self.covariance)
        likelihood: Tensor = prior.log_prob(z)  # type: ignore[no-untyped-call]
        return likelihood + log_det


def copy_weights(plain: PlainFlow, flow: RealNVPNet) -> None:
    """Give `flow` the weights of the plain one; both of the same size."""
    with torch.no_grad():
        for k, nets in enumerate(zip(plain.s, plain.t, strict=True)):
            for q, net in enumerate(nets):
                linears = [layer for layer in net.children() if isinstance(layer, nn.Linear)]
                for weight, bias, linear in zip(flow.weights, flow.biases, linears, strict=True):
                    weight[k, q], bias[k, q] = linear.weight, linear.bias


def _layers(config: RealNVP, dim: int) -> list[nn.Module]:
    sizes = [dim, *[config.width] * (config.layers - 1), dim]
    layers: list[nn.Module] = []
    for fan_in, out in pairwise(sizes):
        layers += [nn.Linear(fan_in, out), nn.LeakyReLU()]
    return layers[:-1]
