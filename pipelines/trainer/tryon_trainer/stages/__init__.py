"""The four stages of PF-AFN, by name."""

from __future__ import annotations

from .base import Stage
from .pb_gen import ParserBasedGenerator
from .pb_warp import ParserBasedWarp
from .pf_gen import ParserFreeGenerator
from .pf_warp import ParserFreeWarp

STAGES: dict[str, type[Stage]] = {
    stage.name: stage for stage in (ParserBasedWarp, ParserBasedGenerator, ParserFreeWarp, ParserFreeGenerator)
}

__all__ = ["STAGES", "Stage"]
