"""People or boundaries in a series of pictures: found, written as results and drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from datasets.io.errors import DataError
from datasets.io.problems import Problem, parse_each
from orchestrator.inference.boxes import BoxPlan, PictureBoxes
from orchestrator.inference.found import Finder, Result
from orchestrator.inference.model_store import Trained
from orchestrator.inference.outputs import Outputs
from orchestrator.inference.people import PeopleFinder
from orchestrator.inference.picture_names import shortest_names
from orchestrator.inference.scans import BoundaryFinder
from orchestrator.training.runtime import SingleProcess

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Of the files in a folder that count as pictures."""

VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
"""Of files that are no pictures, but hold some."""


@dataclass(frozen=True)
class Predicted:
    """What was written."""

    results: Sequence[Result]
    pictures: int  # in which something was found
    broken: Sequence[Problem]  # pictures that could not be read, or not be drawn


def find_pictures(inputs: Sequence[Path]) -> tuple[Path, ...]:
    """Pictures and the pictures in folders, each once, those of a folder by name.

    Raises:
        DataError: a folder has none, or a video was named.
    """
    found: list[Path] = []
    for given in (path.expanduser() for path in inputs):
        inside = sorted(_pictures_in(given)) if given.is_dir() else [given]
        if not inside:
            raise _no_pictures(given)
        for one in inside:
            if one.suffix.lower() in VIDEOS:
                raise DataError(one, "is a video, not a picture", remedy=_frames(one), code="video")
        found.extend(inside)
    return tuple(dict.fromkeys(found))


def finder(trained: Trained, plan: BoxPlan) -> Finder:
    """The model, on a GPU if there is one.

    Raises:
        DataError: it predicts neither people nor boundaries, or boundaries and there are boxes.
    """
    runtime = SingleProcess(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    boundaries = BoundaryFinder.of(trained, runtime)
    if boundaries is None:
        return PeopleFinder.of(trained, runtime, plan.category)
    if any(one.boxes is not None for one in plan.pictures):
        problem, remedy = "a model of retinas sees whole scans", "Leave --boxes out"
        raise DataError(trained.path, problem, remedy=remedy, code="no-use-of-boxes")
    return boundaries


def predict(
    found: Finder, plan: BoxPlan, pictures: Iterable[PictureBoxes], outputs: Outputs, inputs: Iterable[Path]
) -> Predicted:
    """Write the results, and of each picture a drawing.

    Args:
        pictures: those of the plan, in its order; iterating over them may show progress.
        inputs: files that must stay as they are, beside the pictures.

    Raises:
        DataError: `outputs` can't be written to, or something lies there that must not be written over.
    """
    everything = [one.picture for one in plan.pictures]
    drawings, names = drawing_names(everything), shortest_names(everything)
    outputs.prepare(drawings.values(), [*everything, *inputs])
    results: list[Result] = []
    seen: set[Path] = set()
    unwritable: list[OSError] = []

    def one(boxes: PictureBoxes) -> None:
        here = found.find(boxes, names[boxes.picture])
        results.extend(here.results)
        seen.update([boxes.picture] if here.results else [])
        if unwritable:
            return
        try:
            outputs.draw(drawings[boxes.picture], boxes.picture, here.drawn)
        except OSError as error:  # the results may still find a place
            unwritable.append(error)

    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False, fp32_precision="ieee"):
        _, broken = parse_each(one, pictures)
    outputs.write(results, found.lines(results))
    if unwritable:
        raise outputs.not_writable(unwritable[0])
    return Predicted(results, len(seen), broken)


def drawing_names(pictures: Iterable[Path]) -> dict[Path, str]:
    """The name of each picture's drawing, each another: `street.jpg`, `street-2.jpg`."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for picture in pictures:
        number, name = 1, f"{picture.stem}.jpg"
        while name.lower() in taken:
            number += 1
            name = f"{picture.stem}-{number}.jpg"
        taken.add(name.lower())
        names[picture] = name
    return names


def videos_in(inputs: Sequence[Path]) -> tuple[Path, ...]:
    """Videos in folders: nothing looks at them."""
    folders = (path.expanduser() for path in inputs if path.expanduser().is_dir())
    return tuple(p for folder in folders for p in sorted(folder.iterdir()) if p.suffix.lower() in VIDEOS)


def _no_pictures(folder: Path) -> DataError:
    """With a hint at what lies there instead."""
    videos = videos_in([folder])
    if videos:
        problem = f"holds no pictures, but {len(videos)} video{'s' * (len(videos) > 1)}"
        return DataError(folder, problem, remedy=_frames(videos[0]), code="no-pictures")
    remedy = f"Pictures are called *{', *'.join(SUFFIXES)}"
    return DataError(folder, "holds no pictures", remedy=remedy, code="no-pictures")


def _frames(video: Path) -> str:
    """How to get pictures out of it."""
    return f"Take its frames out first, such as `mkdir frames && ffmpeg -i {video.name} frames/%06d.png`"


def _pictures_in(folder: Path) -> list[Path]:
    found = (path for path in folder.iterdir() if not path.name.startswith("."))  # macOS leaves ._1.jpg
    return [path for path in found if path.suffix.lower() in SUFFIXES]
