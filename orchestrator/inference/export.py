"""A trained model without what only training needs, written as ONNX or with torch.export.

Shapes: B pictures, P points, D coordinates of a point, H W pixels of a crop.
"""

import os
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from datasets.base.pose_data import as_poses
from datasets.contract import DataPaths
from datasets.io.errors import DataError
from models.interface import Output
from orchestrator.inference.model_store import Trained
from orchestrator.inference.outputs import check_replaceable
from orchestrator.training.checkpoint import CheckpointError
from orchestrator.training.regions import Regions

Form = Literal["onnx", "torch"]
Run = Callable[[Tensor], Mapping[str, Tensor]]
"""uint8 (B, H, W, 3) -> outputs by name."""

SUFFIX: Mapping[Form, str] = {"onnx": ".onnx", "torch": ".pt2"}

REGION = 90
"""The percentage of truths that an exported model's regions are to hold."""

SAMPLES = 16
ROUNDING = 1e-4
TOLERANCE = 1e-3
"""Of coordinates, scales and scores: a fifth of a pixel on the paper's crop."""

_DYNAMIC = {"image": {0: torch.export.Dim("batch")}}


class Inference(nn.Module):
    """A net as it is deployed: uint8 (B, H, W, 3) -> mu, sigma (B, P, D) and score (B, P), those it has.

    Args:
        regions: of single predictions; with them also the half axes of 90 % regions, region90 (B, P, D).
    """

    def __init__(self, net: nn.Module, regions: Regions | None = None) -> None:
        super().__init__()
        self.net = net
        self.regions = None if regions is None else RegionAxes(regions)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """In units of the crop, centred; without a score of its own, a model's score is 1 - mean sigma."""
        output: Output = self.net(image)
        mu, sigma, score = output.mu, output.sigma, output.score
        if score is None and sigma is not None:
            score = 1 - sigma.mean(-1)  # Algorithm 2
        region = None if self.regions is None or sigma is None else self.regions(sigma)
        found = {"mu": mu, "sigma": sigma, "score": score, f"region{REGION}": region}
        return {name: tensor for name, tensor in found.items() if tensor is not None}


class RegionAxes(nn.Module):
    """`Regions.half_axes` as a part of a network."""

    temperatures: Tensor
    radii: Tensor
    edges: Tensor

    def __init__(self, regions: Regions) -> None:
        super().__init__()
        which = regions.levels.index(REGION)
        self.register_buffer("temperatures", torch.tensor(regions.temperatures[which]))
        self.register_buffer("radii", torch.tensor(regions.radii[which]))
        self.register_buffer("edges", torch.tensor(regions.edges))

    def forward(self, sigma: Tensor) -> Tensor:
        """sigma (B, P, D) -> half axes (B, P, D)."""
        quarter = (_mean_scale(sigma) > self.edges).sum(-1)
        return sigma * (self.temperatures * self.radii[quarter])[..., None]

    def settled(self, sigma: Tensor) -> Tensor:
        """(B, P): whether a scale is so far from the next quarter that rounding does not bring it there."""
        return ((_mean_scale(sigma) / self.edges - 1).abs() > ROUNDING).all(-1)


def _mean_scale(sigma: Tensor) -> Tensor:
    return sigma.log().mean(-1, keepdim=True).exp()


@dataclass(frozen=True, eq=False)
class Samples:
    """Crops on which two models are compared."""

    image: Tensor  # uint8 (B, H, W, 3)
    description: str


def samples(trained: Trained, cache: Path) -> Samples:
    """The first samples of the validation data, or random pictures where the data is not prepared here."""
    data = trained.experiment.data
    try:
        val = data.open(DataPaths(cache), trained.experiment.seed).val
    except DataError:
        drawn = torch.Generator().manual_seed(0)
        image = torch.randint(0, 256, (SAMPLES, *data.size, 3), dtype=torch.uint8, generator=drawn)
        return Samples(image, f"{SAMPLES} random pictures")
    rows = range(min(SAMPLES, len(val)))
    return Samples(
        val.__getitems__([(0, row) for row in rows]).image, f"{len(rows)} samples of its validation data"
    )


