"""`rle-lab export`: a model as a file that runs without this code, compared with the model itself."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli import model_argument
from orchestrator.cli.guard import console
from orchestrator.cli.paths import place
from orchestrator.cli.shared_options import add_store
from orchestrator.run.settings import home, tracking_uri
from orchestrator.util.errors import SweepError

if TYPE_CHECKING:
    from torch import Tensor

    from orchestrator.inference.export import Form
    from orchestrator.inference.model_store import Trained

FORMATS = ("onnx", "torch")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `export`."""
    parser = commands.add_parser(
        "export",
        help="a model as ONNX or torch.export, checked against the model itself",
        description="Write a model for inference: uint8 crops (B, H, W, 3) in, for any B; mu, sigma and "
        "score out, in units of the crop, centred. What only training needs, such as the flow, is not in it. "
        "What was written runs on samples of the model's validation data where these are at hand, else on "
        "random pictures, and its largest difference to the model is printed.",
    )
    model_argument.add_model(parser)
    parser.add_argument("--format", choices=FORMATS, default="onnx", help="default: onnx")
    parser.add_argument("--out", type=place, metavar="FILE", help="default: results/exported/NAME")
    parser.add_argument(
        "--mlflow",
        action="store_true",
        help="log it to the run of its training too, with signature and an input example, so that "
        "mlflow.pyfunc.load_model loads it without this project",
    )
    add_store(parser)
    parser.set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """Export as the command line asks for.

    Raises:
        CheckpointError: there is no such model, the format can't hold it, or what was written differs.
        SweepError: MLflow is to run what it can't.
        TrackingError: the store has no run of it.
    """
    from orchestrator.inference import export

    if arguments.mlflow and arguments.format != "onnx":
        raise SweepError("--mlflow logs a model as ONNX: leave out --format", code="not-onnx")

    terminal = console()
    trained = model_argument.trained(arguments, terminal)
    out = (
        (arguments.out or home() / "exported" / default_name(trained, arguments.format))
        .expanduser()
        .absolute()
    )
    samples = export.samples(trained, model_argument.cache(arguments))
    written = export.export(trained, arguments.format, out, samples.image)
    inputs = ", ".join(map(str, ("B", *trained.experiment.data.size, 3)))
    terminal.print(f"{out}: uint8 ({inputs}) to {', '.join(written)}", soft_wrap=True)
    worst = ", ".join(f"{name} {difference:.1e}" for name, difference in written.items())
    terminal.print(f"largest difference to the model on {samples.description}: {worst}")
    if arguments.mlflow:
        terminal.print(_logged(arguments, trained, out, samples.image), soft_wrap=True)
    return 0


def _logged(arguments: argparse.Namespace, trained: "Trained", file: Path, pictures: "Tensor") -> str:
    """Log an exported model; a sentence with its address."""
    from orchestrator.inference.export import about
    from orchestrator.tracking.model_writer import ExportedModel
    from orchestrator.tracking.tracker import Tracker

    name = re.sub(r"[/:.%]", "-", file.stem)
    fingerprint = trained.experiment.fingerprint()
    model = ExportedModel(fingerprint, name, file, pictures[:1].numpy(), about(trained))
    with Tracker.open(tracking_uri(arguments.tracking_uri, home() / "store"), None, create=False) as tracker:
        address = tracker.models.log(model)
    return f"in MLflow: mlflow.pyfunc.load_model({address!r})"


def default_name(trained: "Trained", form: "Form") -> str:
    """Such as `rle-3x64-on-coco-seed-0-1a2b3c4d.onnx`."""
    from orchestrator.inference.export import SUFFIX

    words = re.sub(r"[^a-z0-9.]+", "-", trained.experiment.describe().lower()).strip("-")
    return f"{words}-{trained.experiment.fingerprint()[:8]}{SUFFIX[form]}"
