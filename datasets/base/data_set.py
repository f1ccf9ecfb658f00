"""The base of every data set's configuration."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, Self

from datasets.base.annotated_folder import AnnotatedFolder
from datasets.base.folder import DataRoot, Folder
from datasets.config import Frozen, Side, Source
from datasets.contract import Data, DataPaths, Pairs
from datasets.crops.pack import Progress
from datasets.io.errors import DataError
from datasets.skeleton import Skeleton

Contents = Mapping[Folder, Any]
"""What was read of folders before, by the value that describes each: `DataRoot.contents`."""

NOTHING_READ: Contents = MappingProxyType({})


class Report(Protocol):
    """What preparing found."""

    def sentence(self) -> str:
        """For the console."""
        ...


class DataSet(Frozen):
    """The configuration of a data set: where its samples come from, and how they are cropped.

    A subclass has a `kind`, a union of sources discriminated by their kinds, and these class variables:

        name: in tables, files and on the command line.
        benchmark, stand_in: what tables say they were measured on, for the set itself and for generated data.
        headline: the metric by which the benchmark is known, a key of what `metrics` returns.
        folder: the class that describes a copy on the disk. Without arguments it stands for the benchmark.

    Of a set of your own that is generated, `benchmark` and `folder` may be missing.
    """

    name: ClassVar[str]
    benchmark: ClassVar[str]
    stand_in: ClassVar[str]
    headline: ClassVar[str]
    folder: ClassVar[type[Folder]]

    source: Source
    size: tuple[Side, Side] = (256, 256)  # of the crop, (H, W)

    @property
    def points(self) -> int:
        """P: points of a sample."""
        raise NotImplementedError

    @property
    def dim(self) -> int:
        """D: coordinates of a point."""
        raise NotImplementedError

    @property
    def flip_pairs(self) -> Pairs | None:
        """Points that change places in a mirror image; None where nothing is ever mirrored."""
        return None

    @property
    def skeleton(self) -> Skeleton | None:
        """The points as they are drawn; None where they are no person's."""
        return None

    @property
    def measured_on(self) -> str:
        """What a table was measured on, in words."""
        return self.stand_in if self.source.generated else self.benchmark

    @property
    def called(self) -> str:
        """What the names of runs call it."""
        return self.name

    @property
    def published(self) -> bool:
        """Whether it is the benchmark as the paper has it, so that numbers compare with the paper's."""
        return not self.source.generated and not self.caveat

    @property
    def caveat(self) -> str:
        """What sets this copy apart from the benchmark, or nothing."""
        return ""

    @property
    def assumed(self) -> tuple[str, ...]:
        """What was assumed about the user's files, a sentence each, after the name of the set."""
        said = self.source.assumed if isinstance(self.source, Folder) else ()
        return tuple(f"{self.name}: {sentence}" for sentence in said)

    @property
    def variant(self) -> str:
        """What sets this configuration apart from others of the set, for the names of runs; or nothing."""
        return ""

    @property
    def train_samples(self) -> int | None:
        """To train on, where that is known before the data are prepared."""
        return self.source.train_samples if isinstance(self.source, AnnotatedFolder) else None

    def fingerprint(self) -> str:
        """16 hex digits of the source: which data these are, whatever is done with them."""
        return self.source.fingerprint()

    def bind(self, root: DataRoot) -> Self:
        """The same, on the user's files.

        Raises:
            DataError: the root does not hold such data, a file of it is wrong, or the set has no `folder`.
        """
        folder = getattr(type(self), "folder", None)
        if folder is None:
            remedy = "Leave out --data-root, or give its class a `folder`"
            raise DataError(
                root.path, f"{self.name} is not read from a folder", remedy=remedy, code="no-folder"
            )
        return self.varied(source=root.bind(folder))

    def varied(self, **changes: Any) -> Self:
        """With some fields changed, validated again."""
        return type(self)(**{name: getattr(self, name) for name in type(self).model_fields} | changes)

    def epochs_for(self, before: "DataSet") -> int:
        """How many times the epochs a schedule needs here that was made for the set `before`."""
        return 1

    def prepare(
        self, place: DataPaths, progress: Progress | None = None, contents: Contents = NOTHING_READ
    ) -> Report:
        """Make everything that `open` needs: generate data if need be, read, check, decode.

        What is there already is not made again; files are read and compared with the digest each time, unless
        `contents` has what was read of them. Two processes may prepare the same data.

        Args:
            progress: called with files done and in all, once through for each step.

        Raises:
            DataError: anything is wrong with the files; before any training starts.
        """
        raise NotImplementedError

    def open(self, place: DataPaths, seed: int) -> Data:
        """The prepared data; cheap.

        Args:
            seed: of the augmentation.

        Raises:
            NotPreparedError: `prepare` has not been run at this place.
        """
        raise NotImplementedError

    def _contents(self, place: DataPaths, contents: Contents) -> Any:
        """What the folder holds, read before or now; None for generated data."""
        if not isinstance(self.source, Folder):
            return None
        return contents[self.source] if self.source in contents else self.source.read(place.root)

    def _generated_folder(self, place: DataPaths, prefix: str) -> Path:
        """Where generated data lie."""
        return place.cache.absolute() / f"{prefix}-{self.source.fingerprint()}"
