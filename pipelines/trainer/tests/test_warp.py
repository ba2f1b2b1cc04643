"""Flow arithmetic."""

from __future__ import annotations

import torch

from tryon_trainer.warp import base_grid, compose, enlarge, reduce, sample, second_differences


def shift(x: float, y: float, height: int = 16, width: int = 12) -> torch.Tensor:
    """Constant flow in pixels, [1, 2, height, width]."""
    return torch.tensor([2 * x / width, 2 * y / height]).view(1, 2, 1, 1).expand(1, 2, height, width).clone()


def test_no_flow_changes_nothing() -> None:
    image = torch.rand(2, 3, 16, 12)
    torch.testing.assert_close(sample(image, torch.zeros(2, 2, 16, 12)), image)


def test_a_flow_says_where_a_pixel_comes_from_and_outside_is_zero() -> None:
    image = torch.rand(1, 1, 16, 12)
    moved = sample(image, shift(2, 3))
    torch.testing.assert_close(moved[..., :13, :10], image[..., 3:, 2:])
    assert moved[..., 13:, :].abs().max() < 1e-6


def test_composing_with_nothing_is_the_identity() -> None:
    flow, none = torch.randn(1, 2, 16, 12) * 0.1, torch.zeros(1, 2, 16, 12)
    torch.testing.assert_close(compose(flow, none), flow)
    torch.testing.assert_close(compose(none, flow), flow)


def test_a_composed_flow_equals_two_warps_in_turn() -> None:
    image = torch.rand(1, 1, 16, 12)
    first, second = shift(1, 2), shift(2, -1)
    once = sample(image, compose(first, second))
    twice = sample(sample(image, first), second)
    torch.testing.assert_close(once[..., 4:-4, 4:-4], twice[..., 4:-4, 4:-4])


def test_a_flow_means_the_same_at_every_resolution() -> None:
    small = torch.zeros(1, 2, 8, 6)
    small[:, 0] = 0.25
    image = torch.rand(1, 1, 32, 24)
    moved = sample(image, enlarge(small, 4))
    torch.testing.assert_close(moved[..., :21], image[..., 3:])
    torch.testing.assert_close(base_grid(image)[0, 0, 0], torch.tensor([1 / 24 - 1, 1 / 32 - 1]))


def test_reduction_is_the_mean_over_areas() -> None:
    image = torch.arange(16.0).view(1, 1, 4, 4)
    assert reduce(image, 2).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


def test_smoothness_forgives_affine_flows_and_not_creases() -> None:
    grid = base_grid(torch.zeros(1, 1, 16, 12)).permute(0, 3, 1, 2)
    affine = 0.3 * grid + 0.1
    crease = grid.abs()
    assert second_differences(affine) < 0.01 < second_differences(crease)
