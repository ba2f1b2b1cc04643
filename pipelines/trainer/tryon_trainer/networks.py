"""The warp network: two feature pyramids, local correlation, and cascaded flow estimation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .warp import compose, enlarge, sample

# How far one head may move a garment, in pixels of its scale.
REACH = 2.0


def channels(base: int, width: float) -> int:
    """Channel count base x width, rounded to a multiple of 8 (what vector units like)."""
    return max(8, int(base * width / 8 + 0.5) * 8)


def fold(x: Tensor, patch: int) -> Tensor:
    """Move patch x patch pixel blocks into channels: [n, c, h, w] into [n, c p², h/p, w/p]."""
    return x if patch == 1 else F.pixel_unshuffle(x, patch)


def unfold(x: Tensor, patch: int) -> Tensor:
    """Undo fold."""
    return x if patch == 1 else F.pixel_shuffle(x, patch)


def last_layer(module: nn.Conv2d) -> nn.Conv2d:
    """Zero a head's last layer, so that it starts as "no change"."""
    nn.init.zeros_(module.weight)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    return module


class Residual(nn.Module):
    """Pre-activation residual block, [n, c, h, w] to the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add the block's output to its input."""
        return x + self.body(x)


class Pyramid(nn.Module):
    """Encoder with a feature pyramid: [n, c, h, w] to a list, fine to coarse, of [n, f, h/s, w/s]."""

    def __init__(self, inputs: int, width: float, levels: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        widths = [channels(16 * min(2**i, 4), width) for i in range(levels)]
        self.features = channels(64, width)
        before = inputs * patch * patch
        stages = []
        for after in widths:
            stages.append(nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), Residual(after)))
            before = after
        self.stages = nn.ModuleList(stages)
        self.lateral = nn.ModuleList([nn.Conv2d(w, self.features, 1) for w in widths])
        self.smooth = nn.ModuleList([nn.Conv2d(self.features, self.features, 3, padding=1) for _ in widths])

    def forward(self, x: Tensor) -> list[Tensor]:
        """Compute the features of every scale."""
        x = fold(x, self.patch)
        bottom_up = []
        for stage in self.stages:
            x = stage(x)
            bottom_up.append(x)
        out: list[Tensor] = []
        above: Tensor | None = None
        for i in reversed(range(len(bottom_up))):
            above = self.lateral[i](bottom_up[i]) + (0 if above is None else F.interpolate(above, scale_factor=2.0))
            out.insert(0, self.smooth[i](above))
        return out


def correlation(a: Tensor, b: Tensor, radius: int) -> Tensor:
    """Local correlation of a with shifted b, both [n, c, h, w], into [n, (2r+1)², h, w].

    A loop over shifts instead of a custom kernel: it runs anywhere and can be exported.
    """
    height, width = int(a.shape[-2]), int(a.shape[-1])
    padded = F.pad(b, (radius, radius, radius, radius))
    shifts = [
        (a * padded[..., dy : dy + height, dx : dx + width]).mean(1, keepdim=True)
        for dy in range(2 * radius + 1)
        for dx in range(2 * radius + 1)
    ]
    return F.leaky_relu(torch.cat(shifts, 1), 0.1)


class Head(nn.Module):
    """Small convolution stack that predicts a flow change [n, 2, h, w], in pixels of its own scale."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, hidden, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(hidden, hidden // 2, 3, padding=1),
            nn.LeakyReLU(0.1),
            last_layer(nn.Conv2d(hidden // 2, 2, 3, padding=1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Predict, and convert pixels to normalised coordinates.

        One step is bounded: a garment thrown out of the frame gets no gradient and never comes back.
        """
        unit = x.new_tensor([2 / int(x.shape[-1]), 2 / int(x.shape[-2])]).view(1, 2, 1, 1)
        return REACH * torch.tanh(self.body(x) / REACH) * unit


@dataclass
class Warp:
    """What a warp network says about a batch.

    flows: one per scale, coarse to fine, [n, 2, h_s, w_s]; deltas: all changes that were composed;
    condition: the condition's pyramid, fine to coarse, for distillation.
    """

    flows: list[Tensor]
    deltas: list[Tensor]
    condition: list[Tensor]

    @property
    def finest(self) -> Tensor:
        """Flow of the finest scale."""
        return self.flows[-1]


class WarpNet(nn.Module):
    """Appearance flow from a garment to a condition (body representation, or the photo itself)."""

    def __init__(self, condition: int, width: float, levels: int, patch: int) -> None:
        super().__init__()
        self.garment_pyramid = Pyramid(4, width, levels, patch)
        self.condition_pyramid = Pyramid(condition, width, levels, patch)
        features = self.garment_pyramid.features
        # Coarse scales search far; at the finest a 5x5 window is enough and four times cheaper.
        self.radius = [3] * (levels - 1) + [2]
        self.flow_heads = nn.ModuleList([Head((2 * r + 1) ** 2, features) for r in self.radius])
        self.refine_heads = nn.ModuleList([Head(2 * features, features) for _ in self.radius])

    def forward(self, garment: Tensor, mask: Tensor, condition: Tensor) -> Warp:
        """Estimate flows from garment [n, 3, h, w], mask [n, 1, h, w], condition [n, c, h, w]."""
        return self.match(garment, mask, self.condition_pyramid(condition))

    def match(self, garment: Tensor, mask: Tensor, condition_features: list[Tensor]) -> Warp:
        """Estimate flows as forward does, from the condition's pyramid instead of the condition."""
        garment_features = self.garment_pyramid(torch.cat([garment, mask], 1))
        flow: Tensor | None = None
        flows, deltas = [], []
        for i, (x, c) in enumerate(zip(reversed(garment_features), reversed(condition_features), strict=True)):
            flow = None if flow is None else enlarge(flow, 2)
            moved = x if flow is None else sample(x, flow)
            delta = self.flow_heads[i](correlation(c, moved, self.radius[i]))
            flow = delta if flow is None else compose(flow, delta)
            refined = self.refine_heads[i](torch.cat([sample(x, flow), c], 1))
            flow = compose(flow, refined)
            flows.append(flow)
            deltas += [delta, refined]
        return Warp(flows, deltas, condition_features)
