"""`rle-lab report` and `rle-lab publish`."""

import argparse

from orchestrator.cli.guard import console
from orchestrator.cli.options import add_store
from orchestrator.cli.paths import place
from orchestrator.run.settings import home, tracking_uri


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both to a command line."""
    report = commands.add_parser("report", help="build tables, figures and report from the store alone")
    add_store(report)
    report.add_argument("name", nargs="?", help="the report, such as demo (default: the newest)")
    report.add_argument("--results", type=place, metavar="DIR", help="where to write (default: results/NAME)")
    report.set_defaults(act=_report)
    publish = commands.add_parser(
        "publish", help="copy the demo report to results/published, to be committed"
    )
    publish.add_argument("--results", type=place, metavar="DIR", help="the report (default: results/demo)")
    publish.set_defaults(act=_publish)


def _report(arguments: argparse.Namespace) -> int:
    from orchestrator.report import terminal
    from orchestrator.run.reporting import rebuild

    uri = tracking_uri(arguments.tracking_uri, home() / "store")
    terminal.render(console(), rebuild(uri, arguments.name, arguments.results))
    return 0


def _publish(arguments: argparse.Namespace) -> int:
    from orchestrator.report.publish import publish
    from orchestrator.util.provenance import ROOT

    published = ROOT / "results" / "published"
    publish((arguments.results or home() / "demo").absolute(), published)
    console().print(f"copied to {published}", soft_wrap=True)
    return 0
