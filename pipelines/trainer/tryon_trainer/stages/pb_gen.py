"""Stage 2, pb-gen: the teacher learns to draw, its warp keeps learning slowly."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ..data import Batch
from ..losses import teacher_picture_loss, warp_loss
from ..models import Teacher
from ..settings import Params
from ..weights import Weights, below, load
from .base import Stage, fit_warp, ratio


class ParserBasedGenerator(Stage):
    """Loss 0.5 W + G; with warpRateScale 0, G alone."""

    name: ClassVar[str] = "pb-gen"
    init_from: ClassVar[tuple[str, ...]] = ("pb-warp",)

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self.teacher = Teacher(params)
        self.warp_learns = fit_warp(self.teacher.warp, params)

    def trained(self) -> dict[str, nn.Module]:
        """Hand on the whole teacher."""
        return {"warp": self.teacher.warp, "generator": self.teacher.generator}

    def groups(self) -> list[dict[str, object]]:
        """Let the warp learn slowly."""
        return [
            {"params": list(self.teacher.warp.parameters()), "scale": self.params.warp_rate_scale},
            {"params": list(self.teacher.generator.parameters()), "scale": 1.0},
        ]

    def adopt(self, init: dict[str, Weights], frozen: dict[str, Weights]) -> None:
        """Start from stage 1's warp."""
        load(self.teacher.warp, below(init["pb-warp"], "warp"))

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Dress the persons in what they wear."""
        worn = batch["worn"]
        dressed = self.teacher(batch)
        loss = teacher_picture_loss(dressed, batch)
        if self.warp_learns:
            loss = loss + 0.5 * warp_loss(dressed.warp, batch)
        return {"loss": loss, "warp_area_ratio": ratio(dressed.warped_mask, worn)}
