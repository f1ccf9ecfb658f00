"""Training samples a second on one core: from files as usual, from files with one warp, and from packs."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.coco.samples import SplitSamples
from datasets.contract import Batch, DataPaths
from datasets.crops.pose_split import PoseSplit
from datasets.io.errors import DataError
from datasets.synthetic.people.people import People, write
from datasets.synthetic.people.scene import Framing
from models.regressor import PixelNormalisation
from orchestrator.bench.plain_data import PlainDataset, batch
from orchestrator.bench.result import Finding, Grid, Tell, significant
from orchestrator.bench.timing import Times, compete

BATCH = 32
SAMPLES = 192
"""Samples of a pass, so that a pass over large pictures takes about a second."""

LARGEST = 2000
"""Samples of a set that is packed for the benchmark alone."""

GENERATED = People(
    train=48,
    val=1,
    framing=Framing(width=640, height=480, people=(0.0, 0.0, 1.0), figure=(200.0, 400.0)),
)
"""Like COCO's in size and in people a picture."""

DESCRIPTION = (
    "Augmented crops of 256×192 in batches of up to 32, all files in the page cache. The order is random "
    "and no batch contains an image twice, as is typical of a large set; in the rows that decode each "
    "image once for all of its people, the order is by image, as in validation. The baseline creates "
    "samples like the authors' data set: it decodes the whole image, flips it in a separate pass, warps "
    "once, makes heatmaps that regression does not use, and normalises to float32 on the CPU. All others "
    "give uint8, which the network normalises; the last row includes that normalisation. JPEG is "
    "`--no-pack`."
)

Indices = list[list[int]]


@dataclass(frozen=True)
class Source:
    """A training split: its annotations, and its samples from a pack and from the pictures' files."""

    config: CocoKeypoints
    half: SplitSamples
    split: PoseSplit
    unpacked: PoseSplit

    def random_order(self) -> Indices:
        """Batches in random order, none of which has a picture twice: first those of one person of every
        picture, then those of a second person, and so on."""
        rows = np.random.default_rng(0).permutation(self._rows())
        picture = self.half.samples.picture[rows]
        turn = np.array([np.count_nonzero(picture[:n] == number) for n, number in enumerate(picture)])
        return [part for number in range(turn.max() + 1) for part in _batches(rows[turn == number])]

    def by_picture(self) -> Indices:
        """The same samples, the people of a picture one after the other."""
        return _batches(self._rows())

    def _rows(self) -> NDArray[np.int64]:
        """Samples of a pass, whole pictures as far as they go."""
        return np.argsort(self.half.samples.picture, kind="stable")[:SAMPLES]


def measure(tell: Tell, root: Path | None = None, rounds: int = 5) -> Finding:
    """Time every way to make samples.

    Args:
        root: a set in COCO's layout; generated pictures if None.

    Raises:
        DataError: the set in `root` is not as it should be.
    """
    with tempfile.TemporaryDirectory(prefix="rle-lab-bench-") as folder:
        source = prepare(root, Path(folder), tell)
        tell(f"{rounds} rounds")
        return timed(source, rounds)


def timed(source: Source, rounds: int) -> Finding:
    """Every way to make samples, a row each."""
    times = compete(contestants(source), rounds)
    rows = tuple(_row(name, times, source) for name in times.seconds)
    title = f"Samples per second per core, {_in_words(source)}"
    grid = Grid(title, ("", "samples/s", "ratio", "bytes per sample"), rows, compared="ratio")
    return Finding("data", DESCRIPTION, (grid,))


def contestants(source: Source) -> Mapping[str, Callable[[], None]]:
    """A pass over the samples in each way, the baseline first. One line adds another."""
    order, grouped = source.random_order(), source.by_picture()
    plain = PlainDataset(
        source.half, source.split.size, source.config.augment, source.config.padding, source.split.pairs
    )
    split, unpacked, normalise = source.split, source.unpacked, PixelNormalisation("imagenet")
    return {
        "authors' implementation": _pass(lambda rows: batch(plain, rows), order),
        "JPEG, one image per sample": _pass(lambda rows: _load(unpacked, rows), order),
        "JPEG, one image for all of its people": _pass(lambda rows: _load(unpacked, rows), grouped),
        "pack": _pass(lambda rows: _load(split, rows), order),
        "pack, normalised": _pass(lambda rows: normalise(_load(split, rows).image), order),
    }


def prepare(root: Path | None, folder: Path, tell: Tell) -> Source:
    """Generate pictures into `folder` unless there is a `root`, and pack them there.

    Raises:
        DataError: the set in `root` is not as it should be.
    """
    if root is None:
        tell("generating pictures")
        root = folder / "people"
        write(GENERATED, root, workers=1)
    tell("packing")
    bound = CocoFolder.bind(root)
    half = bound.read(root).train
    if len(half.samples.id) > LARGEST:
        raise DataError(
            root,
            f"{len(half.samples.id)} people are more than the {LARGEST} that are packed for a benchmark",
            remedy="Name a smaller set",
        )
    config, place = CocoKeypoints(source=bound), DataPaths(folder / "cache", root)
    return Source(config, half, _opened(config, place), _opened(config, replace(place, pack=False)))


def _opened(config: CocoKeypoints, place: DataPaths) -> PoseSplit:
    config.prepare(place)
    return config.open(place, seed=0).train


def _load(split: PoseSplit, rows: list[int]) -> Batch:
    return split.__getitems__([(0, row) for row in rows])


def _batches(rows: NDArray[np.int64]) -> Indices:
    return [rows[start : start + BATCH].tolist() for start in range(0, len(rows), BATCH)]


def _row(name: str, times: Times, source: Source) -> tuple[str, ...]:
    speed = min(SAMPLES, len(source.split)) / times.median(name)
    return name, f"{speed:,.0f}", significant(times.ratio(name)), f"{_bytes(name, source):,.0f}"


def _bytes(name: str, source: Source) -> float:
    """On the disk, of pictures that have samples, or of the pack."""
    if name.startswith("pack"):
        return float(source.split.pack.about["bytes"] / len(source.split))
    used = np.unique(source.half.samples.picture).tolist()
    files = (source.half.annotations.pictures[index].path for index in used)
    return float(sum(file.stat().st_size for file in files)) / len(source.split)


def _in_words(source: Source) -> str:
    people, pictures = len(source.split), len(np.unique(source.half.samples.picture))
    return f"{people} people in {pictures} pictures"


def _pass(load: Callable[[list[int]], object], batches: Indices) -> Callable[[], None]:
    def go() -> None:
        for rows in batches:
            load(rows)

    return go
