"""Averaged weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tryon_trainer.average import Average


def networks(value: float) -> nn.ModuleDict:
    """One normalised layer, every float of it of one value."""
    made = nn.ModuleDict({"warp": nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))})
    for tensor in made.state_dict().values():
        if tensor.is_floating_point():
            tensor.fill_(value)
    return made


def floats(made: nn.Module) -> torch.Tensor:
    """All floats of some networks, in one row."""
    return torch.cat([t.flatten() for t in made.state_dict().values() if t.is_floating_point()])


def test_a_late_step_moves_the_average_by_its_share_statistics_too() -> None:
    average = Average(networks(0), over=4)
    average.update(networks(1), step=1000)
    assert floats(average.networks).tolist() == pytest.approx([0.25] * len(floats(average.networks)))


def test_the_first_steps_do_not_stay_in_the_average() -> None:
    average = Average(networks(100), over=1000)
    for step in range(30):
        average.update(networks(1), step)
    assert float(floats(average.networks).max()) < 1.001


def test_what_only_counts_is_copied() -> None:
    average, trained = Average(networks(0), over=4), networks(0)
    trained["warp"][1].num_batches_tracked.fill_(7)
    average.update(trained, step=1000)
    assert int(average.networks["warp"][1].num_batches_tracked) == 7


def test_over_no_steps_the_average_is_the_networks_themselves() -> None:
    trained = networks(1)
    average = Average(trained, over=0)
    average.update(trained, step=0)
    assert average.networks is trained


def test_the_average_learns_nothing_by_itself() -> None:
    trained = networks(1)
    average = Average(trained, over=4)
    assert not any(p.requires_grad for p in average.parameters())
    assert all(p.requires_grad for p in trained.parameters())
