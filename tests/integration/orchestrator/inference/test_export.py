"""Exported models compute what the model computes, and hold nothing that only training needs."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from datasets.retina.config import DmeFolder, RetinaBoundaries
from models.backbones import SmallTrunk
from models.boundary_unet import BoundaryNet
from models.flops import module_parameters
from models.heatmap_nets import Integral, SimplePose, TwoBranch
from models.objectives import DLE, L1, RLE, HeatmapMSE, LearnedScale, WeightedSum
from models.realnvp import RealNVP
from models.regressor import Regressor
from orchestrator.cli import export as command
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.inference import export
from orchestrator.inference.model_store import Trained
from orchestrator.training.checkpoint_content import Spread
from orchestrator.training.module import TrainingModule
from orchestrator.training.regions import Held, Regions, mean_scale
from tests.support.errors import refused
from tests.support.paths import ROOT

TRUNK = SmallTrunk(channels=(4, 8), strides=(4, 4))


@dataclass(frozen=True, eq=False)
class Exported:
    """A model, and what became of it."""

    trained: Trained
    onnx: Any
    differences: dict[str, float]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Experiment], Exported]:
    """Each model as ONNX, once."""
    known: dict[str, Exported] = {}

    def of(experiment: Experiment) -> Exported:
        if experiment.fingerprint() not in known:
            known[experiment.fingerprint()] = write(experiment)
        return known[experiment.fingerprint()]

    def write(experiment: Experiment) -> Exported:
        trainee = TrainingModule(experiment, pretrained=False).eval()
        trained = Trained(experiment, trainee.model, trainee.objective, 1, "")
        folder = tmp_path_factory.mktemp("exported")
        path = folder / "model.onnx"
        differences = export.export(trained, "onnx", path, export.samples(trained, folder).image)
        assert [left.name for left in folder.iterdir()] == ["model.onnx"]
        return Exported(trained, onnx.load(path), differences)

    return of


def graph(model: Any) -> tuple[list[str], dict[str, tuple[int, ...]]]:
    """The operations in order, and the shape of each stored tensor by name."""
    nodes = [node.op_type for node in model.graph.node]
    return nodes, {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}


def test_a_flow_costs_nothing_at_inference(experiment, exported) -> None:
    without = exported(vary(experiment, objective=LearnedScale()))
    for objective in (RLE(flow=RealNVP(layers=3, width=8)), DLE(flow=RealNVP(layers=5, width=32))):
        assert graph(exported(vary(experiment, objective=objective)).onnx) == graph(without.onnx)


def test_regions_of_single_predictions_are_an_output(experiment, tmp_path) -> None:
    trainee = TrainingModule(experiment, pretrained=False).eval()
    torch.manual_seed(0)
    torch.nn.init.normal_(trainee.model.sigma.bias)  # so that scales lie as far apart as when trained
    image = torch.randint(0, 256, (3, *experiment.data.size, 3), dtype=torch.uint8)
    sigma = trainee.model(image).sigma.detach().double().numpy()
    joints = np.sort(mean_scale(sigma).mean(0))
    edges = tuple(((joints[[3, 7, 11]] + joints[[4, 8, 12]]) / 2).tolist())
    factors = tuple(np.linspace(1, 3, 17).tolist())
    regions = Regions(
        (50, 90), (factors, factors), edges, ((1.0,) * 4, (2.0, 3.0, 5.0, 7.0)), Held(0.9, 0.8, 0.7)
    )
    spread = Spread((1.0, 1.0), 0.7, 10, 20, single=regions)
    trained = Trained(experiment, trainee.model, trainee.objective, 1, "", spread)
    path = tmp_path / "model.onnx"
    assert "region90" in export.export(trained, "onnx", path, image)
    found = export._open_onnx(path)(image)["region90"].numpy()
    assert found == pytest.approx(regions.half_axes(sigma, 90), rel=1e-3)
    (about,) = (prop.value for prop in onnx.load(path).metadata_props if prop.key == "region90")
    assert "90%" in about


def test_no_parameter_of_the_flow_is_in_the_graph(experiment, exported) -> None:
    found = exported(experiment)
    nodes, stored = graph(found.onnx)
    net = found.trained.net
    own = {name for name, _ in [*net.named_parameters(), *net.named_buffers()]}
    assert not any("flow" in name for name in stored)
    assert {name.removeprefix("net.") for name in stored if name.startswith("net.")} <= own
    # Nothing is stored beside the net's own numbers but mean and deviation of a row's pixels, and constants
    # such as shapes.
    row = [3 * experiment.data.size[1]]
    rest = [shape for shape in stored.values() if list(shape) != row]
    assert len(stored) - len(rest) <= 2
    size = sum(torch.Size(shape).numel() for shape in rest)
    assert (
        size
        < module_parameters(net) + 100
        < module_parameters(net) + module_parameters(found.trained.objective)
    )
    assert "Tanh" not in nodes


BOTH = WeightedSum(terms=((1, RLE()), (1, HeatmapMSE())))
MODELS = {
    "l1": (Regressor(trunk=TRUNK), L1(), ["mu"]),
    "rle": (Regressor(trunk=TRUNK), RLE(), ["mu", "sigma", "score"]),
    "simplepose": (SimplePose(trunk=TRUNK, width=4), HeatmapMSE(), ["mu", "score"]),
    "integral": (Integral(trunk=TRUNK, width=4), L1(), ["mu", "score"]),
    "two_branch": (TwoBranch(regressor=Regressor(trunk=TRUNK), width=4), BOTH, ["mu", "sigma", "score"]),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_computes_the_same_as_onnx(experiment, exported, name) -> None:
    model, objective, outputs = MODELS[name]
    found = exported(vary(experiment, model=model, objective=objective))
    assert list(found.differences) == outputs
    assert max(found.differences.values()) < 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_every_model_computes_the_same_with_torch_export(experiment, initialised, tmp_path, name) -> None:
    model, objective, outputs = MODELS[name]
    trained = initialised(vary(experiment, model=model, objective=objective))
    path = tmp_path / "model"
    found = export.export(trained, "torch", path, export.samples(trained, tmp_path).image)
    assert list(found) == outputs
    assert max(found.values()) < 1e-5
    assert path.is_file()


def test_the_auxiliary_branch_is_not_exported(experiment, exported) -> None:
    both, alone = MODELS["two_branch"][0], MODELS["rle"][0]
    with_branch = graph(exported(vary(experiment, model=both, objective=BOTH)).onnx)
    without = graph(exported(vary(experiment, model=alone, objective=RLE())).onnx)
    assert with_branch[0] == without[0]
    assert sorted(with_branch[1].values()) == sorted(without[1].values())


def test_the_file_takes_any_number_of_crops_and_says_what_they_are(experiment, exported) -> None:
    model = exported(experiment).onnx
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["fingerprint"] == experiment.fingerprint()
    assert about["keypoints"].startswith("nose,left_eye")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for B in (1, 3, 7):
        image = torch.zeros(B, 32, 32, 3, dtype=torch.uint8).numpy()
        mu, sigma, score = session.run(None, {"image": image})
        assert (mu.shape, sigma.shape, score.shape) == ((B, 17, 2), (B, 17, 2), (B, 17))
        assert score == pytest.approx(1 - sigma.mean(2), abs=1e-6)


def test_a_file_that_computes_something_else_is_not_kept(
    experiment, initialised, tmp_path, monkeypatch
) -> None:
    trained = initialised(experiment)
    monkeypatch.setattr(export, "compare", lambda *_: {"mu": float("nan")})
    with refused("export-differs"):
        export.export(trained, "torch", tmp_path / "model.pt2", torch.zeros(1, 32, 32, 3, dtype=torch.uint8))
    assert not list(tmp_path.glob("*.pt2"))


def test_comparing_sees_a_difference_in_any_batch(experiment, initialised) -> None:
    model = export.Inference(initialised(experiment).net)
    image = torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8)

    def wrong_alone(batch: torch.Tensor) -> dict[str, torch.Tensor]:
        return {name: tensor + (len(batch) == 1) for name, tensor in model(batch).items()}

    assert max(export.compare(model, model, image).values()) == 0
    assert export.compare(model, wrong_alone, image)["sigma"] == pytest.approx(1)


def test_what_onnx_has_no_operation_for_is_an_error_with_a_way_out(experiment, initialised, tmp_path) -> None:
    retina = Experiment(
        data=RetinaBoundaries(source=DmeFolder(), size=(16, 16)),
        model=BoundaryNet(channels=2, depth=2, head="softargmax"),
        objective=L1(),
        schedule=experiment.schedule,
    )
    trained = initialised(retina)
    image = export.samples(trained, tmp_path).image
    with refused("no-onnx"):
        export.export(trained, "onnx", tmp_path / "model.onnx", image)
    assert max(export.export(trained, "torch", tmp_path / "model.pt2", image).values()) < 1e-5


def test_the_command_writes_where_it_says(experiment, save, tmp_path, capsys) -> None:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    out = tmp_path / "deep" / "model.onnx"
    parsed = parser.parse_args(["export", str(save(experiment)), "--out", str(out)])
    assert parsed.act(parsed) == 0
    said = capsys.readouterr().out.replace("\n", " ")
    assert out.is_file()
    assert "uint8 (B, 32, 32, 3) to mu, sigma, score" in said
    assert "largest difference to the model on 16 random pictures: mu" in said


@pytest.mark.parametrize("form", command.FORMATS)
def test_an_export_writes_nothing_outside_its_folder(experiment, save, tmp_path, form) -> None:
    places = {name: tmp_path / name for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    for place in places.values():
        place.mkdir()
    out = tmp_path / "out" / f"model{export.SUFFIX[form]}"
    line = ["export", save(experiment), "--format", form, "--out", str(out), "--storage", str(tmp_path / "s")]
    subprocess.run(
        [sys.executable, "-m", "sweeps", *line],
        check=True,
        cwd=ROOT,
        env={**os.environ, **{name: str(place) for name, place in places.items()}},
    )
    written = [path for place in places.values() for path in place.rglob("*") if path.is_file()]
    assert written == []
    assert list(out.parent.iterdir()) == [out]


def test_the_checkpoint_is_not_written_over(experiment, save, tmp_path) -> None:
    file = save(experiment)
    before = file.read_bytes()
    (tmp_path / "link.onnx").symlink_to(file)
    (tmp_path / "hard.onnx").hardlink_to(file)
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    for out in (file, tmp_path / "link.onnx", tmp_path / "hard.onnx"):
        parsed = parser.parse_args(["export", str(file), "--out", str(out)])
        with refused("would-overwrite"):
            parsed.act(parsed)
    assert file.read_bytes() == before


def test_the_default_name_is_one_word(experiment, initialised) -> None:
    name = command.default_name(initialised(experiment), "onnx")
    assert name == f"rle-3x8-with-half-bodies-on-coco-seed-0-{experiment.fingerprint()[:8]}.onnx"
