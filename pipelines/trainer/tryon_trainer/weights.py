"""Weights between stages: one .npz without pickles, and the architecture that they fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .settings import Params, SettingsError

Weights = dict[str, NDArray[np.generic]]

FILE = "weights.npz"
ARCHITECTURE = "architecture.json"


def collect(modules: dict[str, nn.Module]) -> Weights:
    """All parameters and buffers, named "<module>.<name>"."""
    return {
        f"{prefix}.{name}": value.detach().cpu().contiguous().numpy()
        for prefix, module in modules.items()
        for name, value in module.state_dict().items()
    }


def write(directory: Path, modules: dict[str, nn.Module], params: Params) -> None:
    """Write weights and architecture into a directory; each file appears whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    partial = directory / (FILE + ".partial")
    with partial.open("wb") as out:
        np.savez(out, **collect(modules))
    partial.replace(directory / FILE)
    (directory / ARCHITECTURE).write_text(json.dumps(params.architecture, sort_keys=True) + "\n", encoding="utf-8")


def read(directory: Path, params: Params) -> Weights:
    """Read a parent's weights; those of another architecture are an error that says what differs."""
    try:
        architecture = json.loads((directory / ARCHITECTURE).read_text(encoding="utf-8"))
        if architecture != params.architecture:
            raise SettingsError(f"{directory} holds weights for {architecture}, this stage wants {params.architecture}")
        with np.load(directory / FILE, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"reading weights of {directory}: {error}") from error


def below(weights: Weights, prefix: str) -> Weights:
    """Weights of one module, without its prefix."""
    start = prefix + "."
    return {name[len(start) :]: value for name, value in weights.items() if name.startswith(start)}


def load(module: nn.Module, weights: Weights, partial: bool = False) -> None:
    """Put weights into a module; unless partial, every parameter must be there."""
    state = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    try:
        outcome = module.load_state_dict(state, strict=not partial)
    except RuntimeError as error:
        raise SettingsError(f"loading weights: {error}") from error
    if not state or outcome.unexpected_keys:
        raise SettingsError(f"loading weights: nothing known in {sorted(weights)[:3]}")
