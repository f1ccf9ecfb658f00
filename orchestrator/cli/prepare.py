"""`rle-lab prepare`: every record and picture of a data set checked, everything broken listed, packs made."""

import argparse
from typing import TYPE_CHECKING

from orchestrator.cli.paths import place, place_or_uri
from orchestrator.cli.shared_options import add_no_pack, add_reading, add_sigmas
from orchestrator.run.settings import cache_of, results_and_store

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

SETS = ("coco", "mpii", "human36m", "retina")
"""The names of the data sets, which take seconds to import."""


def add_parser(commands: "Commands") -> None:
    """The command `prepare` and its options."""
    parser = commands.add_parser(
        "prepare", help="check a whole data set, list everything that is broken, and decode it"
    )
    parser.add_argument(
        "--data-root",
        type=place,
        required=True,
        metavar="DIR",
        help="the folder: a set in COCO's layout, and DIR/mpii, DIR/h36m, DIR/dme where there are such",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        choices=SETS,
        help="this set only; repeatable (default: all that are found)",
    )
    parser.add_argument("--detections", type=place, metavar="FILE", help="detected boxes for COCO's pictures")
    add_sigmas(parser)
    parser.add_argument(
        "--skip-broken", action="store_true", help="go on without broken records; runs need the same option"
    )
    add_reading(parser)
    add_no_pack(parser)
    parser.add_argument("--results", type=place, metavar="DIR", help="as for `run`")
    parser.add_argument(
        "--storage", type=place_or_uri, metavar="DIR", help="as for `run`: where the decoded pictures go"
    )
    parser.set_defaults(act=act, scale="paper")


def act(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from datasets.contract import DataPaths
    from orchestrator.cli.guard import console
    from orchestrator.data.preparing import prepare

    _, store = results_and_store(arguments)
    cache = cache_of(arguments.storage or str(store))
    place = DataPaths(cache.absolute(), arguments.data_root.expanduser().absolute(), arguments.pack)
    detections = None if arguments.detections is None else arguments.detections.expanduser().absolute()
    return prepare(
        arguments.set,
        place,
        console(),
        detections=detections,
        sigmas=arguments.sigmas,
        skip_broken=arguments.skip_broken,
        exif=arguments.exif,
        allow_outside=arguments.allow_outside,
    )
