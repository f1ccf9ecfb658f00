"""Others' weights, once they are a checkpoint of ours, predict what their own code predicts.

That code stands here once more, as functions of a state dict and nothing of ours.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from orchestrator.cli import import_checkpoint, predict
from orchestrator.inference import export
from orchestrator.inference.import_weights import import_file
from orchestrator.inference.model_store import load
from orchestrator.training.checkpoint import CheckpointError
from tests.support.errors import refused

State = dict[str, Tensor]
Prediction = tuple[Tensor, Tensor]


def convolution(state: State, x: Tensor, name: str, norm: str, stride: int, padding: int) -> Tensor:
    y = F.conv2d(x, state[f"{name}.weight"], stride=stride, padding=padding)
    mean, var, weight, bias = (state[f"{norm}.{part}"][:, None, None] for part in STATISTICS)
    return (y - mean) / torch.sqrt(var + 1e-5) * weight + bias


STATISTICS = ("running_mean", "running_var", "weight", "bias")


def resnet18(state: State, x: Tensor) -> Tensor:
    """(B, 3, H, W) -> features (B, 512), from tensors named conv1.weight, layer1.0.bn1.bias and so on."""
    x = F.max_pool2d(F.relu(convolution(state, x, "conv1", "bn1", 2, 3)), 3, 2, 1)
    for stage, block in ((stage, block) for stage in range(1, 5) for block in range(2)):
        at, stride = f"layer{stage}.{block}.", 2 if stage > 1 and block == 0 else 1
        y = F.relu(convolution(state, x, f"{at}conv1", f"{at}bn1", stride, 1))
        y = convolution(state, y, f"{at}conv2", f"{at}bn2", 1, 1)
        if stride == 2:
            x = convolution(state, x, f"{at}downsample.0", f"{at}downsample.1", 2, 0)
        x = F.relu(x + y)
    return x.mean((2, 3))


def below(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def channels(*values: float) -> Tensor:
    return torch.tensor(values).view(3, 1, 1)


def normed(feature: Tensor, weight: Tensor, bias: Tensor, D: int) -> Tensor:
    length = feature.square().sum(1, keepdim=True).sqrt()
    return (feature @ weight.T / length + bias).reshape(len(feature), -1, D)


def authors_2d(state: State, image: Tensor) -> Prediction:
    pixels = image.permute(0, 3, 1, 2) / 255 - channels(0.406, 0.457, 0.480)
    feature = resnet18(below(state, "preact."), pixels)
    mu = normed(feature, state["fc_coord.linear.weight"], state["fc_coord.linear.bias"], 2)
    sigma = feature @ state["fc_sigma.linear.weight"].T + state["fc_sigma.linear.bias"]
    return mu, sigma.sigmoid().reshape(mu.shape)


def authors_3d(state: State, image: Tensor) -> Prediction:
    pixels = (image.permute(0, 3, 1, 2) / 255 - channels(0.406, 0.457, 0.480)) / channels(0.225, 0.224, 0.229)
    feature = resnet18(below(state, "preact."), pixels)
    mu = normed(feature, state["fc_coord.linear.weight"], state["fc_coord.linear.bias"], 3)
    mu[..., 2] -= mu[:, :1, 2].clone()
    sigma = feature @ state["fc_sigma.weight"].T + state["fc_sigma.bias"]
    return mu, sigma.sigmoid().reshape(mu.shape)


def mmpose(state: State, image: Tensor) -> Prediction:
    pixels = image.permute(0, 3, 1, 2) - channels(123.675, 116.28, 103.53)
    feature = resnet18(below(state, "backbone."), pixels / channels(58.395, 57.12, 57.375))
    out = (feature @ state["head.fc.weight"].T + state["head.fc.bias"]).reshape(len(image), -1, 4)
    return out[..., :2] - 0.5, out[..., 2:].sigmoid()  # theirs runs from 0 to 1 across the crop


def random_trunk(prefix: str) -> State:
    shapes = {"conv1.weight": (64, 3, 7, 7)}
    norms = {"bn1": 64}
    before = 64
    for stage, after in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            at = f"layer{stage}.{block}."
            shapes |= {f"{at}conv1.weight": (after, before, 3, 3), f"{at}conv2.weight": (after, after, 3, 3)}
            norms |= {f"{at}bn1": after, f"{at}bn2": after}
            if before != after:
                shapes[f"{at}downsample.0.weight"] = (after, before, 1, 1)
                norms[f"{at}downsample.1"] = after
            before = after
    state = {name: torch.randn(shape) * (2 / np.prod(shape[1:])) ** 0.5 for name, shape in shapes.items()}
    for name, count in norms.items():
        state |= {f"{name}.{part}": 0.5 + torch.rand(count) for part in ("running_var", "weight")}
        state |= {f"{name}.{part}": 0.1 * torch.randn(count) for part in ("running_mean", "bias")}
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)
    return {f"{prefix}.{name}": value for name, value in state.items()}


def random_flow(prefix: str, D: int) -> State:
    shapes = [(64, D), (64, 64), (D, 64)]
    state: State = {
        f"{prefix}.{net}.{k}.{2 * layer}.{part}": torch.randn(shape if part == "weight" else shape[:1]) / 8
        for net in ("s", "t")
        for k in range(6)
        for layer, shape in enumerate(shapes)
        for part in ("weight", "bias")
    }
    masks = [[0, 1], [1, 0]] if D == 2 else [[0, 0, 1], [1, 1, 0]]
    return {**state, f"{prefix}.mask": torch.tensor(masks * 3, dtype=torch.float32)}


def random_layer(name: str, outputs: int) -> State:
    return {f"{name}.weight": torch.randn(outputs, 512) / 20, f"{name}.bias": torch.randn(outputs) / 10}


def of_the_authors_2d() -> State:
    heads = random_layer("fc_coord.linear", 34) | random_layer("fc_sigma.linear", 34)
    return random_trunk("preact") | heads | random_flow("flow", 2)


def of_the_authors_3d() -> State:
    heads = random_layer("fc_coord.linear", 54) | random_layer("fc_sigma", 54)
    return random_trunk("preact") | heads | random_flow("flow2d", 2) | random_flow("flow3d", 3)


def of_mmpose() -> State:
    """On MPII, whose people have 16 joints."""
    loss = random_flow("head.loss_module.flow_model", 2)
    return random_trunk("backbone") | random_layer("head.fc", 64) | loss


def saved(make: Callable[[], State], folder: Path) -> Path:
    torch.manual_seed(5)
    torch.save({"state_dict": make()}, folder / "theirs.pth")
    return folder / "theirs.pth"


@pytest.mark.parametrize(
    ("make", "reference", "data", "size", "convention"),
    [
        (of_the_authors_2d, authors_2d, "coco", (256, 192), "official"),
        (of_the_authors_3d, authors_3d, "human36m", (256, 256), "official"),
        (of_mmpose, mmpose, "mpii", (256, 256), "mmpose"),
    ],
)
def test_what_comes_back_from_the_checkpoint_predicts_what_theirs_predicts(
    tmp_path, make, reference, data, size, convention
) -> None:
    file = saved(make, tmp_path)
    experiment = import_file(file, tmp_path / "ours").experiment
    found = load(tmp_path / "ours" / "checkpoint.pt")
    image = torch.randint(0, 256, (2, *size, 3), dtype=torch.uint8)
    with torch.inference_mode():
        mu, sigma = reference(torch.load(file)["state_dict"], image)
        output = found.net(image)
    assert found.experiment == experiment
    assert found.finished
    assert (experiment.data.name, experiment.data.size) == (data, size)
    assert experiment.objective.convention == convention
    torch.testing.assert_close(output.mu, mu, atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(output.sigma, sigma, atol=2e-5, rtol=1e-5)
    assert mu.std() > 1e-2  # else the comparison would say nothing
    assert sigma.std() > 1e-2


def test_the_flow_comes_along(tmp_path: Path) -> None:
    file = saved(of_the_authors_2d, tmp_path)
    import_file(file, tmp_path / "ours")
    flow = load(tmp_path / "ours" / "checkpoint.pt").objective.flow
    theirs = torch.load(file)["state_dict"]
    assert torch.equal(flow.state_dict()["weights.0"][3, 1], theirs["flow.t.3.0.weight"])
    assert torch.equal(flow.state_dict()["biases.2"][5, 0], theirs["flow.s.5.4.bias"])


def test_an_imported_model_predicts_and_is_exported(tmp_path: Path, pictures: Path, capsys) -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    import_checkpoint.add_parser(commands)
    predict.add_parser(commands)
    ours, out = tmp_path / "ours", tmp_path / "out"
    for line in (
        ["import-checkpoint", saved(of_the_authors_2d, tmp_path), "--out", ours],
        ["predict", ours, pictures, "--out", out],
    ):
        parsed = parser.parse_args(list(map(str, line)))
        assert parsed.act(parsed) == 0
    assert "17 points in 2-D, crops of 256×192" in capsys.readouterr().out
    assert len(json.loads((out / "keypoints.json").read_text())) == 3
    trained = load(ours / "checkpoint.pt")
    image = export.samples(trained, tmp_path).image[:2]
    assert max(export.export(trained, "onnx", tmp_path / "model.onnx", image).values()) < 1e-4


def test_models_of_other_people_are_refused_with_what_there_is(tmp_path: Path) -> None:
    def strange() -> State:
        heads = random_layer("fc_coord.linear", 10) | random_layer("fc_sigma.linear", 10)
        return random_trunk("preact") | heads | random_flow("flow", 2)

    with refused("other-points") as caught:
        import_file(saved(strange, tmp_path), tmp_path / "ours")
    assert "17 in 2-D (coco)" in str(caught.value)
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("not weights", "unsafe-weights"),
        ({"a.weight": torch.zeros(1)}, "unknown-model"),
        ({"epoch": 3}, "no-state-dict"),
    ],
)
def test_files_without_such_weights_are_refused_by_name(tmp_path: Path, content, code: str) -> None:
    path = tmp_path / "theirs.pth"
    path.write_text(content) if isinstance(content, str) else torch.save(content, path)
    with refused(code, CheckpointError) as refusal:
        import_file(path, tmp_path / "ours")
    assert "theirs.pth: " in str(refusal.value)


SETTINGS = {"cfg": "codec = dict(type='RegressionLabel', input_size=(288, 384))"}


@pytest.mark.parametrize(
    ("meta", "size", "expected", "said"),
    [
        (SETTINGS, None, (384, 288), "settings"),
        (SETTINGS, (320, 256), (320, 256), "option"),
        ({}, (384, 288), (384, 288), "option"),
        ({}, None, (256, 192), "nobody"),
    ],
)
def test_crops_are_as_large_as_those_of_its_training(tmp_path: Path, meta, size, expected, said) -> None:
    torch.manual_seed(5)
    torch.save({"meta": meta, "state_dict": of_the_authors_2d()}, tmp_path / "theirs.pth")
    imported = import_file(tmp_path / "theirs.pth", tmp_path / "ours", size)
    assert (imported.experiment.data.size, imported.size_by) == (expected, said)


@pytest.mark.parametrize(
    ("meta", "size", "code"),
    [
        ({"cfg": "input_size=(288, 384), input_size=(192, 256)"}, None, "ambiguous-size"),
        ({}, (100, 100), "impossible-size"),
        ({}, (10**9, 10**9), "impossible-size"),
        ({"cfg": "input_size=(1000000, 32)"}, None, "impossible-size"),
    ],
)
def test_a_size_that_is_not_known_or_not_possible_is_refused(tmp_path: Path, meta, size, code: str) -> None:
    torch.manual_seed(5)
    torch.save({"meta": meta, "state_dict": of_the_authors_2d()}, tmp_path / "theirs.pth")
    with refused(code, CheckpointError) as caught:
        import_file(tmp_path / "theirs.pth", tmp_path / "ours", size)
    assert "--size" in str(caught.value)
    assert not (tmp_path / "ours").exists()


def test_an_import_takes_the_place_of_another_and_of_nothing_else(experiment, save, tmp_path: Path) -> None:
    file = saved(of_the_authors_2d, tmp_path)
    for _ in range(2):
        import_file(file, tmp_path / "ours")
    trained = save(experiment)
    before = trained.read_bytes()
    with refused("would-overwrite"):
        import_file(file, trained.parent)
    assert trained.read_bytes() == before
    own = tmp_path / "theirs" / "checkpoint.pt"
    own.parent.mkdir()
    file.rename(own)
    with refused("would-overwrite"):
        import_file(own, own.parent)
    assert torch.load(own).keys() == {"state_dict"}
