"""The generator: a residual U-Net that draws what the warp cannot, and the composition of layers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .networks import Residual, channels, fold, unfold


@dataclass
class Layers:
    """What the generator draws: rendered [n, 3, h, w], composite mask and keep mask [n, 1, h, w]."""

    rendered: Tensor
    composite: Tensor
    keep: Tensor


class Generator(nn.Module):
    """U-Net from [n, inputs, h, w] to Layers.

    PF-AFN's generator gives a picture and a composite mask. This one also gives a keep mask: where the
    person's own pixels stay. It costs one channel, and lets a picture larger than the network stay sharp
    everywhere the garment is not.
    """

    def __init__(self, inputs: int, width: float, levels: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        widths = [channels(16 * min(2**i, 8), width) for i in range(levels)]
        self.stem = nn.Conv2d(inputs * patch * patch, widths[0], 3, padding=1)
        self.first = Residual(widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), Residual(b))
            for a, b in zip(widths, widths[1:], strict=False)
        )
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a + b, a, 3, padding=1), Residual(a))
            for a, b in zip(widths, widths[1:], strict=False)
        )
        self.out = nn.Sequential(nn.LeakyReLU(0.1), nn.Conv2d(widths[0], 5 * patch * patch, 3, padding=1))

    def forward(self, x: Tensor) -> Layers:
        """Draw the layers."""
        x = self.first(self.stem(fold(x, self.patch)))
        skips = [x]
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = skips.pop()
        for up in reversed(self.up):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = up(torch.cat([skips.pop(), x], 1))
        y = unfold(self.out(x), self.patch)
        # Both masks start near one: the garment where the warp put it, the person elsewhere. Steep, so that they
        # decide within a short training; a mask in between lets the old garment shine through.
        masks = torch.sigmoid(4 * y[:, 3:] + 2)
        return Layers(torch.tanh(y[:, :3]), masks[:, :1], masks[:, 1:])


def lay(person: Tensor, warped: Tensor, warped_mask: Tensor, layers: Layers) -> tuple[Tensor, Tensor]:
    """Put the warped garment over person and rendering; gives the image and its alpha [n, 1, h, w].

    The garment is premultiplied, so warped already carries warped_mask once.
    """
    under = layers.keep * person + (1 - layers.keep) * layers.rendered
    alpha = layers.composite * warped_mask
    return under * (1 - alpha) + warped * layers.composite, alpha
