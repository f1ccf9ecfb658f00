"""`rle-lab ui`: MLflow's pages on this machine."""

import argparse
import os
import subprocess
import sys
import time
import urllib.request
import webbrowser

from orchestrator.cli.numbers import whole
from orchestrator.cli.shared_options import add_store
from orchestrator.run.settings import home, tracking_uri
from orchestrator.util.redact import shown

PATIENCE = 120
"""Seconds for which a page is waited for before the browser is opened."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `ui` to a command line."""
    parser = commands.add_parser("ui", help="MLflow's pages on this machine, to compare trials")
    add_store(parser)
    parser.add_argument("--port", type=lambda text: whole(text, 1, 65535), default=5000, metavar="N")
    parser.add_argument("--open", action="store_true", help="open the newest trials in the browser")
    parser.set_defaults(act=_act)


def _act(arguments: argparse.Namespace) -> int:
    uri = tracking_uri(arguments.tracking_uri, home() / "store")
    server = f"http://127.0.0.1:{arguments.port}"
    links = {name: server + page for name, page in _pages(uri).items()}
    print(f"{server} shows {shown(uri)}; Ctrl-C ends it")
    for name, link in links.items():
        print(f"  {name}: {link}")
    if arguments.open:
        # Another process: this one becomes the server.
        subprocess.Popen([sys.executable, "-m", __name__, next(iter(links.values()), server)])
    sys.stdout.flush()
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    # Not as an argument, which everyone on the machine can read: there may be a password in it.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = uri
    command = ["-m", "mlflow", "ui", "--host", "127.0.0.1", "--workers", "1"]
    os.execv(sys.executable, [sys.executable, *command, "--port", str(arguments.port)])


def _pages(uri: str) -> dict[str, str]:
    from orchestrator.tracking.tracker import Tracker

    # A folder for artifacts is asked for where the store is a database; nothing is written to it.
    with Tracker.open(uri, home(), create=False) as tracker:
        return tracker.pages()


def open_when_up(page: str) -> None:
    """Open a page in the browser once its server answers, within `PATIENCE`."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(page.partition("#")[0], timeout=5):
                webbrowser.open(page)
                return
        except OSError:
            time.sleep(0.5)


if __name__ == "__main__":
    open_when_up(sys.argv[1])
