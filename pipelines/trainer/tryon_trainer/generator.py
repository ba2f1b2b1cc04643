"""The generator: a residual U-Net that draws what the warp cannot, and the composition of layers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .networks import Residual, channels, fold, unfold
from .warp import reduce

# Colours that a picture is mixed from: skin, trousers, backdrop and one to spare.
COLOURS = 4


@dataclass
class Layers:
    """What the generator draws: rendered [n, 3, h, w], composite mask and keep mask [n, 1, h, w].

    logits [n, 2, h, w] are both masks before the sigmoid; a loss on them still pulls where a mask is saturated.
    """

    rendered: Tensor
    composite: Tensor
    keep: Tensor
    logits: Tensor


class Palette(nn.Module):
    """Colours picked from the photo: where to look is learnt, what is found there is copied.

    Newly bared skin must have the colour of this person's face and hands. A network that paints colours from its
    weights needs long to get skin right, and gets the skin that is rare in its data wrong.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.attention = nn.Conv2d(features, COLOURS, 1)

    def forward(self, features: Tensor, photo: Tensor, visible: Tensor) -> Tensor:
        """Pick colours [n, COLOURS, 3] by features [n, f, h, w] from photo [n, 3, h, w] where visible [n, 1, h, w]."""
        look = self.attention(features).flatten(2) + 8 * (visible.flatten(2) - 1)
        return torch.matmul(torch.softmax(look, dim=2), photo.flatten(2).transpose(1, 2))


class Generator(nn.Module):
    """U-Net from a photo and [n, more, h, w] to Layers.

    PF-AFN's generator gives a picture and a composite mask. This one also gives a keep mask: where the
    person's own pixels stay. It costs one channel, and lets a picture larger than the network stay sharp
    everywhere the garment is not. Its picture is a mixture of colours picked from the photo plus a correction.
    """

    def __init__(self, more: int, width: float, levels: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        widths = [channels(16 * min(2**i, 8), width) for i in range(levels)]
        self.stem = nn.Conv2d((3 + more) * patch * patch, widths[0], 3, padding=1)
        self.first = Residual(widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), Residual(b))
            for a, b in zip(widths, widths[1:], strict=False)
        )
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a + b, a, 3, padding=1), Residual(a))
            for a, b in zip(widths, widths[1:], strict=False)
        )
        self.palette = Palette(widths[0])
        self.out = nn.Sequential(nn.LeakyReLU(0.1), nn.Conv2d(widths[0], (5 + COLOURS) * patch * patch, 3, padding=1))

    def forward(self, photo: Tensor, visible: Tensor, more: Tensor) -> Layers:
        """Draw the layers; photo [n, 3, h, w] is looked at where visible [n, 1, h, w] is 1."""
        x = self.features(torch.cat([photo, more], 1))
        colours = self.palette(x, reduce(photo, self.patch), reduce(visible, self.patch))
        y = unfold(self.out(x), self.patch)
        shares = torch.softmax(y[:, 5:], 1)
        mixed = torch.einsum("nkhw,nkc->nchw", shares, colours)
        # Both masks start near one: the garment where the warp put it, the person elsewhere. Steep, so that they
        # decide within a short training; a mask in between lets the old garment shine through.
        logits = 2 * y[:, 3:5] + 1
        masks = torch.sigmoid(logits)
        return Layers(mixed + torch.tanh(y[:, :3]), masks[:, :1], masks[:, 1:], logits)

    def features(self, x: Tensor) -> Tensor:
        """Compute the U-Net's features [n, f, h / patch, w / patch]."""
        x = self.first(self.stem(fold(x, self.patch)))
        skips = [x]
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = skips.pop()
        for up in reversed(self.up):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = up(torch.cat([skips.pop(), x], 1))
        return x


def lay(person: Tensor, warped: Tensor, warped_mask: Tensor, layers: Layers) -> tuple[Tensor, Tensor]:
    """Put the warped garment over person and rendering; gives the image and its alpha [n, 1, h, w].

    The garment is premultiplied, so warped already carries warped_mask once.
    """
    under = layers.keep * person + (1 - layers.keep) * layers.rendered
    alpha = layers.composite * warped_mask
    return under * (1 - alpha) + warped * layers.composite, alpha
