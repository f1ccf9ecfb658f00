"""What a number is computed with, beside its experiment: the number of the mathematics, and precisions."""

from typing import Literal

SCHEMA = 2
"""Raised whenever a default or the mathematics changes, so that every fingerprint does.

1: the first results, in which a precision "auto" meant bf16 on one machine and float32 on another.
2: precision is settled before the fingerprint; recipes and kernels are those that golden numbers guard.
"""

Precision = Literal["float32", "bf16"]
"""Of a backbone."""
