"""Stage 3, pf-warp: the student learns to warp onto a photo that shows another garment."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ..data import Batch
from ..losses import distillation_loss, distillation_switch, warp_loss
from ..models import STUDENT_CONDITION, Teacher, move, warp_network
from ..settings import Params
from ..weights import Weights, below, load
from .base import Stage, freeze, ratio, require, without


class ParserFreeWarp(Stage):
    """Loss W + D. In the first half only what the teacher could not give learns."""

    name: ClassVar[str] = "pf-warp"
    init_from: ClassVar[tuple[str, ...]] = ("pb-gen",)
    freeze_from: ClassVar[tuple[str, ...]] = ("pb-gen",)
    fresh: ClassVar[tuple[str, ...]] = ("condition_pyramid.", "refine_heads.")

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self.teacher = freeze(Teacher(params))
        self.warp = warp_network(STUDENT_CONDITION, params)
        self._whole = True

    def trained(self) -> dict[str, nn.Module]:
        """Hand on the student's warp."""
        return {"warp": self.warp}

    def adopt(self, init: dict[str, Weights], frozen: dict[str, Weights]) -> None:
        """Freeze the teacher; start from its warp except the condition branch and the refinement."""
        load(self.teacher.warp, below(frozen["pb-gen"], "warp"))
        load(self.teacher.generator, below(frozen["pb-gen"], "generator"))
        load(self.warp, without(below(init["pb-gen"], "warp"), self.fresh), partial=True)

    def begin(self, step: int, total: int) -> bool:
        """Open the whole network at half time."""
        whole = step >= total // 2
        changed = whole != self._whole
        if changed:
            for name, module in self.warp.named_children():
                require(module, whole or f"{name}.".startswith(self.fresh))
        self._whole = whole
        return changed

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Warp the own garment onto the teacher's picture of the person in another one."""
        garment, mask, worn = batch["garment"], batch["mask"], batch["worn"]
        target = batch["person"] * worn
        with torch.no_grad():
            fake = self.teacher.redress(batch)
            taught = self.teacher.warp.match(garment, mask, fake.warp.condition)
            taught_warped, _ = move(taught, garment, mask)
        warp = self.warp(garment, mask, fake.image)
        warped, warped_mask = move(warp, garment, mask)
        loss = warp_loss(warp, batch)
        loss = loss + distillation_loss(warp, taught, distillation_switch(taught_warped, warped, target))
        return {"loss": loss, "warp_area_ratio": ratio(warped_mask, worn)}
