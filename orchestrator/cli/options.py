"""The command line that every sweep file and `rle-lab run` share."""

import argparse
import shlex
from collections.abc import Sequence

from orchestrator.cli.numbers import number, whole
from orchestrator.cli.paths import place, place_or_uri
from orchestrator.cli.shared_options import (
    add_json,
    add_no_pack,
    add_reading,
    add_scale,
    add_sigmas,
    existing_file,
    existing_folder,
)
from orchestrator.run.settings import SEEDS, RunSettings, results_and_store, tracking_uri
from orchestrator.schema.limits import MAX_SEEDS

MOST_SEEDS = 1000
"""Of a row: each is a training."""

MOST_GPUS = 1000
"""Of a worker."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run."""
    _add_selection(parser)
    _add_data(parser)
    _add_locations(parser)
    _add_cluster(parser)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what to run")
    add_scale(what)
    what.add_argument(
        "--seeds", type=_seeds, metavar="N", help="seeds 0 to N-1 (default: demo 3, otherwise 1)"
    )
    what.add_argument(
        "--until-decided",
        action="store_true",
        help="add seeds to the rows of undecided claims, after 4, 7, 12 and so on, until each is decided or "
        "has --max-seeds; instead of --seeds",
    )
    what.add_argument(
        "--max-seeds",
        type=_seeds,
        default=MAX_SEEDS,
        metavar="N",
        help="seeds of a row at most, at which the level of its tests is used up; a table keeps the number "
        "that it was first run with (default: %(default)s)",
    )
    _add_rows(what)
    _add_length(what)
    what.add_argument(
        "--weights",
        type=existing_file,
        metavar="FILE",
        help="what the network begins with, in place of the recipe's: a state dict of timm (--scale photos) "
        "or torchvision (--scale paper), .pth or .safetensors. Its content counts, not its name",
    )
    what.add_argument("--fresh", action="store_true", help="train again what is already finished")
    what.add_argument(
        "--dry-run",
        action="store_true",
        help="show the rows, their cost and what is already done, without running anything",
    )
    add_json(what, "what --dry-run finds, or at the end tables and verdicts,")


def _add_rows(what: "argparse._ArgumentGroup") -> None:
    what.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="ROW",
        help="run this row only, of every table that has it; repeatable",
    )
    _add_precision(what)
    what.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="FIELD=VALUE,...",
        help="add rows: the first of each table, or those of --only, with each of these values, such as "
        "objective.flow.width=16,32 or schedule.optimiser.lr=1e-3,3e-3; several are combined. --dry-run "
        "shows them; a later call without --vary makes the table without them again",
    )


def _add_precision(what: argparse._ActionsContainer) -> None:
    what.add_argument(
        "--precision",
        choices=["float32", "bf16"],
        help="of the backbone, in recipes that are not float32 anyway; name it for the same experiments on "
        "every machine (default: the recipe's; the demo's is bf16 where all that train multiply it)",
    )


def _add_length(what: argparse._ActionsContainer) -> None:
    what.add_argument(
        "--epochs",
        type=_positive,
        metavar="N",
        help="of every training, in place of the recipe's; its learning rate falls in the same parts of it",
    )
    what.add_argument(
        "--batch",
        type=_positive,
        metavar="N",
        help="samples a step, over all workers, in place of the recipe's; at most as many as there are to "
        "train on. Learning rates stay",
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("the data")
    data.add_argument(
        "--data-root",
        type=existing_folder,
        metavar="DIR",
        help="real data instead of generated: a set in COCO's layout (annotations/*.json and the pictures), "
        "or a folder that holds mpii/, h36m/ or dme/",
    )
    data.add_argument(
        "--detections",
        type=existing_file,
        metavar="FILE",
        help="detected boxes of the validation pictures, a COCO detection-results JSON (default: true ones)",
    )
    add_sigmas(data)
    data.add_argument(
        "--skip-broken",
        action="store_true",
        help="leave out broken records and pictures, and say how many; `rle-lab prepare` lists them",
    )
    add_reading(data)
    add_no_pack(data)


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    cluster = parser.add_argument_group("the cluster")
    cluster.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help="Ray Train workers a trial, each on its own GPU or CPU; 0 trains inside the trial's own process "
        "(default: 1 where the cluster has GPUs, otherwise 0)",
    )
    cluster.add_argument(
        "--gpus-per-worker", type=_share, metavar="G", help="default: 1 where there are GPUs"
    )
    cluster.add_argument(
        "--concurrent",
        type=_positive,
        metavar="K",
        help="trials at once (default: as many as fit the cluster)",
    )


def _add_locations(parser: argparse.ArgumentParser) -> None:
    locations = parser.add_argument_group("where things lie")
    locations.add_argument(
        "--results",
        type=place,
        metavar="DIR",
        help="tables, figures and report; also the default place of everything below "
        "(default: results/SCALE here, ~/rle-lab/SCALE in a submitted job)",
    )
    locations.add_argument(
        "--tracking-uri",
        metavar="URI",
        help="MLflow's store: sqlite:////path.db or http://server:port (default: $MLFLOW_TRACKING_URI, "
        "else a sqlite file under the results)",
    )
    locations.add_argument(
        "--experiment-prefix",
        default="",
        metavar="PREFIX",
        help="before the names of MLflow's experiments that are made, where others use the server too and "
        "a name is taken",
    )
    locations.add_argument(
        "--system-metrics",
        action="store_true",
        help="log processors, memory, disk and GPU of the machine that trains with each epoch, for MLflow's "
        "page of a run",
    )
    locations.add_argument(
        "--storage",
        type=place_or_uri,
        metavar="DIR|URI",
        help="checkpoints, packs and generated data: a folder that every node sees; or s3://... for the "
        "checkpoints alone, each node keeping its own data in ~/.cache/rle-lab (default: under the results)",
    )


def options(arguments: argparse.Namespace) -> RunSettings:
    """Fill in defaults. Relative paths mean the current folder."""
    results, store = results_and_store(arguments)
    return RunSettings(
        scale=arguments.scale,
        data_root=arguments.data_root,
        detections=arguments.detections,
        sigmas=arguments.sigmas,
        skip_broken=arguments.skip_broken,
        exif=arguments.exif,
        allow_outside=arguments.allow_outside,
        pack=arguments.pack,
        seeds=tuple(range(arguments.seeds or SEEDS[arguments.scale])),
        workers=arguments.workers,
        gpus_per_worker=arguments.gpus_per_worker,
        concurrent=arguments.concurrent,
        results=results,
        tracking_uri=tracking_uri(arguments.tracking_uri, store),
        storage=arguments.storage or str(store),
        only=tuple(arguments.only),
        vary=tuple(arguments.vary),
        fresh=arguments.fresh,
        dry_run=arguments.dry_run,
        json=arguments.json,
        until_decided=arguments.until_decided,
        max_seeds=arguments.max_seeds,
        precision=arguments.precision,
        experiment_prefix=arguments.experiment_prefix,
        system_metrics=arguments.system_metrics,
        epochs=arguments.epochs,
        batch=arguments.batch,
        weights=arguments.weights,
    )


def command(program: Sequence[str]) -> str:
    """The command line for the report, quoted so that a shell reads it as it was meant."""
    return shlex.join(["python", *program] if program[0].endswith(".py") else program)


def _positive(text: str) -> int:
    return whole(text, 1, 100_000)


def _count(text: str) -> int:
    return whole(text, 0, 100_000)


def _seeds(text: str) -> int:
    return whole(text, 1, MOST_SEEDS)


def _share(text: str) -> float:
    return number(text, 0, MOST_GPUS)
