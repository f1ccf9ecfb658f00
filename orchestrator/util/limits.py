"""Limits of what is monitored in training: a finite value past one is a sign that the training runs away."""

import math
from collections.abc import Mapping

LIMITS: Mapping[str, tuple[float, float]] = {
    "bar_mu_max": (-math.inf, 1e4),
    "log_s": (-20.0, 20.0),
    "log_s_without_depth": (-20.0, 20.0),
    "sigma_max": (-math.inf, 0.9999),
    "sigma_min": (1e-5, math.inf),
}
"""Lowest and highest value of each: |bar_mu| or log s without bounds, sigma at an end of its range."""


def past_limits(values: Mapping[str, float]) -> dict[str, float]:
    """The quantities among these that are past their limits, with their values."""
    return {
        name: values[name]
        for name, (low, high) in LIMITS.items()
        if name in values and not low <= values[name] <= high
    }
