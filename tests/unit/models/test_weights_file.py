"""State dicts from files that hold much else, of which nothing is run and nothing is kept."""

import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models import weights_file
from models.errors import WeightsError
from models.import_weights import convert
from models.weights_file import read
from tests.support.errors import refused
from tests.support.original_networks import Authors2D, MMPose, trained

CFG = """codec = dict(type='RegressionLabel', input_size=(
    288,
    384,
))
model = dict(head=dict(in_channels=2048, decoder=codec))
"""
OLD_CFG = "data_cfg = dict(\n    image_size=[288, 384], heatmap_size=[72, 96])"


class HistoryBuffer:
    """As mmengine logs: arrays, and its own methods by name."""

    def __init__(self) -> None:
        self.history = np.arange(3.0)
        self.methods = {"min": HistoryBuffer.smallest}

    def smallest(self) -> float:
        return float(self.history.min())


class Settings(list[int]):
    """A list of a class of its own."""


@pytest.fixture
def mmengine(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that is there while files are written, and gone when they are read."""
    module = ModuleType("mmengine")
    for kind in (HistoryBuffer, Settings):
        monkeypatch.setattr(kind, "__module__", "mmengine")
        setattr(module, kind.__name__, kind)
    monkeypatch.setattr(HistoryBuffer.smallest, "__module__", "mmengine")
    monkeypatch.setitem(sys.modules, "mmengine", module)
    return module


def beside(**meta: Any) -> dict[str, Any]:
    """What mmpose saves beside the weights."""
    return {
        "meta": {
            "dataset_meta": {
                "sigmas": np.array([0.026, 0.025], np.float32),
                "flip_indices": np.arange(17),
                "joint_weights": np.ones(2),
            },
            "best": np.float64(0.7),
            "path": Path("work_dirs"),
            **meta,
        },
        "message_hub": {"log_scalars": OrderedDict(loss=HistoryBuffer()), "keys": Settings([1, 2])},
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}},
    }


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrapper", ["", "module.", "_orig_mod.module."])
def test_weights_as_mmpose_saves_and_publishes_them_are_read(
    tmp_path: Path, mmengine: ModuleType, monkeypatch: pytest.MonkeyPatch, legacy: bool, wrapper: str
) -> None:
    state = trained(MMPose).state_dict()
    content = beside(cfg=CFG) | {"state_dict": {f"{wrapper}{name}": tensor for name, tensor in state.items()}}
    torch.save(content, tmp_path / "theirs.pth", _use_new_zipfile_serialization=not legacy)
    monkeypatch.delitem(sys.modules, "mmengine")
    saved = read(tmp_path / "theirs.pth")
    assert saved.state.keys() == state.keys()
    assert all(torch.equal(saved.state[name], state[name]) for name in state)
    assert saved.sizes == ((384, 288),)
    assert "mmengine" not in sys.modules
    convert(saved.state)


@pytest.mark.parametrize(
    ("meta", "sizes"),
    [
        ({"cfg": CFG}, ((384, 288),)),
        ({"config": OLD_CFG}, ((384, 288),)),
        ({"cfg": CFG + CFG}, ((384, 288),)),
        ({"cfg": CFG + "input_size=(192, 256)"}, ((384, 288), (256, 192))),
        ({"cfg": "{'codec': {'input_size': [192, 256]}}"}, ((256, 192),)),
        ({"cfg": "image_size=np.array([192, 256])"}, ((256, 192),)),
        ({"cfg": "heatmap_size=(48, 64)"}, ()),
        ({"cfg": np.zeros(3)}, ()),
        ({}, ()),
    ],
)
def test_the_size_of_crops_is_in_the_settings(tmp_path: Path, meta: dict[str, Any], sizes: Any) -> None:
    torch.save({"meta": meta, "state_dict": {"a": torch.zeros(1)}}, tmp_path / "theirs.pth")
    assert read(tmp_path / "theirs.pth").sizes == sizes


class Runs:
    """Unpickled, it would call a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.arguments


def touch(path: str) -> None:
    Path(path).touch()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("function", [eval, exec, __import__, open])
def test_code_beside_the_weights_is_refused_and_not_run(tmp_path: Path, function: Any, legacy: bool) -> None:
    made = tmp_path / "made"
    code = Runs(function, f"open({str(made)!r}, 'w')" if function in (eval, exec) else str(made))
    content = {"state_dict": {"a": torch.zeros(1)}, "meta": code}
    torch.save(content, tmp_path / "theirs.pth", _use_new_zipfile_serialization=not legacy)
    with refused("unsafe-weights", WeightsError) as caught:
        read(tmp_path / "theirs.pth")
    assert "\n" not in str(caught.value)
    assert not made.exists()


def test_functions_of_others_are_not_called(tmp_path: Path) -> None:
    made = tmp_path / "made"
    content = {"state_dict": {"a": torch.zeros(1)}, "meta": Runs(touch, str(made))}
    torch.save(content, tmp_path / "theirs.pth")
    assert read(tmp_path / "theirs.pth").state.keys() == {"a"}
    assert not made.exists()


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"a": np.zeros(3)}, "no-state-dict"),
        ({"a": HistoryBuffer()}, "no-state-dict"),
        ({3: torch.zeros(1)}, "no-state-dict"),
        ({"a": torch.zeros(1).expand(10**15)}, "hollow-tensor"),
        ({"a": torch.zeros(3).to_sparse()}, "hollow-tensor"),
        (HistoryBuffer(), "no-state-dict"),
    ],
)
def test_what_is_no_tensor_among_the_weights_is_refused(tmp_path: Path, state: Any, code: str) -> None:
    torch.save({"state_dict": state}, tmp_path / "theirs.pth")
    with refused(code, WeightsError):
        read(tmp_path / "theirs.pth")


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("fc_coord.linear.bias", lambda t: torch.full_like(t, float("nan")), "not-finite"),
        ("preact.bn1.running_var", lambda t: torch.full_like(t, float("inf")), "not-finite"),
        ("preact.conv1.weight", lambda t: torch.full_like(t, 1e300, dtype=torch.float64), "not-finite"),
        ("flow.s.0.0.bias", lambda t: t.long(), "tensor-dtype"),
        ("flow.s.0.0.bias", lambda t: t.cfloat(), "tensor-dtype"),
        ("preact.bn1.num_batches_tracked", lambda t: t.float(), "tensor-dtype"),
    ],
)
def test_weights_that_are_no_numbers_are_named(name: str, change: Any, code: str) -> None:
    net: nn.Module = Authors2D()
    state = net.state_dict()
    with refused(code, WeightsError) as caught:
        convert({**state, name: change(state[name])})
    assert name in str(caught.value)


def test_torchs_advice_to_let_code_run_is_never_passed_on(tmp_path: Path) -> None:
    class Code:
        def __reduce__(self) -> tuple[object, ...]:
            return eval, ("1",)

    for content in ({"a": torch.zeros(1), "b": Code()}, Code(), Path("x")):
        torch.save(content, tmp_path / "any.pth")
        try:
            torch.load(tmp_path / "any.pth", weights_only=True)
        except Exception as error:
            said = weights_file.reason(error)
            assert "Unsupported" in said
            assert not any(word in said for word in ("weights_only", "safe_globals", "trust"))
    assert weights_file.reason(ValueError("bad\nworse")) == "bad"
    assert weights_file.reason(ValueError()) == "ValueError"
    assert "weights_only" not in weights_file.reason(ValueError("Re-run with weights_only=False"))
