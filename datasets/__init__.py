"""Data sets of poses and of retinal boundaries: files to samples to metrics. Imports no model.

A data set is a frozen configuration. `prepare` reads, checks and decodes once; `open` gives splits for
training and validation, and the benchmark's metrics. Its source is a generator, such as `People`, or a copy
of the set on the disk, such as `CocoFolder.bind(Path("coco"))`.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from datasets import CocoKeypoints, DataPaths, People, Predictions
    >>> config = CocoKeypoints(source=People(train=4, val=4), size=(64, 48))
    >>> folder = tempfile.TemporaryDirectory()
    >>> paths = DataPaths(cache=Path(folder.name))
    >>> report = config.prepare(paths)
    >>> data = config.open(paths, seed=0)
    >>> epoch = 0
    >>> batch = data.train.__getitems__([(epoch, 0), (epoch, 1)])
    >>> tuple(batch.image.shape), tuple(batch.target.shape)
    ((2, 64, 48, 3), (2, 17, 2))

Predictions in the coordinates of `Batch.target` are scored as the benchmark does:

    >>> val = data.val.__getitems__([(0, index) for index in range(len(data.val))])
    >>> mu = val.target.numpy()
    >>> perfect = Predictions(id=val.id.numpy(), mu=mu, sigma=None, score=0 * mu[..., 0] + 1)
    >>> round(data.metrics(perfect)["AP"])
    100
    >>> folder.cleanup()

The metrics are functions of arrays, too:

    >>> import numpy as np
    >>> from datasets import oks
    >>> truth, seen = np.zeros((17, 2)), np.ones(17, bool)
    >>> float(oks(truth, truth, seen, area=np.float64(900), sigmas=np.full(17, 0.05)))
    1.0

`datasets.public` lists all names. `import datasets` alone loads none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets.public import *  # noqa: F403


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("datasets.public"), name)
