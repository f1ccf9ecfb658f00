"""`rle-lab export`: a model as a file that runs without this code, compared with the model itself."""

import argparse
import re
from typing import TYPE_CHECKING

from orchestrator.cli import model_argument
from orchestrator.cli.guard import console
from orchestrator.cli.paths import place
from orchestrator.run.settings import home

if TYPE_CHECKING:
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
    parser.set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """Export as the command line asks for.

    Raises:
        CheckpointError: there is no such model, the format can't hold it, or what was written differs.
    """
    from orchestrator.inference import export

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
    return 0


def default_name(trained: "Trained", form: "Form") -> str:
    """Such as `rle-3x64-on-coco-seed-0-1a2b3c4d.onnx`."""
    from orchestrator.inference.export import SUFFIX

    words = re.sub(r"[^a-z0-9.]+", "-", trained.experiment.describe().lower()).strip("-")
    return f"{words}-{trained.experiment.fingerprint()[:8]}{SUFFIX[form]}"
