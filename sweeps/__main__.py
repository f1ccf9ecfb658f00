"""rle-lab: re-runs the experiments of the RLE supplement and sets every number beside the paper's."""

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from orchestrator import bench, prepare
from orchestrator.command import console, guarded, run
from orchestrator.options import add_options, home, tracking_uri
from orchestrator.sweep import Sweep
from orchestrator.use import export, import_checkpoint, predict
from sweeps.baselines import coco


def sweeps() -> tuple[Sweep, ...]:
    """Every sweep there is, in the order of the paper's tables and figures."""
    from sweeps import (
        auxiliary_heatmap,
        calibration,
        dle_vs_rle,
        flow_size,
        learned_density,
        mpii_methods,
        occlusion,
        qualitative,
        residual_term,
        retina,
        truncation,
    )

    return (
        flow_size.SWEEP,
        mpii_methods.SWEEP,
        dle_vs_rle.SWEEP,
        auxiliary_heatmap.SWEEP,
        occlusion.SWEEP,
        residual_term.SWEEP,
        retina.SWEEP,
        learned_density.SWEEP,
        truncation.SWEEP,
        qualitative.SWEEP,
        calibration.SWEEP,
    )


def main() -> NoReturn:
    """The command line `rle-lab`, the same as `python -m sweeps`."""
    parser = _parser()
    arguments = parser.parse_args()
    sys.exit(guarded(lambda: arguments.act(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rle-lab", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="the sweeps there are")
    listing.set_defaults(act=_list)
    running = commands.add_parser("run", help="run sweeps, all of them if none is named")
    running.add_argument("sweep", nargs="*", metavar="SWEEP", help="as `rle-lab list` names them")
    add_options(running)
    running.set_defaults(act=_run)
    reporting = commands.add_parser("report", help="build tables, figures and report from the store alone")
    _add_store(reporting)
    reporting.add_argument("name", nargs="?", help="the report, such as demo (default: the newest)")
    reporting.add_argument(
        "--results", type=Path, metavar="DIR", help="where to write (default: results/NAME)"
    )
    reporting.set_defaults(act=_report)
    publishing = commands.add_parser(
        "publish", help="copy the demo report to results/published, to be committed"
    )
    publishing.add_argument("--results", type=Path, metavar="DIR", help="the report (default: results/demo)")
    publishing.set_defaults(act=_publish)
    for module in (prepare, predict, export, import_checkpoint):
        module.add_parser(commands)
    bench.add_parser(commands, coco)
    ui = commands.add_parser("ui", help="MLflow's pages on this machine, to compare trials")
    _add_store(ui)
    ui.add_argument("--port", type=int, default=5000)
    ui.set_defaults(act=_ui)
    return parser


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tracking-uri",
        metavar="URI",
        help="MLflow's store (default: $MLFLOW_TRACKING_URI, else results/store/mlflow.db)",
    )


def _list(arguments: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("sweep", "tables", "what"):
        table.add_column(title)
    for sweep in sweeps():
        table.add_row(sweep.name, ", ".join(t.id for t in sweep.tables), sweep.says.partition(": ")[2])
    Console().print(table)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from orchestrator.sweep import SweepError

    known = {sweep.name: sweep for sweep in sweeps()}
    unknown = [name for name in arguments.sweep if name not in known]
    if unknown:
        raise SweepError(f"no sweep {unknown[0]!r}; there are {', '.join(known)}")
    return run([known[name] for name in arguments.sweep or known], arguments)


def _report(arguments: argparse.Namespace) -> int:
    from orchestrator import report
    from orchestrator.conduct import rebuild

    uri = tracking_uri(arguments.tracking_uri, home() / "store")
    written = rebuild(uri, arguments.name, arguments.results)
    report.render(console(), written)
    return 0


def _publish(arguments: argparse.Namespace) -> int:
    from orchestrator.publish import publish

    here = Path(__file__).resolve().parent.parent / "results" / "published"
    publish((arguments.results or home() / "demo").absolute(), here)
    print(f"copied to {here}")
    return 0


def _ui(arguments: argparse.Namespace) -> int:
    uri = tracking_uri(arguments.tracking_uri, home() / "store")
    print(f"http://127.0.0.1:{arguments.port} shows {uri.rpartition('@')[2]}; Ctrl-C ends it")
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    # Not as an argument, which everyone on the machine can read: there may be a password in it.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = uri
    server = ["-m", "mlflow", "ui", "--host", "127.0.0.1", "--workers", "1"]
    os.execv(sys.executable, [sys.executable, *server, "--port", str(arguments.port)])


if __name__ == "__main__":
    main()
