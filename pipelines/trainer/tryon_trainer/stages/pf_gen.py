"""Stage 4, pf-gen: the student learns to draw. What it hands on is served."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ..data import Batch
from ..losses import distillation_loss, distillation_switch, student_picture_loss, warp_loss
from ..models import Dressed, Student, Teacher, move
from ..networks import Warp
from ..settings import Params
from ..weights import Weights, below, load
from .base import Stage, fit_warp, freeze, ratio


class ParserFreeGenerator(Stage):
    """Loss 0.25 (W + D) + G + skin; with warpRateScale 0, G + skin."""

    name: ClassVar[str] = "pf-gen"
    init_from: ClassVar[tuple[str, ...]] = ("pf-warp",)
    freeze_from: ClassVar[tuple[str, ...]] = ("pb-gen",)
    serves: ClassVar[bool] = True

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self.teacher = freeze(Teacher(params))
        self.student = Student(params)
        self.warp_learns = fit_warp(self.student.warp, params)
        self._skin = 1.0

    def trained(self) -> dict[str, nn.Module]:
        """Hand on the whole student."""
        return {"warp": self.student.warp, "generator": self.student.generator}

    def groups(self) -> list[dict[str, object]]:
        """Let the warp learn slowly."""
        return [
            {"params": list(self.student.warp.parameters()), "scale": self.params.warp_rate_scale},
            {"params": list(self.student.generator.parameters()), "scale": 1.0},
        ]

    def adopt(self, init: dict[str, Weights], frozen: dict[str, Weights]) -> None:
        """Freeze the teacher, start from stage 3's warp."""
        load(self.teacher.warp, below(frozen["pb-gen"], "warp"))
        load(self.teacher.generator, below(frozen["pb-gen"], "generator"))
        load(self.student.warp, below(init["pf-warp"], "warp"))

    def begin(self, step: int, total: int) -> bool:
        """Double the skin term at half time, as the released code does after epoch 50 of 100."""
        self._skin = 2.0 if step >= total // 2 else 1.0
        return False

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Give the teacher's picture in another garment its own garment back; the photo is the truth."""
        with torch.no_grad():
            fake = self.teacher.redress(batch)
        dressed = self.student(fake.image, batch["garment"], batch["mask"])
        loss = student_picture_loss(dressed, batch, fake.alpha, self._skin)
        if self.warp_learns:
            loss = loss + 0.25 * (warp_loss(dressed.warp, batch) + self.distillation(dressed, fake.warp, batch))
        return {"loss": loss, "warp_area_ratio": ratio(dressed.warped_mask, batch["worn"])}

    def distillation(self, dressed: Dressed, redressed: Warp, batch: Batch) -> Tensor:
        """D of the student's warp against the teacher's, which has already looked at the persons to redress them."""
        garment, mask = batch["garment"], batch["mask"]
        with torch.no_grad():
            taught = self.teacher.warp.match(garment, mask, redressed.condition)
            taught_warped, _ = move(taught, garment, mask)
        switch = distillation_switch(taught_warped, dressed.warped, batch["person"] * batch["worn"])
        return distillation_loss(dressed.warp, taught, switch)
