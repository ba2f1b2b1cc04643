"""Teacher and student: which network sees what."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .body import POSE_CHANNELS
from .data import Batch
from .generator import Generator, Layers, lay
from .networks import Warp, WarpNet
from .settings import Params
from .warp import enlarge, sample

# Three preserved regions (head, lower body, hands) and the pose.
TEACHER_CONDITION = 3 + POSE_CHANNELS
# Besides the agnostic image: what it keeps 1, warped garment 3, warped mask 1, pose.
TEACHER_DRAWS = 5 + POSE_CHANNELS
# The photo itself; besides the photo: warped garment 3, warped mask 1.
STUDENT_CONDITION = 3
STUDENT_DRAWS = 4


@dataclass
class Dressed:
    """A try-on: image [n, 3, h, w], garment alpha, warped garment and its mask, layers, and the flows."""

    image: Tensor
    alpha: Tensor
    warped: Tensor
    warped_mask: Tensor
    layers: Layers
    warp: Warp


def move(warp: Warp, garment: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Warp garment [n, 3, h, w] and mask [n, 1, h, w] by the finest flow, at their own resolution."""
    flow = enlarge(warp.finest, garment.shape[-1] // warp.finest.shape[-1])
    moved = sample(torch.cat([garment, mask], 1), flow)
    return moved[:, :3], moved[:, 3:]


def warp_network(condition: int, params: Params) -> WarpNet:
    """Make a warp network for a condition of so many channels."""
    return WarpNet(condition, params.width, params.levels, params.patch)


def generator_network(inputs: int, params: Params) -> Generator:
    """Make a generator for so many channels besides its photo."""
    return Generator(inputs, params.generator_width, params.levels, params.patch)


def teacher_condition(batch: Batch) -> Tensor:
    """What the parser-based warp sees of a person, [n, TEACHER_CONDITION, h, w]: no photo at all."""
    return torch.cat([batch["head"], batch["lower"], batch["hands"], batch["pose"]], 1)


class Teacher(nn.Module):
    """Parser-based try-on: knows parse map and pose, never sees the worn garment."""

    def __init__(self, params: Params) -> None:
        super().__init__()
        self.warp = warp_network(TEACHER_CONDITION, params)
        self.generator = generator_network(TEACHER_DRAWS, params)

    def draw(self, batch: Batch, warped: Tensor, warped_mask: Tensor) -> Layers:
        """Draw over the agnostic image; the keep mask is known, not predicted."""
        keep = batch["keep"]
        more = torch.cat([keep, warped, warped_mask, batch["pose"]], 1)
        layers = self.generator(batch["person"] * keep, keep, more)
        return replace(layers, keep=keep)

    def forward(self, batch: Batch) -> Dressed:
        """Dress the persons in their own garments."""
        warp = self.warp(batch["garment"], batch["mask"], teacher_condition(batch))
        return self._dress(batch, warp, batch["garment"], batch["mask"])

    def redress(self, batch: Batch) -> Dressed:
        """Dress the persons in the other garments, with every pixel kept that the worn one does not touch."""
        warp = self.warp(batch["other_garment"], batch["other_mask"], teacher_condition(batch))
        dressed = self._dress(batch, warp, batch["other_garment"], batch["other_mask"])
        untouched = 1 - F.max_pool2d((batch["worn"] > 0.02).float(), 3, 1, 1)
        layers = replace(dressed.layers, keep=untouched)
        dressed.image, dressed.alpha = lay(batch["person"], dressed.warped, dressed.warped_mask, layers)
        return dressed

    def _dress(self, batch: Batch, warp: Warp, garment: Tensor, mask: Tensor) -> Dressed:
        warped, warped_mask = move(warp, garment, mask)
        layers = self.draw(batch, warped, warped_mask)
        image, alpha = lay(batch["person"], warped, warped_mask, layers)
        return Dressed(image, alpha, warped, warped_mask, layers, warp)


class Student(nn.Module):
    """Parser-free try-on: photo, garment and garment mask are all it ever sees."""

    def __init__(self, params: Params) -> None:
        super().__init__()
        self.warp = warp_network(STUDENT_CONDITION, params)
        self.generator = generator_network(STUDENT_DRAWS, params)

    def forward(self, person: Tensor, garment: Tensor, mask: Tensor) -> Dressed:
        """Dress person [n, 3, h, w] in garment [n, 3, h, w] (premultiplied) of mask [n, 1, h, w]."""
        warp = self.warp(garment, mask, person)
        warped, warped_mask = move(warp, garment, mask)
        layers = self.generator(person, torch.ones_like(warped_mask), torch.cat([warped, warped_mask], 1))
        image, alpha = lay(person, warped, warped_mask, layers)
        return Dressed(image, alpha, warped, warped_mask, layers, warp)
