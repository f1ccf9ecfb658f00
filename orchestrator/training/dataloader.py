"""Batches of a split, in this process or from others that load ahead of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch.utils.data import DataLoader

from datasets.contract import Batch, Key, Split
from datasets.io.errors import DataError
from orchestrator.training.runtime import Runtime


def load(split: Split, keys: Sequence[Sequence[Key]], runtime: Runtime) -> Iterator[Batch]:
    """The batches of these keys, each loaded by one call of the split.

    Raises:
        DataError: a sample can't be loaded, in whichever process.
    """
    loader: DataLoader[Batch | DataError] = DataLoader(
        _ErrorsAsValues(split),  # type: ignore[arg-type]  # it loads batches only
        batch_sampler=keys,  # type: ignore[arg-type]  # torch accepts any iterable of lists
        collate_fn=_uncollated,  # type: ignore[arg-type]  # a batch comes whole
        num_workers=runtime.loader_workers,
        pin_memory=runtime.device.type == "cuda",
    )
    for batch in loader:
        if isinstance(batch, DataError):
            raise batch
        yield batch


@dataclass(frozen=True)
class _ErrorsAsValues:
    """A split that returns its errors: one raised in a loader's process would arrive as the text of a
    traceback."""

    split: Split

    def __getitems__(self, keys: Sequence[Key]) -> Batch | DataError:
        try:
            return self.split.__getitems__(keys)
        except DataError as error:
            return error


def _uncollated(batch: Batch | DataError) -> Batch | DataError:
    return batch
