"""Heatmaps: Gaussian targets, decoding by argmax and by expectation, and horizontal flips.

A map of w columns stands for a crop of W pixels: column i is the crop's pixel i · W / w, so that u = i / w
- 0.5 at any stride, and likewise v by rows and z by the bins of a volume.

Shapes: B batch, P points, N points of any batch, h w the rows and columns of a map, b bins of depth,
D coordinates.
"""

import torch
from torch import Tensor

QUARTER = 0.25
"""How far the argmax moves towards its larger neighbour, in pixels of the map."""


def gaussians(target: Tensor, size: tuple[int, int], sigma: float) -> Tensor:
    """A map with one Gaussian for each target, as SimplePose draws it (Xiao et al., 2018).

    It is centred on the pixel int(x + 0.5), where `int` truncates, is 1 there, and is cut off three sigma
    away along either axis: with sigma 2 the window is 13 × 13. The map of a target far outside is empty.

    Args:
        target: (N, 2), u and v in units of the crop, centred. Finite.
        size: (h, w).
        sigma: in pixels of the map.

    Returns:
        (N, h, w), in [0, 1].
    """
    height, width = size
    column, row = ((target + 0.5) * target.new_tensor([width, height]) + 0.5).trunc().unbind(-1)
    return _bells(row, height, sigma).unsqueeze(2) * _bells(column, width, sigma).unsqueeze(1)


def _bells(centre: Tensor, length: int, sigma: float) -> Tensor:
    """exp(-d² / 2 sigma²) within three sigma of each centre, 0 elsewhere: (N,) -> (N, length)."""
    distance = torch.arange(length, device=centre.device) - centre.unsqueeze(1)
    return torch.exp(-distance.square() / (2 * sigma**2)) * (distance.abs() <= 3 * sigma)


def decode(maps: Tensor) -> tuple[Tensor, Tensor]:
    """The argmax of each map, moved by a quarter of a pixel along each axis towards the larger neighbour.

    As in SimplePose an argmax in the first two or the last rows or columns stays where it is.

    Args:
        maps: (B, P, h, w).

    Returns:
        mu (B, P, 2) in units of the crop, centred, and the value of each argmax (B, P), the confidence.
    """
    height, width = maps.shape[2:]
    values = maps.flatten(2)
    peak, index = values.max(-1)
    column, row = index % width, index // width
    inside = (column > 1) & (column < width - 1) & (row > 1) & (row < height - 1)

    def slope(step: int) -> Tensor:
        near = torch.stack([index + step, index - step], -1).clamp(0, height * width - 1)
        ahead, behind = values.gather(-1, near).unbind(-1)
        return torch.sign(ahead - behind) * inside

    position = torch.stack([column + QUARTER * slope(1), row + QUARTER * slope(width)], -1)
    return position / position.new_tensor([width, height]) - 0.5, peak


def soft_argmax(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The expectation over each map or volume, a softmax over all of it (Sun et al., 2018).

    Args:
        logits: (B, P, h, w), or (B, P, b, h, w) with depth.

    Returns:
        mu (B, P, D) = u, v and, with depth, z, each in [-0.5, 0.5), and the standard deviation of the map
        along each of them (B, P, D), in the same units and without a gradient.
    """
    probability = logits.flatten(2).softmax(-1).view(logits.shape)
    axes = range(2, logits.ndim)
    moments = [_moments(probability.sum([a for a in axes if a != axis])) for axis in reversed(axes)]
    mu, spread = (torch.stack(values, -1) for values in zip(*moments, strict=True))
    return mu, spread


def _moments(marginal: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation along one axis: (B, P, length) -> (B, P) twice."""
    length = marginal.shape[-1]
    position = torch.arange(length, device=marginal.device, dtype=marginal.dtype) / length - 0.5
    mean = marginal @ position
    distance = position - mean.detach().unsqueeze(-1)
    return mean, (marginal.detach() * distance.square()).sum(-1).sqrt()


def mirror(maps: Tensor) -> Tensor:
    """Maps of flipped crops as maps of the crops: (B, P, h, w) -> the same. Left and right are not exchanged.

    After the flip everything moves right by one column, as in SimplePose: column i is pixel i · W / w of the
    crop and pixel W - 1 - i · W / w of the flipped one, about column w - i. The first column is kept.
    """
    reflected = maps.flip(-1)
    return torch.cat([reflected[..., :1], reflected[..., :-1]], -1)
