"""Where the kernels stand in for matrix products, and what is left to the products."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils.flop_counter import FlopCounterMode

from models import flow_kernels
from models.realnvp import RealNVP
from tests.support.flows import build, by_pieces, samples, supported
from tests.support.paths import ROOT


def test_log_prob_of_the_flow_is_supported_where_it_pays() -> None:
    torch.set_num_threads(1)
    assert supported(build(), samples(544))
    assert supported(build(RealNVP(layers=5, width=32)), samples(544))
    assert not supported(build(RealNVP(layers=5, width=32)), samples(17))


def test_other_flows_samples_and_dimensions_are_not_supported() -> None:
    flow, x = build(), samples(544)
    assert not supported(flow, x.double())
    assert not supported(flow, x.to("meta"))
    assert not supported(flow, x[:, :1])
    assert not supported(flow, x.flatten())
    assert not supported(copy.deepcopy(flow).double(), x)
    assert not supported(RealNVP().build(3), torch.zeros(544, 3))
    assert not supported(build(RealNVP(layers=2)), x)


def test_what_needs_operators_of_pytorch_is_not_supported() -> None:
    flow, x, seen = build(), samples(544), []

    def probe(x: Tensor) -> Tensor:
        seen.append(supported(flow, x))
        return x.sum()

    torch.func.grad(probe)(x)
    torch.func.jacrev(probe)(x)
    torch.func.vmap(probe)(x[None])
    torch.func.jvp(probe, (x,), (x,))
    with forward_ad.dual_level():
        probe(forward_ad.make_dual(x, x))
    with FlopCounterMode(display=False):
        probe(x)
    torch.jit.trace(probe, (x,), check_trace=False)
    torch.compile(probe, backend="eager")(x)
    assert not any(seen)
    assert len(seen) >= 8


def test_without_numba_nothing_is_supported_and_products_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    flow, x = build(), samples(544)
    monkeypatch.setitem(sys.modules, "models.flow_kernels.pieces", None)
    monkeypatch.setattr(flow_kernels, "compiled", flow_kernels.compiled.__wrapped__)
    with pytest.warns(UserWarning, match="numba"):
        assert not supported(flow, x)
    with pytest.warns(UserWarning, match="numba"):
        assert by_pieces(flow, x) is None


def python(code: str, **environment: str) -> None:
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        timeout=120,
    )


def test_models_are_imported_without_numba_or_torchvision() -> None:
    python("import sys, models; assert not {'numba', 'torchvision'} & set(sys.modules)")


def test_a_change_in_what_a_kernel_calls_is_compiled(tmp_path: Path) -> None:
    shutil.copy(ROOT / "models/flow_kernels/types.py", tmp_path / "types_of_kernels.py")
    (tmp_path / "kernel.py").write_text(
        "from types_of_kernels import entry\nfrom called import f\n@entry\ndef g(x):\n    return f(x)\n"
    )
    for factor, hits in ((2, 0), (2, 1), (3, 0)):
        (tmp_path / "called.py").write_text(
            f"from types_of_kernels import jit\n@jit\ndef f(x):\n    return {factor} * x\n"
        )
        code = f"import kernel; assert kernel.g(7) == {7 * factor}; g = kernel.g.stats.cache_hits"
        python(f"{code}; assert sum(g.values()) == {hits}, g", PYTHONPATH=str(tmp_path))


def test_kernels_are_compiled_where_no_folder_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").touch()
    (tmp_path / "kernel.py").write_text(
        "from models.flow_kernels.types import entry\n@entry\ndef twice(x):\n    return 2 * x\n"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import kernel; assert kernel.twice(21) == 42"
    python(code, HOME=os.devnull, XDG_CACHE_HOME=os.devnull, PYTHONDONTWRITEBYTECODE="1")
