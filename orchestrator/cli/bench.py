"""The command line of `rle-lab bench`, and the files that it writes."""

import argparse
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.numbers import number, whole
from orchestrator.cli.paths import place

if TYPE_CHECKING:
    from rich.console import Console

    from orchestrator.bench.result import Finding, Tell
    from orchestrator.cli.run import Sweeps
    from orchestrator.config.experiment import Experiment

PARTS = {
    "flow": "log_prob of the flow, forward and backward",
    "data": "training samples from files and from packs",
    "step": "a training step, float32 and bf16",
    "sweep": "trials under Ray, beside the time that they train",
    "growth": "what grows with trials, samples, points, width and depth",
    "verdicts": "how often verdicts are wrong and what they cost, in simulated tables",
    "thousands": "10,000 trials that end at once, and a store with as many runs, for an hour",
    "gpu": "the paper's recipe on a GPU: step, loaders, flow, GPU-hours",
    "search": "flow_search beside random search at equal core-seconds: hours, which can be interrupted",
}
OF_MANY_PROCESSES = {"sweep", "search", "thousands"}
"""Parts whose own work can't be told from that of other programs."""
ON_REQUEST = {"gpu", "search", "thousands"}
"""Parts that are measured only where they are named."""
OUT = Path("results/benchmarks.md")
LIMIT = 400.0
"""Seconds; what has begun by then takes another one and a half minutes at most."""


# argparse has no public name for what `add_subparsers` returns.
def add_parser(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    demo: "Callable[[], Experiment]",
    sweeps: "Sweeps",
) -> None:
    """Add `bench` to a command line.

    Args:
        demo: gives the experiment whose network and recipe are timed.
        sweeps: gives those whose GPU-hours are computed.
    """
    parser = commands.add_parser(
        "bench",
        help="time this machine (flow, data, training step, sweep, growth) and simulate verdicts",
        description="Times what this project is made of beside plain code for the same, in one process and "
        "one thread, taking turns. Close other programs meanwhile.",
    )
    asked = ", ".join(sorted(ON_REQUEST))
    choices = "; ".join(f"{name}: {description}" for name, description in PARTS.items())
    parser.add_argument(
        "part", nargs="*", metavar="PART", help=f"{choices}; all: every part but {asked} (default: all)"
    )
    parser.add_argument(
        "--out",
        nargs="?",
        type=place,
        const=OUT,
        metavar="FILE",
        help="add the tables to a page in Markdown that compares machines, numbers and plots beside it "
        f"(without FILE: {OUT})",
    )
    _add_data_root(parser)
    _add_store(parser)
    _add_gpu_options(parser)
    _add_search_options(parser)
    parser.set_defaults(act=lambda arguments: _act(parser, arguments, demo, sweeps))


def _add_data_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-root",
        type=place,
        metavar="DIR",
        help="pictures for `data`, a set in COCO's layout (default: 48 generated ones of 640×480)",
    )


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tracking-uri",
        default="",
        metavar="URI",
        help="an empty store for `thousands` (default: a sqlite file)",
    )


def _add_gpu_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        choices=("cuda", "cpu"),
        default="cuda",
        help="where `gpu` runs; cpu: in a tiny size, to see that it runs (default: cuda)",
    )
    parser.add_argument(
        "--seconds",
        type=lambda text: number(text, 0, 1e6),
        default=LIMIT,
        metavar="N",
        help=f"after so many `gpu` begins nothing more (default: {LIMIT:g}, for eight minutes in all)",
    )


def _add_search_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scale", choices=("smoke", "demo"), default="demo", help="of `search` (default: %(default)s)"
    )
    parser.add_argument(
        "--repeats",
        type=lambda text: whole(text, 1, 100),
        default=5,
        metavar="N",
        help="searches of each kind, which differ in the seed of their proposals (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=lambda text: whole(text, 1, 10**6),
        metavar="N",
        help="budget of each `search` (default: the sweep's own)",
    )


def _act(
    parser: argparse.ArgumentParser,
    arguments: argparse.Namespace,
    demo: "Callable[[], Experiment]",
    sweeps: "Sweeps",
) -> int:
    from orchestrator.bench.page import write
    from orchestrator.bench.result import render
    from orchestrator.cli.guard import console
    from orchestrator.util.busy import watched

    unknown = set(arguments.part) - {*PARTS, "all"}
    if unknown:
        parser.error(f"no part {min(unknown)!r}; there are {', '.join(PARTS)} and all")
    everything = not arguments.part or "all" in arguments.part
    parts = [name for name in PARTS if name in arguments.part or (everything and name not in ON_REQUEST)]
    findings: list[tuple[Finding, float | None]] = []
    with one_thread():
        for part in parts:
            with watched() as others:
                finding = _measure(part, arguments, demo, sweeps, console())
            render(console(), finding)
            findings.append((finding, None if part in OF_MANY_PROCESSES else others.share))
    if arguments.out is not None:
        write(findings, arguments.out)
        console().print(f"written to {arguments.out}", soft_wrap=True)
    return 0


def _measure(
    part: str,
    arguments: argparse.Namespace,
    demo: "Callable[[], Experiment]",
    sweeps: "Sweeps",
    console: "Console",
) -> "Finding":
    from orchestrator.bench import data, flow, gpu, search, step, sweep, thousands, verdicts
    from orchestrator.bench.growth import measure as measure_growth

    with _telling(part, console) as tell:
        measures: dict[str, Callable[[], Finding]] = {
            "flow": lambda: flow.measure(tell),
            "data": lambda: data.measure(tell, arguments.data_root),
            "step": lambda: step.measure(tell, demo()),
            "sweep": lambda: sweep.measure(tell, demo()),
            "growth": lambda: measure_growth(tell, demo()),
            "verdicts": lambda: verdicts.measure(tell),
            "thousands": lambda: thousands.measure(tell, demo(), arguments.tracking_uri),
            "gpu": lambda: gpu.measure(tell, sweeps(), arguments.device, arguments.seconds),
            "search": lambda: search.measure(
                tell, sweeps(), arguments.scale, arguments.repeats, arguments.epochs, console
            ),
        }
        return measures[part]()


@contextlib.contextmanager
def _telling(part: str, console: "Console") -> "Iterator[Tell]":
    """Something to say what is being measured with: a line that changes, or lines in a log."""
    from rich.text import Text

    if not console.is_terminal:
        yield lambda what: console.print(f"{part}: {what} ...", style="dim")
        return
    with console.status(part) as status:
        yield lambda what: status.update(Text(f"{part}: {what}"))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for PyTorch and OpenCV, as a trial has."""
    import cv2
    import torch

    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
