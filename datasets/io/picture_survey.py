"""First bytes of all pictures of a set: which of them need a rule to be read by, and how many."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple

from datasets.io.assumptions import Assumed
from datasets.io.errors import DataError
from datasets.io.image import traits_of
from datasets.io.orientation import UPRIGHT, Convention, Size
from datasets.io.regular_file import head

Claim = tuple[Path, Size | None]
"""A picture and the size that annotations claim, if they do."""

Rule = Literal["shown", "stored", "16 bits"]
"""How pictures are read that need a rule: by which convention of orientation, and scaled from 16 bits."""

_Kind = Literal["shown", "stored", "silent", "deep", "transparent"]

_THREADS = 8  # that wait for a disk
_HEAD = 4096
_START_OF_IMAGE, _APP1, _TABLES = b"\xff\xd8", 0xE1, (0xC4, 0xC8, 0xCC)

_BY_SIZE = {
    "shown": "{n} {picture is|pictures are} turned upright by {its|their} EXIF orientation, as "
    "{its size says|their sizes say}",
    "stored": "{n} {picture is|pictures are} taken as stored, without {its|their} EXIF orientation, as "
    "{its size says|their sizes say}",
}
_BY_RULE: dict[Convention, str] = {
    "shown": "{{n}} {{picture is|pictures are}} turned upright by {{its|their}} EXIF orientation, {why}",
    "stored": "{{n}} {{picture is|pictures are}} taken as stored, without {{its|their}} EXIF orientation, "
    "{why}",
}
_DEEP = "{n} {picture has|pictures have} 16 bits a channel: their range, 0 to 65,535, becomes 0 to 255"
_TRANSPARENT = "{n} {picture is|pictures are} partly transparent: transparency is ignored"


class Traits(NamedTuple):
    """How many pictures of a set are of a kind."""

    counts: Counter[_Kind]

    def convention(self, chosen: Convention | None) -> Convention:
        """Of pictures whose size does not tell: as chosen, or as most of those that tell, or as shown."""
        return chosen or ("stored" if self.counts["stored"] > self.counts["shown"] else "shown")

    def rules(self, chosen: Convention | None) -> tuple[Rule, ...]:
        """What the pixels depend on beside the files. No picture may need any."""
        turned = self.counts["shown"] + self.counts["stored"] + self.counts["silent"]
        oriented: tuple[Rule, ...] = (self.convention(chosen),) if turned else ()
        return (*oriented, "16 bits") if self.counts["deep"] else oriented

    def assumed(self, chosen: Convention | None) -> Assumed:
        """The same in sentences."""
        if chosen:
            why = "as --exif says, since the size does not tell"
        elif self.counts["shown"] == self.counts["stored"]:
            why = "as programs show {it|them}, since the size does not tell (--exif stored for the other)"
        else:
            why = "as most whose size tells are (--exif for the other)"
        by_rule = _BY_RULE[self.convention(chosen)].format(why=why)
        by_size = {_BY_SIZE[kind]: self.counts[kind] for kind in ("shown", "stored")}
        return {
            **by_size,
            by_rule: self.counts["silent"],
            _DEEP: self.counts["deep"],
            _TRANSPARENT: self.counts["transparent"],
        }


def look(claims: Sequence[Claim]) -> Traits:
    """Read the first bytes of pictures. Those that are missing or broken are not counted."""
    with ThreadPoolExecutor(_THREADS) as threads:
        step = max(1, -(-len(claims) // _THREADS))
        parts = [claims[start : start + step] for start in range(0, len(claims), step)]
        found = threads.map(lambda part: Counter(kind for one in part for kind in _kinds(*one)), parts)
        return Traits(sum(found, Counter[_Kind]()))


def _kinds(path: Path, claimed: Size | None) -> Iterator[_Kind]:
    try:
        if _is_plain(head(path, _HEAD)):
            return
        header, deep, transparent = traits_of(path)
    except (OSError, DataError):
        return
    if header.orientation != UPRIGHT:
        yield header.convention(claimed) or "silent"
    if deep:
        yield "deep"
    if transparent:
        yield "transparent"


def _is_plain(first: bytes) -> bool:
    """Whether this is a JPEG whose frame begins before any EXIF or XMP, as most do: no decoder is needed."""
    if first[:2] != _START_OF_IMAGE:
        return False
    place = 2
    while place + 4 <= len(first) and first[place] == 0xFF:
        marker = first[place + 1]
        if marker == _APP1:
            return False
        if 0xC0 <= marker <= 0xCF and marker not in _TABLES:
            return True
        place += 2 + int.from_bytes(first[place + 2 : place + 4])
    return False
