"""Checkpoints: complete directories step-<12 digits>, made under another name and renamed."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn, optim

from . import distributed
from .average import Average
from .settings import SettingsError

NAME = re.compile(r"step-(\d{12})")
FILE = "state.pt"
KEEP = 3


@dataclass
class Trainee:
    """All that a checkpoint holds besides the step."""

    stage: str
    networks: nn.ModuleDict
    average: Average
    optimizer: optim.Optimizer


def steps(directory: Path) -> list[int]:
    """Steps of the complete checkpoints in a directory, newest first."""
    if not directory.is_dir():
        return []
    found = (NAME.fullmatch(entry.name) for entry in directory.iterdir() if entry.is_dir())
    return sorted((int(match.group(1)) for match in found if match), reverse=True)


def path_of(directory: Path, step: int) -> Path:
    """Directory of a step's checkpoint."""
    return directory / f"step-{step:012d}"


def save(directory: Path, step: int, trainee: Trainee) -> None:
    """Write a checkpoint of the state after a number of steps; visible whole or not at all."""
    target = path_of(directory, step)
    if target.exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    state = {
        "stage": trainee.stage,
        "step": step,
        "networks": trainee.networks.state_dict(),
        "average": trainee.average.state_dict(),
        # Moments only: rates follow from the step, and old weights-only readers know no plain floats.
        "moments": trainee.optimizer.state_dict()["state"],
        "rng": torch.get_rng_state(),
    }
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=directory))
    try:
        torch.save(state, partial / FILE)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    for old in steps(directory)[KEEP:]:
        shutil.rmtree(path_of(directory, old), ignore_errors=True)


def restore(directory: Path, trainee: Trainee) -> int:
    """Go on from the first process's newest readable checkpoint; gives its step, or 0 when there is none.

    Its state goes to all processes. What the others have in their directories does not count: nodes may find different
    ones, or a damaged one, and averaging gradients of networks that differ trains none of them.
    """
    state = distributed.from_first(newest(directory, trainee.stage) if distributed.is_first() else {})
    if not state:
        return 0
    trainee.networks.load_state_dict(state["networks"])
    trainee.average.load_state_dict(state["average"])
    trainee.optimizer.load_state_dict({**trainee.optimizer.state_dict(), "state": state["moments"]})
    torch.set_rng_state(state["rng"])
    return int(state["step"])


def newest(directory: Path, stage: str) -> dict[str, Any]:
    """Read the newest readable checkpoint; empty when there is none."""
    for step in steps(directory):
        file = path_of(directory, step) / FILE
        try:
            # Weights only: a checkpoint is data from a store, not code to run.
            state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # A damaged archive raises whatever its damage leads to.
            print(f"ignoring checkpoint {file}: {error}", file=sys.stderr)
            continue
        if state["stage"] != stage:
            raise SettingsError(f"{file} is of stage {state['stage']}, not {stage}")
        return state
    return {}
