"""Left and right in the names of keypoints, and which of them are partners.

Sides are read in the spellings that are in use: `left_eye`, `l_eye`, `eye_l`, `earR`, `Left Ear`, `L_F_Paw`,
`front_left_paw`, `leftear`, `FLpaw`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from datasets.contract import Pairs

Words = tuple[str, ...]

_OTHER = {"left": "right", "right": "left", "l": "r", "r": "l"}
_LONG = {"l": "left", "r": "right"}
_MIDDLE = frozenset(
    {
        *("nose", "neck", "head", "top", "bottom", "chin", "mouth", "pelvis", "thorax", "torso", "chest"),
        *("spine", "back", "tail", "root", "base", "end", "tip", "withers", "throat", "belly", "body"),
        *("center", "centre", "middle", "snout", "beak", "crown", "forehead", "of", "the", "upper", "lower"),
        *("mid"),
    }
)
"""Words of names that have no side since they lie in the middle."""


def words(name: str) -> Words:
    """`leftEye` -> (`left`, `eye`), `REar_2` -> (`r`, `ear`, `2`)."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)", "_", name)
    return tuple(word for word in re.split(r"[\s_.-]+", apart.lower()) if word)


def without_side(name: Words) -> str:
    """(`left`, `eye`) -> `eye`: the words but the first that is a side, if others are left."""
    place = next((index for index, word in enumerate(name) if word in _OTHER), None)
    left = name if place is None or len(name) == 1 else name[:place] + name[place + 1 :]
    return "_".join(left)


def flip_pairs(names: Sequence[str]) -> Pairs | None:
    """Indices of left and right partners, or None where it isn't known what a mirror image changes."""
    pairs = _partners(tuple(names))
    if unpaired(names):
        return None
    by_left = sorted(pairs, key=lambda pair: left_first(pair, names))
    return tuple((min(pair), max(pair)) for pair in by_left)


def unpaired(names: Sequence[str]) -> tuple[str, ...]:
    """The names for which pictures can't be mirrored: of one side without the other.

    Nor where keypoints are numbered, or where no name has a side, but for those that lie in the middle of a
    body for certain: whoever calls keypoints `1` and `2` may mean two eyes.
    """
    pairs = _partners(tuple(names))
    paired = {index for pair in pairs for index in pair}
    without = [(name, words(name)) for index, name in enumerate(names) if index not in paired]
    plain = Counter(_plain(split) for _, split in without)
    no_side = not pairs and len(names) > 1
    return tuple(
        name
        for name, split in without
        if _has_side(split) or (not _in_the_middle(split) and (no_side or plain[_plain(split)] > 1))
    )


def left_first(pair: tuple[int, int], names: Sequence[str]) -> tuple[int, int]:
    """The indices of two partners, the left one first."""
    (a, b), (one, other) = pair, (words(names[index]) for index in pair)
    ways = (way for swapped in _SWAPS for way in swapped(one))
    sides = [side for side, way in ways if way == other]
    return (a, b) if sides and sides[0] == "left" else (b, a)


@cache
def _partners(names: tuple[str, ...]) -> list[tuple[int, int]]:
    """Pairs of indices, found by the strictest spelling first; a name with two candidates has none."""
    split = [words(name) for name in names]
    free, pairs = set(range(len(names))), []
    for swapped in _SWAPS:
        mirrored = {index: {way for _, way in swapped(split[index])} for index in free}
        near = {i: [j for j in free if i != j and split[j] in ways] for i, ways in mirrored.items()}
        found = [(i, js[0]) for i, js in near.items() if len(js) == 1 and i < js[0] and near[js[0]] == [i]]
        pairs += found
        free -= {index for pair in found for index in pair}
    return pairs


def _plain(name: Words) -> Words:
    """Without numbers."""
    return tuple(word for word in name if not word.isdigit())


def _in_the_middle(name: Words) -> bool:
    return bool(_plain(name)) and _MIDDLE.issuperset(_plain(name))


def _has_side(name: Words) -> bool:
    return any(word in _OTHER or "left" in word or "right" in word for word in name)


def _alike(name: Words) -> Iterator[tuple[str, Words]]:
    """`l_ear` -> `r_ear`: what it would be called on the other side, and the side that it is on."""
    for index, word in enumerate(name):
        if word in _OTHER:
            yield _LONG.get(word, word), (*name[:index], _OTHER[word], *name[index + 1 :])


def _otherwise(name: Words) -> Iterator[tuple[str, Words]]:
    """`l_ear` -> `right_ear` and `ear_right`, as sets that were put together call it."""
    for index, word in enumerate(name):
        if word in _OTHER:
            side, rest = _LONG.get(word, word), (*name[:index], *name[index + 1 :])
            for other in (_OTHER[side], _OTHER[side][0]):
                yield from ((side, (*rest[:at], other, *rest[at:])) for at in range(len(rest) + 1))


def _joined(name: Words) -> Iterator[tuple[str, Words]]:
    """`leftear` -> `rightear`, `lear` -> `rear`, `fl_paw` -> `fr_paw`."""
    for index, word in enumerate(name):
        before, after = name[:index], name[index + 1 :]
        for side in ("left", "right"):
            if side in word:
                yield side, (*before, word.replace(side, _OTHER[side], 1), *after)
        if len(word) > 1 and word[0] in "lr":
            yield _LONG[word[0]], (*before, _OTHER[word[0]] + word[1:], *after)
        if len(word) > 1 and word[-1] in "lr":
            yield _LONG[word[-1]], (*before, word[:-1] + _OTHER[word[-1]], *after)


_SWAPS = (_alike, _otherwise, _joined)
