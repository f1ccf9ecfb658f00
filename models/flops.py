"""Counts of parameters and operations, printed as the paper prints them. A flow counts its own."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from torch import nn

TENTH = Decimal("0.1")


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
