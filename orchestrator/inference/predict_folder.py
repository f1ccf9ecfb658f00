"""People or boundaries in a series of pictures: found, written as results and drawn."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
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
from orchestrator.inference.picture_names import SUFFIXES, VIDEOS, shortest_names
from orchestrator.inference.scans import BoundaryFinder
from orchestrator.training.runtime import SingleProcess


@dataclass(frozen=True)
class Predicted:
    """What was written."""

    results: Sequence[Result]
    pictures: int  # in which something was found
    broken: Sequence[Problem]  # pictures that could not be read, or not be drawn


def find_pictures(inputs: Sequence[Path]) -> tuple[Path, ...]:
    """Pictures and the pictures in folders, each once, those of a folder by name.

    Raises:
        DataError: a folder has none.
    """
    found: list[Path] = []
    for given in (path.expanduser() for path in inputs):
        inside = sorted(_pictures_in(given)) if given.is_dir() else [given]
        if not inside:
            raise _no_pictures(given)
        found.extend(inside)
    return tuple(dict.fromkeys(found))


def find_videos(inputs: Sequence[Path]) -> tuple[Path, ...]:
    """The videos that were named, each once; none where pictures or folders were.

    Raises:
        DataError: both were.
    """
    given = dict.fromkeys(path.expanduser() for path in inputs)
    videos = tuple(path for path in given if path.suffix.lower() in VIDEOS and not path.is_dir())
    if videos and len(videos) < len(given):
        problem = "is a video, and others that are named are not"
        raise DataError(videos[0], problem, remedy="Use two commands", code="pictures-and-videos")
    return videos


def finder(trained: Trained, category: int, *, boxes: bool) -> Finder:
    """The model, on a GPU if there is one.

    Args:
        category: of COCO, of those who are found.
        boxes: whether there are any.

    Raises:
        DataError: it predicts neither people nor boundaries, or boundaries and there are boxes.
    """
    runtime = SingleProcess(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    boundaries = BoundaryFinder.of(trained, runtime)
    if boundaries is None:
        return PeopleFinder.of(trained, runtime, category)
    if boxes:
        problem, remedy = "a model of retinas sees whole scans", "Leave --boxes out"
        raise DataError(trained.path, problem, remedy=remedy, code="no-use-of-boxes")
    return boundaries


def as_exported() -> AbstractContextManager[None]:
    """Computes in float32 on GPUs too, as an exported model does."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False, fp32_precision="ieee")


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

    with as_exported():
        _, broken = parse_each(one, pictures)
    outputs.write(results, found.lines(results))
    if unwritable:
        raise outputs.not_writable(unwritable[0])
    return Predicted(results, len(seen), broken)


def drawing_names(pictures: Iterable[Path], suffix: str = ".jpg") -> dict[Path, str]:
    """The name of each picture's drawing, each another: `street.jpg`, `street-2.jpg`."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for picture in pictures:
        number, name = 1, f"{picture.stem}{suffix}"
        while name.lower() in taken:
            number += 1
            name = f"{picture.stem}-{number}{suffix}"
        taken.add(name.lower())
        names[picture] = name
    return names


def videos_in(inputs: Sequence[Path]) -> tuple[Path, ...]:
    """Videos in folders, of which the pictures are taken."""
    folders = (path.expanduser() for path in inputs if path.expanduser().is_dir())
    return tuple(p for folder in folders for p in sorted(folder.iterdir()) if p.suffix.lower() in VIDEOS)


def _no_pictures(folder: Path) -> DataError:
    """With a hint at what lies there instead."""
    videos = videos_in([folder])
    remedy = f"Pictures are called *{', *'.join(SUFFIXES)}"
    if not videos:
        return DataError(folder, "holds no pictures", remedy=remedy, code="no-pictures")
    problem = f"holds no pictures, but {len(videos)} video{'s' * (len(videos) > 1)}"
    remedy = f"Name videos themselves, such as {videos[0]}"
    return DataError(folder, problem, remedy=remedy, code="no-pictures")


def _pictures_in(folder: Path) -> list[Path]:
    found = (path for path in folder.iterdir() if not path.name.startswith("."))  # macOS leaves ._1.jpg
    return [path for path in found if path.suffix.lower() in SUFFIXES]
