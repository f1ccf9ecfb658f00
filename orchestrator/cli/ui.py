"""`rle-lab ui`: MLflow's pages on this machine."""

import argparse
import os
import sys

from orchestrator.cli.numbers import whole
from orchestrator.cli.options import add_store
from orchestrator.run.settings import home, tracking_uri
from orchestrator.util.redact import shown


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `ui` to a command line."""
    parser = commands.add_parser("ui", help="MLflow's pages on this machine, to compare trials")
    add_store(parser)
    parser.add_argument("--port", type=lambda text: whole(text, 1, 65535), default=5000, metavar="N")
    parser.set_defaults(act=_act)


def _act(arguments: argparse.Namespace) -> int:
    uri = tracking_uri(arguments.tracking_uri, home() / "store")
    print(f"http://127.0.0.1:{arguments.port} shows {shown(uri)}; Ctrl-C ends it")
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    # Not as an argument, which everyone on the machine can read: there may be a password in it.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = uri
    server = ["-m", "mlflow", "ui", "--host", "127.0.0.1", "--workers", "1"]
    os.execv(sys.executable, [sys.executable, *server, "--port", str(arguments.port)])
