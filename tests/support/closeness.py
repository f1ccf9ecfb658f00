"""How far apart two computations of the same are."""

from collections.abc import Sequence

import torch
from torch import Tensor


def apart(found: Sequence[Tensor | None], wanted: Sequence[Tensor | None]) -> float:
    """|found - wanted| / |wanted| of all tensors together, in float64; NaN where one is not finite.

    What is None in both is left out.
    """
    kept = [(a, b) for a, b in zip(found, wanted, strict=True) if a is not None or b is not None]
    assert all(a is not None and b is not None for a, b in kept)
    one, other = (_flat([pair[side] for pair in kept]) for side in (0, 1))
    return float((one - other).norm() / other.norm().clamp(min=1e-12))


def same_bits(found: Sequence[Tensor | None], wanted: Sequence[Tensor | None]) -> bool:
    """Whether every tensor is the same to the last bit; what is None in one is None in the other."""
    return all(
        (a is None and b is None) or (a is not None and b is not None and torch.equal(a.cpu(), b.cpu()))
        for a, b in zip(found, wanted, strict=True)
    )


def _flat(tensors: Sequence[Tensor | None]) -> Tensor:
    return torch.cat([t.detach().cpu().double().flatten() for t in tensors if t is not None])
