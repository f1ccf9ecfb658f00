"""Muon: what its iteration does to singular values, and its step beside PyTorch's own."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from models.muon import COEFFICIENTS, Muon, orthogonal


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def polynomial(values: Tensor, iterations: int) -> Tensor:
    """What becomes of singular values, one by one."""
    a, b, c = COEFFICIENTS
    values = values / values.norm()
    for _ in range(iterations):
        values = a * values + b * values**3 + c * values**5
    return values


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    iterations=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_singular_values_go_through_the_polynomial_and_vectors_stay(
    rows: int, columns: int, iterations: int, seed: int
) -> None:
    u, s, v = torch.linalg.svd(random(rows, columns, seed=seed).double(), full_matrices=False)
    s = s + 0.1 * s[0]  # tiny ones hang on digits that float32 has not
    expected = u @ torch.diag(polynomial(s, iterations)) @ v
    found = orthogonal((u @ torch.diag(s) @ v).float(), iterations)
    assert torch.allclose(found.double(), expected, atol=1e-3)


def test_five_iterations_make_a_matrix_nearly_orthogonal() -> None:
    values = torch.linalg.svdvals(orthogonal(random(32, 144), 5))
    assert values.min() > 0.65
    assert values.max() < 1.25


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e12])
def test_the_size_of_a_gradient_does_not_matter(scale: float) -> None:
    matrix = random(6, 9)
    found = orthogonal(scale * matrix, 5)
    expected = torch.zeros(6, 9) if scale == 0 else orthogonal(matrix, 5)
    assert torch.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(8, 20), (20, 8)])
def test_a_matrix_moves_as_by_pytorchs_muon(shape: tuple[int, int]) -> None:
    """PyTorch multiplies in bfloat16, of which seven binary digits are left."""
    config = Muon(lr=0.1, momentum=0.9)
    ours, theirs = nn.Parameter(random(*shape)), nn.Parameter(random(*shape))
    start = theirs.detach().clone()
    optimiser = config.build([ours])
    reference = torch.optim.Muon([theirs], lr=config.lr, momentum=config.momentum, weight_decay=0)
    for step in range(4):
        gradient = random(*shape, seed=step + 1)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        optimiser.step()
        reference.step()
    assert (ours - theirs).norm() < 0.02 * (theirs - start).norm()


def test_a_convolution_moves_as_its_matrix() -> None:
    kernel, matrix = nn.Parameter(random(6, 4, 3, 3)), nn.Parameter(random(6, 4, 3, 3).flatten(1))
    optimiser = Muon().build([kernel, matrix])
    for step in range(2):
        gradient = random(6, 4, 3, 3, seed=step + 1)
        kernel.grad, matrix.grad = gradient, gradient.flatten(1)
        optimiser.step()
    assert torch.equal(kernel.flatten(1), matrix)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_order_in_memory_does_not_matter(memory_format: torch.memory_format) -> None:
    kernel = nn.Parameter(random(6, 4, 3, 3).contiguous(memory_format=memory_format))
    kernel.grad = random(6, 4, 3, 3, seed=1).contiguous(memory_format=memory_format)
    plain = nn.Parameter(random(6, 4, 3, 3))
    plain.grad = random(6, 4, 3, 3, seed=1)
    Muon().build([kernel, plain]).step()
    assert torch.allclose(kernel, plain, atol=1e-6)


def test_what_has_no_gradient_stays() -> None:
    still, moving = nn.Parameter(random(3, 3)), nn.Parameter(random(3, 3))
    moving.grad = torch.ones(3, 3)
    Muon().build([still, moving]).step()
    assert torch.equal(still, random(3, 3))
    assert not torch.equal(moving, random(3, 3))
