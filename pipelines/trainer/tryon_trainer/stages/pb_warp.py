"""Stage 1, pb-warp: the teacher learns to lay a garment on a body that it knows from parse map and pose."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ..data import Batch
from ..losses import warp_loss
from ..models import TEACHER_CONDITION, move, teacher_condition, warp_network
from ..settings import Params
from .base import Stage, ratio


class ParserBasedWarp(Stage):
    """Loss W alone."""

    name: ClassVar[str] = "pb-warp"

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self.warp = warp_network(TEACHER_CONDITION, params)

    def trained(self) -> dict[str, nn.Module]:
        """Hand on the teacher's warp."""
        return {"warp": self.warp}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Warp the own garment, compare with the worn one."""
        garment, mask, worn = batch["garment"], batch["mask"], batch["worn"]
        warp = self.warp(garment, mask, teacher_condition(batch))
        loss = warp_loss(warp, batch)
        _, warped_mask = move(warp, garment, mask)
        return {"loss": loss, "warp_area_ratio": ratio(warped_mask, worn)}
