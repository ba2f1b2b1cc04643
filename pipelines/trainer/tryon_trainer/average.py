"""A running average of weights: what a stage hands on jumps less than what its last step left."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


class Average(nn.Module):
    """Exponential average of networks over about so many steps; over 0 steps it is the networks themselves.

    Running statistics of normalisation layers are averaged as well: they belong to the weights that made them.
    """

    def __init__(self, networks: nn.ModuleDict, over: float) -> None:
        super().__init__()
        self.over = over
        self.networks = deepcopy(networks).requires_grad_(False) if over else networks

    def share(self, step: int) -> float:
        """How much of the newest weights (of step, from 0) goes in: much at first, for the oldest are worth nothing."""
        return max(1 / max(self.over, 1.0), 9 / (10 + step))

    @torch.no_grad()
    def update(self, networks: nn.ModuleDict, step: int) -> None:
        """Take in the weights after a step (from 0)."""
        if not self.over:
            return
        share = self.share(step)
        mine = self.networks.state_dict()
        for name, value in networks.state_dict().items():
            if value.is_floating_point():
                mine[name].lerp_(value, share)
            else:
                mine[name].copy_(value)
