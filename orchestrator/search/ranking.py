"""Which values are better: of one metric, or of two that are weighed against each other.

Values are (A,) tuples for A = 1 or 2 aims, the best of each the highest; None stands for no result, which is
the worst.
"""

import math
from collections.abc import Sequence

Values = tuple[float, ...]


def ranked(values: Sequence[Values | None]) -> list[int]:
    """Places of the values, the best first; of equal ones the earlier first.

    Of two aims: by fronts, as non-dominated sorting peels them off, and in a front by the distance of its
    neighbours, the largest first, so that what is kept is spread along it (NSGA-II, Deb et al., 2002).
    """
    known = [place for place, value in enumerate(values) if value is not None]
    lost = [place for place, value in enumerate(values) if value is None]
    order: list[int] = []
    while known:
        best = [place for place in known if not _dominated(place, known, values)]
        distances = _distances([_known(values, place) for place in best])
        by_distance = dict(zip(best, distances, strict=True))
        order += sorted(best, key=lambda place: (-by_distance[place], place))
        known = [place for place in known if place not in by_distance]
    return order + lost


def front(values: Sequence[Values | None]) -> list[int]:
    """Places of the values than which no other is better in every aim, in their order."""
    known = [place for place, value in enumerate(values) if value is not None]
    return [place for place in known if not _dominated(place, known, values)]


def hypervolume(values: Sequence[Values], reference: Values) -> float:
    """The area, or for one aim the length, between a reference and the values that are better in each aim."""
    better = sorted(
        {v for v in values if all(a > b for a, b in zip(v, reference, strict=True))}, reverse=True
    )
    if len(reference) == 1:
        return max((value[0] - reference[0] for value in better), default=0.0)
    area, height = 0.0, reference[1]
    for across, up in better:
        area += (across - reference[0]) * max(0.0, up - height)
        height = max(height, up)
    return area


def _known(values: Sequence[Values | None], place: int) -> Values:
    value = values[place]
    assert value is not None
    return value


def _dominated(place: int, among: Sequence[int], values: Sequence[Values | None]) -> bool:
    own = _known(values, place)
    others = (_known(values, other) for other in among)
    return any(other != own and all(a >= b for a, b in zip(other, own, strict=True)) for other in others)


def _distances(values: Sequence[Values]) -> list[float]:
    """Of each value's neighbours on its front, in units of the front's length; infinite at both ends."""
    distances = [0.0] * len(values)
    for aim in range(len(values[0])):
        order = sorted(range(len(values)), key=lambda place: values[place][aim])
        low, high = values[order[0]][aim], values[order[-1]][aim]
        distances[order[0]] = distances[order[-1]] = math.inf
        for before, place, after in zip(order, order[1:], order[2:], strict=False):
            distances[place] += (values[after][aim] - values[before][aim]) / ((high - low) or 1.0)
    return distances
