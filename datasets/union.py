"""Every data set there is. A new one is a folder of its own, and a name in the union."""

from pathlib import Path
from typing import Annotated, get_args

from pydantic import Discriminator

from datasets.base.data_set import DataSet
from datasets.base.pose_data import PoseData
from datasets.coco.config import CocoKeypoints
from datasets.coco.layout import find_annotations
from datasets.human36m.config import Human36MPose
from datasets.mpii.config import MpiiPose
from datasets.retina.config import RetinaBoundaries

Union = CocoKeypoints | MpiiPose | Human36MPose | RetinaBoundaries

DataConfig = Annotated[Union, Discriminator("kind")]
"""The configuration of a data set, told apart by its `kind`."""

DATA_SETS: tuple[type[DataSet], ...] = get_args(Union)


def benchmarks() -> tuple[DataConfig, ...]:
    """Every benchmark as it is published, on files that need not be at hand."""
    return tuple(kind(source=kind.folder()) for kind in get_args(Union))


def data_set(name: str) -> type[DataSet]:
    """The data set of that name.

    Raises:
        KeyError: there is none.
    """
    return {kind.name: kind for kind in DATA_SETS}[name]


def sets_in(root: Path) -> tuple[type[DataSet], ...]:
    """The data sets that lie in a folder.

    Raises:
        DataError: there is none; names what COCO's layout lacks, the most common one.
    """
    found = [kind for kind in DATA_SETS if kind.folder.is_in(root)]
    # The annotations of another set may lie in annotations/ too.
    others = (kind for kind in found if issubclass(kind, PoseData) and kind is not CocoKeypoints)
    if any(kind.folder.locate(root) == root for kind in others):
        found = [kind for kind in found if kind is not CocoKeypoints]
    if not found:
        find_annotations(root)
    return tuple(found)
