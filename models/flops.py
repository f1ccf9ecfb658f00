"""What a flow costs, counted as the paper counts it (supplement A, Tables 1 and 7)."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from torch import nn

from models.flow import Flow

TENTH = Decimal("0.1")


def flow_parameters(flow: Flow, dim: int = 2) -> int:
    """Parameters of a flow over `dim` coordinates: full nets `dim` -> `dim`, weights and biases."""
    n = flow.width
    weights = 2 * dim * n + (flow.layers - 2) * n**2
    biases = (flow.layers - 1) * n + dim
    return 2 * flow.couplings * (weights + biases)


def flow_flops(flow: Flow, points: int, dim: int = 2, grid_points: int = 0) -> int:
    """Floating point operations of one forward pass over one picture.

    Table 1 and Table 7 come out exactly when a multiplication and an addition count 2 and each activation
    between layers 1, while biases, tanh, exp and the prior count nothing.

    Args:
        points: P of the picture, 17 in COCO.
        dim: D of a point.
        grid_points: nodes of the integral for s, evaluated once a picture, 400 in Table 7.
    """
    n = flow.width
    products = 2 * dim * n + (flow.layers - 2) * n**2
    activations = (flow.layers - 1) * n
    return (points + grid_points) * 2 * flow.couplings * (2 * products + activations)


def module_parameters(module: nn.Module) -> int:
    """All parameters of a module, each tensor once."""
    return sum(parameter.numel() for parameter in module.parameters())


def human(n: int) -> str:
    """A count as the paper prints it, such as "53.8K" or "1.8M"; below 1,000 as it is.

    The number is cut after four significant digits, then rounded to one decimal. The cut is what the printed
    804.8K for 804,888 needs; every other printed value is the same with it and without.
    """
    if n < 1000:
        return str(n)
    thousands = (len(str(n)) - 1) // 3
    value = Decimal(n).scaleb(-3 * thousands)
    cut = value.quantize(Decimal(1).scaleb(value.adjusted() - 3), rounding=ROUND_DOWN)
    return f"{cut.quantize(TENTH, rounding=ROUND_HALF_UP)}{'KMGT'[thousands - 1]}"
