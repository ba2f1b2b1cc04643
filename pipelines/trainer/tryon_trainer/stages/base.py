"""What every stage is: networks, their parents' weights, a loss, and what it hands on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from torch import Tensor, nn

from ..data import Batch
from ..settings import Params
from ..weights import Weights


class Stage(nn.Module, ABC):
    """One training stage.

    forward is the only thing that runs under gradient; it gives {"loss", "warp_area_ratio"} as scalars.
    """

    name: ClassVar[str]
    init_from: ClassVar[tuple[str, ...]] = ()
    freeze_from: ClassVar[tuple[str, ...]] = ()
    serves: ClassVar[bool] = False

    def __init__(self, params: Params) -> None:
        super().__init__()
        self.params = params

    @abstractmethod
    def trained(self) -> dict[str, nn.Module]:
        """Networks that this stage trains and hands on, by the name under which they are stored."""

    @abstractmethod
    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Loss of a batch."""

    def adopt(self, init: dict[str, Weights], frozen: dict[str, Weights]) -> None:
        """Take over the parents' weights, by stage name."""

    def begin(self, step: int, total: int) -> bool:
        """Prepare for a step (from 0); true when the set of learning parameters changed."""
        return False

    def groups(self) -> list[dict[str, object]]:
        """Parameter groups for the optimiser; a group's "scale" multiplies the learning rate."""
        return [{"params": list(m.parameters()), "scale": 1.0} for m in self.trained().values()]

    def set_training(self) -> None:
        """Training mode for what learns, evaluation mode for the frozen rest."""
        self.eval()
        for module in self.trained().values():
            module.train(any(p.requires_grad for p in module.parameters()))


def freeze(module: nn.Module) -> nn.Module:
    """Make a network a constant."""
    module.eval()
    return require(module, False)


def require(module: nn.Module, learn: bool) -> nn.Module:
    """Switch learning of all of a module's parameters."""
    for parameter in module.parameters():
        parameter.requires_grad_(learn)
    return module


def fit_warp(warp: nn.Module, params: Params) -> bool:
    """Whether a generator stage goes on teaching its warp; if not, the warp becomes a constant."""
    if params.warp_rate_scale == 0:
        freeze(warp)
    return params.warp_rate_scale > 0


def ratio(warped_mask: Tensor, worn: Tensor) -> Tensor:
    """Warped over worn mask area of a batch, a detached scalar: near 0 when the warped garment vanishes."""
    return (warped_mask.sum() / worn.sum().clamp_min(1e-6)).detach()


def without(weights: Weights, prefixes: Iterable[str]) -> Weights:
    """Weights except those below the prefixes."""
    skip = tuple(prefixes)
    return {name: value for name, value in weights.items() if not name.startswith(skip)}
