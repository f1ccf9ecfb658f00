"""`rle-lab report` and `rle-lab publish`."""

import argparse

from orchestrator.cli.guard import console
from orchestrator.cli.paths import place
from orchestrator.cli.shared_options import add_json, add_store
from orchestrator.run.settings import home, tracking_uri
from orchestrator.util.machine_readable import print_json


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both to a command line."""
    report = commands.add_parser("report", help="build tables, figures and report from the store alone")
    add_store(report)
    report.add_argument("name", nargs="?", help="the report, such as demo (default: the newest)")
    report.add_argument("--results", type=place, metavar="DIR", help="where to write (default: results/NAME)")
    add_json(report, "tables and verdicts")
    report.set_defaults(act=_report)
    publish = commands.add_parser(
        "publish", help="copy the demo report to results/published, to be committed"
    )
    publish.add_argument("--results", type=place, metavar="DIR", help="the report (default: results/demo)")
    publish.set_defaults(act=_publish)


def _report(arguments: argparse.Namespace) -> int:
    from orchestrator.report import terminal
    from orchestrator.report.plain import plain
    from orchestrator.run.reporting import rebuild

    uri = tracking_uri(arguments.tracking_uri, home() / "store")
    rebuilt = rebuild(uri, arguments.name, arguments.results)
    if arguments.json:
        print_json(plain(rebuilt))
    else:
        terminal.render(console(), rebuilt)
    return 0


def _publish(arguments: argparse.Namespace) -> int:
    from orchestrator.report.publish import publish
    from orchestrator.util.provenance import ROOT

    published = ROOT / "results" / "published"
    publish((arguments.results or home() / "demo").absolute(), published)
    console().print(f"copied to {published}", soft_wrap=True)
    return 0
