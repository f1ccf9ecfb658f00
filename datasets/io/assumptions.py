"""What was assumed about a set that is odd but readable, counted and said once wherever its numbers stand."""

import re
from collections import Counter
from collections.abc import Mapping

Assumed = Mapping[str, int]
"""Of how many records something was assumed, by the sentence that says so, with `{n}` for the number and
`{one|many}` for words that depend on it, as in `{n} {person has|people have} no area: the box's stands in`.

A sentence about all of a set has neither, and any number but 0."""


def added(*parts: Assumed) -> dict[str, int]:
    """All that was assumed, each sentence once."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return {sentence: count for sentence, count in total.items() if count}


def sentences(assumed: Assumed) -> tuple[str, ...]:
    """What was assumed, in words, without a full stop at the end."""
    return tuple(_worded(sentence, count) for sentence, count in assumed.items() if count)


def _worded(sentence: str, count: int) -> str:
    chosen = re.sub(r"\{([^{}|]*)\|([^{}|]*)\}", r"\1" if count == 1 else r"\2", sentence)
    return chosen.replace("{n}", f"{count:,}")
