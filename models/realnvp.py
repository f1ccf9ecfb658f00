"""RealNVP, the flow of the paper, whose density G models the errors of a regressor.

Shapes: N samples, D coordinates, H = ceil(D / 2) leading ones, K couplings.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models import flow_kernels
from models.config import Width
from models.errors import ConfigError, InputError
from models.flow import Flow, FlowNet
from models.flow_kernels.types import SLOPE


class RealNVP(Flow):
    """RealNVP (Dinh et al., 2017) of a given size; the paper writes `layers`×`width` (supplement A, Table 1).

    Fields:
        couplings: K.
        layers: every Linear layer of an s or t net, the first and the last included.
        width: units of each hidden layer.
        context: how many numbers beside the coordinates every net sees: with more than 0, G is the density
            for a given point of a given picture.

    Examples:
        >>> RealNVP(layers=5, width=32).build(dim=2).log_prob(torch.zeros(7, 2)).shape
        torch.Size([7])
    """

    couplings: int = Field(default=6, ge=1, le=100)
    layers: int = Field(default=3, ge=2, le=100)
    width: Width = 64
    context: int = Field(default=0, ge=0, le=2**10)

    @property
    def name(self) -> str:
        """As the paper writes it, such as `3x64`, and what it is conditioned on."""
        given = f" given {self.context}" if self.context else ""
        return f"{self.layers}x{self.width}{given}"

    def build(self, dim: int) -> "RealNVPNet":
        """A flow over `dim` coordinates, initialised as PyTorch initialises Linear layers.

        Raises:
            ConfigError: `dim` is below 2.
        """
        return RealNVPNet(self, dim)

    def parameters(self, dim: int) -> int:
        """Weights and biases of full nets `dim` -> `dim`, as the paper counts them (Table 1)."""
        biases = (self.layers - 1) * self.width + dim
        return 2 * self.couplings * (self._products(dim) + biases)

    def flops(self, points: int, dim: int, grid_points: int = 0) -> int:
        """As the paper counts them: this gives Tables 1 and 7 exactly.

        A multiplication and an addition count 2 and each activation between layers 1, while biases, tanh, exp
        and the prior count nothing.
        """
        activations = (self.layers - 1) * self.width
        return (points + grid_points) * 2 * self.couplings * (2 * self._products(dim) + activations)

    def _products(self, dim: int) -> int:
        """Multiplications of one net for one sample, which is also the number of its weights."""
        return (2 * dim + self.context) * self.width + (self.layers - 2) * self.width**2


class RealNVPNet(FlowNet):
    """x = f_K ∘ ... ∘ f_1(z) with z ~ N(0, I) and affine couplings f_k (Dinh et al., 2017; supplement A).

    A coupling keeps some coordinates, u, and moves the others, v -> v · exp(s(u)) + t(u). Couplings 0, 2, 4
    move the H leading coordinates, couplings 1, 3, 5 the trailing ones: as masks (1 keeps) that is [0, 1],
    [1, 0] for D = 2 and [0, 0, 1], [1, 1, 0] for D = 3. s and t are Linear layers with LeakyReLU between
    them; s ends in tanh. (Equation 3 of the supplement puts t inside the exponential: a misprint.)

    The parameters are those of nets D -> D on masked input with masked output, as in the authors' code, so
    that there are as many as in the paper and its checkpoints can be loaded. What the masks make unused, the
    columns of the first layer that meet a zero and the rows of the last whose output is dropped, is stored
    but never multiplied; its gradient is zero.

    Attributes:
        dim: D.
        weights: for each layer j a tensor (K, 2, out, in); [k, 0] is the s net of coupling k and equals
            the authors' `flow.s.{k}.{2 j}.weight`, [k, 1] is its t net, `flow.t.{k}.{2 j}.weight`.
        biases: for each layer j a tensor (K, 2, out), the authors' `flow.{s,t}.{k}.{2 j}.bias` likewise.
        context: (K, 2, width, C), the first layers' weights of the context; None without one.
    """

    def __init__(self, config: RealNVP, dim: int) -> None:
        super().__init__()
        if dim < 2:
            raise ConfigError(f"RealNVP splits its coordinates in two, and has only {dim}", "one-coordinate")
        self.dim = dim
        self._leading = (dim + 1) // 2
        sizes = list(pairwise([dim, *[config.width] * (config.layers - 1), dim]))
        nets = (config.couplings, 2)
        self.weights = nn.ParameterList(_uniform((*nets, out, fan_in), fan_in) for fan_in, out in sizes)
        self.biases = nn.ParameterList(_uniform((*nets, out), fan_in) for fan_in, out in sizes)
        seen = config.context
        self.context = _uniform((*nets, config.width, seen), dim + seen) if seen else None

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z (N, D) -> x (N, D) and log|det dx/dz| (N,), for a context (N, C) where there is one."""
        halves, log_det = self._halves(z), z.new_zeros(len(z))
        for coupling in self._couplings(context):
            s, t = coupling.scale_and_shift(halves[coupling.kept])
            halves[coupling.moved] = halves[coupling.moved] * s.exp() + t
            log_det = log_det + s.sum(0)
        return torch.cat(halves).mT, log_det

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x (N, D) -> z (N, D) and log|det dz/dx| (N,): the couplings undone, the last one first."""
        halves, log_det = self._halves(x), x.new_zeros(len(x))
        for coupling in reversed(self._couplings(context)):
            s, t = coupling.scale_and_shift(halves[coupling.kept])
            halves[coupling.moved] = (halves[coupling.moved] - t) * (-s).exp()
            log_det = log_det - s.sum(0)
        return torch.cat(halves).mT, log_det

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """log G(x), natural logarithm: x (N, D) -> (N,), for a context (N, C) where there is one. N may be 0.

        Raises:
            InputError: x is not (N, D), or the context is not what the flow is conditioned on.
        """
        if self.context is None and context is None:
            # Iterating over the ParameterLists themselves takes longer than some of the kernels.
            weights, biases = list(self.weights.parameters()), list(self.biases.parameters())
            fast = flow_kernels.log_prob(x, weights, biases)
            if fast is not None:
                return fast
        z, log_det = self.inverse(x, context)
        return log_det - 0.5 * (z.square().sum(-1) + self.dim * math.log(2 * math.pi))

    @torch.no_grad()
    def sample(
        self, n: int, generator: torch.Generator | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`n` samples of G, (n, D), on the device of the parameters; each for its row of a context (n, C).

        z is drawn on the generator's own device, so that a CPU generator gives the same z everywhere.
        """
        like = self.biases[0]
        device = like.device if generator is None else generator.device
        z = torch.randn(n, self.dim, generator=generator, device=device, dtype=like.dtype)
        return self.forward(z.to(like.device), context)[0]

    def _halves(self, x: Tensor) -> list[Tensor]:
        """The leading coordinates (H, N) and the trailing ones (D - H, N).

        Samples lie along the last dimension inside the flow: the thin products of the first and the last
        layer then run several times faster than with samples first.
        """
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise InputError(f"expected shape (N, {self.dim}), got {tuple(x.shape)}", "samples-shape")
        return list(x.mT.tensor_split([self._leading]))

    def _couplings(self, context: Tensor | None) -> list["_Coupling"]:
        """The parameters in use, coupling by coupling.

        One unbind per layer, since its backward is one stack: indexing coupling by coupling would allocate
        and add a gradient of the whole layer K times.
        """
        leading, trailing = slice(None, self._leading), slice(self._leading, None)
        weights = zip(*(w.unbind() for w in self.weights), strict=True)
        first, *others = (b.unsqueeze(-1) for b in self.biases)
        biases = zip(*(b.unbind() for b in (self._given(first, context), *others)), strict=True)
        couplings = []
        for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
            moved, kept = (leading, trailing) if k % 2 == 0 else (trailing, leading)
            used_weights = (w[0][..., kept], *w[1:-1], w[-1][:, moved])
            couplings.append(_Coupling(k % 2, used_weights, (*b[:-1], b[-1][:, moved])))
        return couplings

    def _given(self, bias: Tensor, context: Tensor | None) -> Tensor:
        """The biases (K, 2, width, 1) of the first layers; with a context (N, C) those of each sample."""
        if self.context is None and context is None:
            return bias
        wanted = 0 if self.context is None else self.context.shape[-1]
        if self.context is None or context is None or context.shape[1:] != (wanted,):
            found = None if context is None else tuple(context.shape)
            raise InputError(
                f"a flow given {wanted} numbers a sample got a context of {found}", "context-shape"
            )
        return bias + self.context @ context.mT


class _Coupling(NamedTuple):
    """The part in use of one coupling's s and t nets, stacked s first for batched products."""

    moved: int  # the half it moves: 0 leading, 1 trailing
    weights: tuple[Tensor, ...]  # each (2, out, in)
    biases: tuple[Tensor, ...]  # each (2, out, 1)

    @property
    def kept(self) -> int:
        return 1 - self.moved

    def scale_and_shift(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Log-scale s and shift t of the moved coordinates, (moved, N), given the kept ones u (kept, N)."""
        h = torch.baddbmm(self.biases[0], self.weights[0], u.expand(2, -1, -1))
        for bias, weight in zip(self.biases[1:], self.weights[1:], strict=True):
            h = torch.baddbmm(bias, weight, F.leaky_relu(h, SLOPE))
        return h[0].tanh(), h[1]


def _uniform(shape: tuple[int, ...], fan_in: int) -> nn.Parameter:
    """As `nn.Linear` initialises both its weight and its bias: U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
    bound = fan_in**-0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
