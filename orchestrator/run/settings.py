"""The settings of a run."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.schema.limits import MAX_SEEDS
from orchestrator.tracking.uri import sqlite_uri
from orchestrator.util.mathematics import Precision

if TYPE_CHECKING:
    from datasets.contract import DataPaths
    from datasets.io.orientation import Convention
    from orchestrator.schedule.cluster import ResourceRequest

SEEDS: dict[str, int] = {"smoke": 1, "demo": 3, "photos": 1, "paper": 1}


@dataclass(frozen=True)
class RunSettings:
    """What the user asked for, with every default filled in and every path absolute."""

    scale: str
    seeds: tuple[int, ...]
    results: Path
    tracking_uri: str
    storage: str
    data_root: Path | None = None
    detections: Path | None = None
    skip_broken: bool = False
    pack: bool = True
    workers: int | None = None
    gpus_per_worker: float | None = None
    concurrent: int | None = None
    only: tuple[str, ...] = ()
    fresh: bool = False
    dry_run: bool = False
    until_decided: bool = False
    exif: "Convention | None" = None  # as in `DataRoot`
    allow_outside: bool = False
    max_seeds: int = MAX_SEEDS
    vary: tuple[str, ...] = ()  # FIELD=VALUE,VALUE of rows to add
    precision: Precision | None = None  # of recipes that allow bf16; None leaves it to them
    sigmas: Path | None = None
    experiment_prefix: str = ""
    epochs: int | None = None  # None leaves it to the recipe
    batch: int | None = None  # the same
    json: bool = False  # whether what was found is printed as JSON, the console being that of errors
    system_metrics: bool = False  # whether trainings report how busy their machines are
    weights: Path | None = None  # of trunks before training; None leaves them to the recipe

    @property
    def report(self) -> str:
        """The report that the tables go into: one a scale and data set."""
        return self.scale if self.data_root is None else f"{self.scale}-{self.data_root.name}"

    @property
    def resources(self) -> "ResourceRequest":
        """What the user asks of the cluster."""
        from orchestrator.schedule.cluster import ResourceRequest

        return ResourceRequest(self.workers, self.gpus_per_worker, self.concurrent)

    @property
    def paths(self) -> "DataPaths":
        """Where data lie."""
        from datasets.contract import DataPaths

        return DataPaths(self.cache, self.data_root, self.pack)

    @property
    def cache(self) -> Path:
        """Where generated data and packs lie."""
        return cache_of(self.storage)


def cache_of(storage: str) -> Path:
    """Where generated data and packs lie: beside the checkpoints, or for a URI in the user's cache, where
    each node makes its own."""
    if "://" in storage:
        return Path.home() / ".cache" / "rle-lab"
    return Path(storage) / "data"


def results_and_store(arguments: argparse.Namespace) -> tuple[Path, Path]:
    """The results folder, and the folder of the store: inside given results, or a common one by default."""
    if arguments.results is not None:
        results = arguments.results.expanduser().absolute()
        return results, results / "store"
    name = arguments.scale
    if getattr(arguments, "data_root", None) is not None:
        name = f"{name}-{arguments.data_root.name}"
    return home() / name, home() / "store"


def home() -> Path:
    """The default results folder. A submitted job runs in a copy of the code that is deleted with it, so
    its results go to the user's home instead."""
    if "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:
        return Path.home() / "rle-lab"
    return Path("results").absolute()


def tracking_uri(given: str | None, store: Path) -> str:
    """The option, else the environment's, else a sqlite file in the store."""
    return given or os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(store / "mlflow.db")