def export(trained: Trained, form: Form, out: Path, image: Tensor) -> dict[str, float]:
    """Write a model, and compare what was written with it, one picture at a time and all at once.

    Args:
        out: the file; it is there in the end only if it computes the same.
        image: uint8 (B, H, W, 3), what both are compared on.

    Returns:
        the largest difference by output.

    Raises:
        CheckpointError: the format can't hold this model, the file can't be written, or it differs.
        DataError: something lies there that is no earlier export.
    """
    check_replaceable(out, SUFFIX[form], [Path(trained.path)])
    partial = out.with_name(f"partial-{os.getpid()}-{out.name}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries about themselves
            differences = _written(trained, form, partial, image)
        if worst := {name: value for name, value in differences.items() if not value <= TOLERANCE}:
            raise CheckpointError(
                f"{out}: not written, as it would differ from the model: {worst}. Try another --format.",
                code="export-differs",
            )
        partial.replace(out)
    except torch.onnx.OnnxExporterError as error:
        missing = re.search("No ONNX function found for .*", str(error))
        reason = missing[0].rstrip(".") if missing else str(error).strip()
        raise CheckpointError(
            f"{out}: ONNX can't hold this model ({reason}). Use --format torch.", code="no-onnx"
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"{out}: can't be written ({error}). Name another file with --out.", code="not-writable"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return differences


def _written(trained: Trained, form: Form, path: Path, image: Tensor) -> dict[str, float]:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime looks for it when it is imported
    model = Inference(trained.net, regions_of(trained)).eval()
    write, opened = {"onnx": (_write_onnx, _open_onnx), "torch": (_write_torch, _open_torch)}[form]
    with torch.inference_mode():
        names = list(model(image[:1]))
    # With a batch of one, export would take the one for a constant.
    example = image[:1].repeat(2, 1, 1, 1)
    write(model, example, path, names, about(trained))
    return compare(model, opened(path), image)


def regions_of(trained: Trained) -> Regions | None:
    """Of a model of people whose errors were measured."""
    if trained.spread is None or as_poses(trained.experiment.data) is None:
        return None
    return trained.spread.single


def about(trained: Trained) -> dict[str, str]:
    """The metadata that users of the file need."""
    metadata = {
        "model": trained.experiment.describe(),
        "fingerprint": trained.experiment.fingerprint(),
        "input": "uint8 RGB crops (batch, height, width, 3)",
    }
    if data := as_poses(trained.experiment.data):
        metadata |= {
            "output": "u = x / width - 0.5, v = y / height - 0.5, z = depth behind the pelvis / 2 m",
            "keypoints": ",".join(data.names),
            "padding": f"{data.box_padding:g}",  # of the box, at the crop's aspect ratio
        }
    if (regions := regions_of(trained)) and (held := regions.held):
        metadata[f"region{REGION}"] = (
            f"half axes of ellipses about mu for {REGION} % of the truths, fitted on validation samples; "
            f"fitted on half of them, they held {held.coverage:.0%} in the other half, "
            f"{held.worst_quarter:.0%} of the quarter with the largest sigma, at least "
            f"{held.worst_point:.0%} of each keypoint"
        )
    return metadata


def compare(model: nn.Module, other: Run, image: Tensor) -> dict[str, float]:
    """The largest difference by output between two models, on all pictures at once and on single ones."""
    worst: dict[str, float] = {}
    for batch in (image, image[:1], image[-1:]):
        with torch.inference_mode():
            mine, theirs = model(batch), other(batch)
        for name, tensor in mine.items():
            difference = (tensor - theirs[name]).abs()
            if name.startswith("region") and isinstance(model, Inference) and model.regions is not None:
                difference = difference[model.regions.settled(mine["sigma"])]
            worst[name] = max(float(difference.max()) if difference.numel() else 0.0, worst.get(name, 0.0))
    return worst


def _write_onnx(
    model: nn.Module, example: Tensor, path: Path, names: list[str], about: dict[str, str]
) -> None:
    program = torch.onnx.export(
        model,
        (example,),
        dynamo=True,
        dynamic_shapes=_DYNAMIC,
        input_names=["image"],
        output_names=names,
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props.update(about)
    program.save(path, external_data=False)


def _open_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(image: Tensor) -> dict[str, Tensor]:
        arrays = session.run(names, {"image": image.numpy()})
        return dict(zip(names, map(torch.from_numpy, arrays), strict=True))

    return run


def _write_torch(
    model: nn.Module, example: Tensor, path: Path, names: list[str], about: dict[str, str]
) -> None:
    program = torch.export.export(model, (example,), dynamic_shapes=_DYNAMIC)
    torch.export.save(program, path, extra_files=about)


def _open_torch(path: Path) -> Run:
    return torch.export.load(path).module()
