"""Flow arithmetic: sampling, composition, change of resolution, smoothness."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


@lru_cache(maxsize=64)
def _base_grid(height: int, width: int, device: str) -> Tensor:
    y = (torch.arange(height, dtype=torch.float32) * 2 + 1) / height - 1
    x = (torch.arange(width, dtype=torch.float32) * 2 + 1) / width - 1
    grid = torch.stack([x.expand(height, width), y.unsqueeze(1).expand(height, width)], dim=-1)
    return grid.unsqueeze(0).to(device)


def base_grid(like: Tensor) -> Tensor:
    """Pixel centres [1, h, w, 2] in normalised coordinates for an image of like's size.

    Cached, and computed from plain integers: an exported graph holds it as a constant.
    """
    return _base_grid(int(like.shape[-2]), int(like.shape[-1]), str(like.device))


def sample(image: Tensor, flow: Tensor, padding: str = "zeros") -> Tensor:
    """Warp image [n, c, H, W] by flow [n, 2, h, w] into [n, c, h, w].

    Zeros outside, not the border pixel: repeating it draws streaks when a garment touches the edge.
    """
    grid = base_grid(flow) + flow.permute(0, 2, 3, 1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def compose(flow: Tensor, delta: Tensor) -> Tensor:
    """Flow that first moves by delta and then by flow, both [n, 2, h, w]."""
    return sample(flow, delta, padding="border") + delta


def enlarge(x: Tensor, factor: int) -> Tensor:
    """Bilinear enlargement of [n, c, h, w] by an integer factor."""
    if factor == 1:
        return x
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def reduce(x: Tensor, factor: int) -> Tensor:
    """Area reduction (box filter, no aliasing) of [n, c, h, w] by an integer factor."""
    return x if factor == 1 else F.avg_pool2d(x, factor)


def second_differences(flow: Tensor) -> Tensor:
    """Charbonnier penalty of second differences along four directions, in pixels; a scalar.

    PF-AFN's smoothness: affine deformations cost nothing, creases do.
    """
    size = flow.new_tensor([flow.shape[-1] / 2, flow.shape[-2] / 2]).view(1, 2, 1, 1)
    f = flow * size
    centre = 2 * f[..., 1:-1, 1:-1]
    terms = [
        f[..., 1:-1, :-2] + f[..., 1:-1, 2:] - centre,
        f[..., :-2, 1:-1] + f[..., 2:, 1:-1] - centre,
        f[..., :-2, :-2] + f[..., 2:, 2:] - centre,
        f[..., :-2, 2:] + f[..., 2:, :-2] - centre,
    ]
    return torch.stack([((t * t + 1e-6) ** 0.45).mean() for t in terms]).mean()


def total_variation(flow: Tensor) -> Tensor:
    """Mean absolute first difference of a flow in pixels; a scalar."""
    size = flow.new_tensor([flow.shape[-1] / 2, flow.shape[-2] / 2]).view(1, 2, 1, 1)
    f = flow * size
    return (f[..., 1:] - f[..., :-1]).abs().mean() + (f[..., 1:, :] - f[..., :-1, :]).abs().mean()
