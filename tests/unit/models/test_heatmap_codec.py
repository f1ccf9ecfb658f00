"""Heatmaps: what is drawn, what is read, and what a mirror does to them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.heatmap_codec import decode, gaussians, mirror, soft_argmax

SIZE = (64, 48)


def units(x: float, y: float, size: tuple[int, int] = SIZE) -> Tensor:
    """Pixels of the map in units of the crop."""
    return torch.tensor([[x / size[1] - 0.5, y / size[0] - 0.5]])


def bell(x: float, y: float, sigma: float, size: tuple[int, int] = SIZE) -> Tensor:
    """A Gaussian without a window and without rounding, float64 (1, 1, h, w)."""
    rows, columns = torch.meshgrid(*(torch.arange(n).double() for n in size), indexing="ij")
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))[None, None]


def test_the_window_is_13_by_13_around_a_peak_of_one() -> None:
    drawn = gaussians(units(20, 30), SIZE, sigma=2)[0]
    rows, columns = drawn.nonzero().unbind(1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (24, 36, 14, 26)
    assert drawn.count_nonzero() == 13 * 13
    assert drawn[30, 20] == drawn.max() == 1
    torch.testing.assert_close(drawn[33, 22].item(), math.exp(-(3**2 + 2**2) / 8))


@pytest.mark.parametrize(
    ("x", "column"),
    [(20.0, 20), (20.49, 20), (20.51, 21), (-0.4, 0), (-1.4, 0), (-1.6, -1), (47.6, 48)],
)
def test_the_centre_is_the_whole_part_of_x_and_a_half(x: float, column: int) -> None:
    drawn = gaussians(units(x, 30), SIZE, sigma=2)[0]
    expected = bell(column, 30, 2)[0, 0].float()
    inside = (torch.arange(48) - column).abs() <= 6
    torch.testing.assert_close(drawn[30], expected[30] * inside)


@pytest.mark.parametrize(("x", "columns"), [(-7.0, 1), (-8.0, 0), (53.0, 1), (54.0, 0)])
def test_a_target_outside_leaves_what_of_its_window_lies_inside(x: float, columns: int) -> None:
    drawn = gaussians(units(x, 30), SIZE, sigma=2)[0]
    assert int(drawn.any(0).sum()) == columns


@pytest.mark.parametrize(("sigma", "side"), [(1.0, 7), (1.5, 9), (3.0, 19)])
def test_the_window_reaches_three_sigma(sigma: float, side: int) -> None:
    assert gaussians(units(20, 30), SIZE, sigma).count_nonzero() == side * side


def one_map(*values: tuple[int, int, float], size: tuple[int, int] = (6, 8)) -> Tensor:
    """A map of zeros but for (row, column, value)."""
    maps = torch.zeros(1, 1, *size)
    for row, column, value in values:
        maps[0, 0, row, column] = value
    return maps


def test_the_argmax_moves_a_quarter_towards_the_larger_neighbour() -> None:
    mu, score = decode(one_map((3, 4, 0.9), (3, 5, 0.5), (3, 3, 0.2), (2, 4, 0.6), (4, 4, 0.1)))
    torch.testing.assert_close(mu[0, 0], torch.tensor([4.25 / 8 - 0.5, 2.75 / 6 - 0.5]))
    assert score[0, 0] == pytest.approx(0.9)


def test_equal_neighbours_move_nothing() -> None:
    mu, _ = decode(one_map((3, 4, 0.9), (3, 5, 0.5), (3, 3, 0.5)))
    torch.testing.assert_close(mu[0, 0], torch.tensor([4 / 8 - 0.5, 3 / 6 - 0.5]))


@pytest.mark.parametrize(
    ("row", "column", "moves"),
    [(2, 2, True), (4, 6, True), (1, 3, False), (3, 1, False), (5, 3, False), (3, 7, False), (0, 0, False)],
)
def test_near_the_edge_the_argmax_stays(row: int, column: int, moves: bool) -> None:
    maps = one_map((row, column, 1.0)) - torch.arange(6.0 * 8).view(6, 8) / 100
    expected = torch.tensor([column, row]) - (0.25 if moves else 0.0)
    torch.testing.assert_close(decode(maps)[0][0, 0], expected / torch.tensor([8, 6]) - 0.5)


def test_each_map_is_read_by_itself() -> None:
    maps = torch.cat([one_map((3, 4, 0.9)), one_map((0, 7, 0.4)), one_map((5, 0, 0.1))], 1)
    mu, score = decode(torch.cat([maps, maps.flip(1)]))
    torch.testing.assert_close(mu[1], mu[0].flip(0))
    torch.testing.assert_close(score[0], torch.tensor([0.9, 0.4, 0.1]))
    torch.testing.assert_close(mu[0, 1], torch.tensor([7 / 8 - 0.5, -0.5]))


@given(st.floats(8, 39), st.floats(8, 55))
def test_what_is_drawn_is_read_back_to_three_quarters_of_a_pixel(x: float, y: float) -> None:
    mu, score = decode(gaussians(units(x, y), SIZE, sigma=2)[None])
    assert score[0, 0] == 1
    assert ((mu[0] - units(x, y)).abs() * torch.tensor([48, 64])).max() <= 0.75


@given(st.floats(12, 35), st.floats(12, 51))
def test_the_soft_argmax_of_a_gaussian_is_its_centre(x: float, y: float) -> None:
    mu, spread = soft_argmax(bell(x, y, sigma=2).log().clamp(min=-1e3))
    torch.testing.assert_close(mu[0], units(x, y).double(), atol=1e-7, rtol=0)
    torch.testing.assert_close(spread[0], torch.tensor([[2 / 48, 2 / 64]]).double(), atol=1e-6, rtol=0)


def test_the_soft_argmax_of_a_volume_is_its_centre_with_depth_last() -> None:
    depth = torch.exp(-((torch.arange(32).double() - 9.3) ** 2) / 8)
    volume = depth[:, None, None] * bell(20.7, 30.2, sigma=2)[:, :, None]
    mu, spread = soft_argmax(volume.log())
    expected = torch.tensor([20.7 / 48 - 0.5, 30.2 / 64 - 0.5, 9.3 / 32 - 0.5]).double()
    torch.testing.assert_close(mu[0, 0], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(spread[0, 0, 2].item(), 2 / 32, atol=1e-4, rtol=0)


def test_the_spread_of_two_equal_peaks_is_half_their_distance() -> None:
    mu, spread = soft_argmax(one_map((3, 1, 100.0), (3, 5, 100.0)))
    torch.testing.assert_close(mu[0, 0], torch.tensor([3 / 8 - 0.5, 0.0]))
    torch.testing.assert_close(spread[0, 0], torch.tensor([2 / 8, 0.0]), atol=1e-6, rtol=0)


def test_the_soft_argmax_has_the_gradient_of_its_finite_differences_and_the_spread_none() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: soft_argmax(x)[0], logits)
    assert not soft_argmax(logits)[1].requires_grad


def test_a_mirrored_map_is_reflected_and_moved_by_one_column() -> None:
    maps = torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])
    assert mirror(maps).tolist() == [[[[4.0, 4.0, 3.0, 2.0]]]]


@given(st.integers(20, 75), st.integers(2, 4))
def test_a_mirrored_joint_comes_back_to_within_rounding_and_a_pixel_of_the_crop(x: int, stride: int) -> None:
    columns = 96 // stride
    drawn = gaussians(units((96 - 1 - x) / stride, 10, (20, columns)), (20, columns), sigma=2)
    column = mirror(drawn[None])[0, 0, 10].argmax().item()
    assert abs(column - x / stride) <= 0.5 + 1 / stride + 1e-5
