"""Small inline charts of the report's page: a number's difference from the paper, a claim's interval."""

from collections.abc import Sequence

from markupsafe import Markup

INK, HOLDS, EDGE, AXIS, SOFT = (f"var(--{name})" for name in ("ink", "holds", "edge", "axis", "soft"))
"""The page's colours, light or dark."""

WIDTH, MIDDLE, BOTTOM = 336.0, 18.0, 34.0  # pixels, as CSS counts them


def deviation(share: float) -> Markup:
    """A bar to the left or right of a middle line.

    Args:
        share: the deviation over the largest one in its column, in [-1, 1].
    """
    length = 20 * min(abs(share), 1.0)
    start = 22 - length if share < 0 else 22
    return Markup(
        '<svg width="44" height="9" viewBox="0 0 44 9" aria-hidden="true">'
        f'<rect x="{start:.1f}" y="2" width="{length:.1f}" height="5" fill="{AXIS}"/>'
        f'<path d="M22 0V9" stroke="{INK}"/></svg>'
    )


def interval(
    estimate: float, low: float | None, high: float | None, holds: tuple[float | None, float | None]
) -> Markup:
    """An estimate with its interval over the region in which the claim holds.

    Args:
        low, high: the interval; None where there are too few seeds for one.
        holds: the bounds of that region, None where it is open.
    """
    bounds = [bound for bound in holds if bound is not None]
    to_x = _Axis([estimate, *bounds, *(end for end in (low, high) if end is not None)])
    left = 0.0 if holds[0] is None else to_x(holds[0])
    right = WIDTH if holds[1] is None else to_x(holds[1])
    parts = [
        f'<rect x="{left:.1f}" y="4" width="{right - left:.1f}" height="{BOTTOM - 4:g}" fill="{HOLDS}"/>',
        f'<path d="M0 {BOTTOM:g}H{WIDTH:g}" stroke="{AXIS}"/>',
        *(_bound(to_x(bound), bound) for bound in bounds),
    ]
    if low is not None and high is not None:
        ends = to_x(low), to_x(high)
        caps = "".join(f"M{end:.1f} {MIDDLE - 5:g}V{MIDDLE + 5:g}" for end in ends)
        line = f"M{ends[0]:.1f} {MIDDLE:g}H{ends[1]:.1f}{caps}"
        parts.append(f'<path d="{line}" stroke="{INK}" stroke-width="2" fill="none"/>')
    parts.append(f'<circle cx="{to_x(estimate):.1f}" cy="{MIDDLE:g}" r="4.5" fill="{INK}"/>')
    return Markup(
        f'<svg viewBox="0 0 {WIDTH:g} 50" role="img" aria-label="{_aria_label(estimate, low, high)}">'
        f"{''.join(parts)}</svg>"
    )


def signed(value: float, digits: int) -> str:
    """With its sign, a true minus sign, and ± for zero."""
    text = f"{value:+.{digits}f}"
    return f"±{text[1:]}" if float(text) == 0 else text.replace("-", "−")


class _Axis:
    """From values to pixels, with a margin on both sides."""

    def __init__(self, values: Sequence[float]) -> None:
        span = (max(values) - min(values)) or abs(values[0]) or 1.0
        self.start, self.span = min(values) - 0.15 * span, 1.3 * span

    def __call__(self, value: float) -> float:
        return WIDTH * (value - self.start) / self.span


def _bound(x: float, value: float) -> str:
    text = f"{value:g}".replace("-", "−")
    return (
        f'<path d="M{x:.1f} 4V{BOTTOM + 3:g}" stroke="{EDGE}" stroke-width="1.5"/>'
        f'<text x="{x:.1f}" y="{BOTTOM + 14:g}" text-anchor="middle" font-size="11" fill="{SOFT}">'
        f"{text}</text>"
    )


def _aria_label(estimate: float, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"estimate {estimate:.3g}"
    return f"estimate {estimate:.3g}, interval {low:.3g} to {high:.3g}"
