"""Losses."""

from __future__ import annotations

import pytest
import torch

from tryon_trainer.losses import distillation_loss, distillation_switch, gradient_l1, mask_loss, weighted_l1
from tryon_trainer.networks import Warp


def warp(value: float, batch: int = 2) -> Warp:
    """A warp of constant flows and features."""
    flows = [torch.full((batch, 2, 4 * s, 3 * s), value) for s in (1, 2, 4)]
    return Warp(flows, [], [torch.full((batch, 8, f.shape[2], f.shape[3]), value) for f in reversed(flows)])


def test_the_switch_is_on_only_where_the_teacher_is_nearer_to_the_truth() -> None:
    truth = torch.zeros(3, 3, 4, 4)
    teacher = torch.stack([truth[0] + 0.1, truth[0] + 0.5, truth[0]])
    student = torch.stack([truth[0] + 0.2, truth[0] + 0.1, truth[0]])
    assert distillation_switch(teacher, student, truth).tolist() == [1, 0, 0]


def test_a_switched_off_sample_teaches_nothing() -> None:
    mine, theirs = warp(0.5), warp(-0.5)
    off = distillation_loss(mine, theirs, torch.zeros(2))
    half = distillation_loss(mine, theirs, torch.tensor([1.0, 0.0]))
    full = distillation_loss(mine, theirs, torch.ones(2))
    assert float(off) == 0
    assert float(full) == pytest.approx(2 * float(half))


def test_distillation_gives_the_teacher_no_gradient() -> None:
    mine, theirs = warp(0.5), warp(-0.5)
    for tensor in (*mine.flows, *theirs.flows):
        tensor.requires_grad_()
    distillation_loss(mine, theirs, torch.ones(2)).backward()
    assert all(f.grad is not None for f in mine.flows)
    assert all(f.grad is None for f in theirs.flows)


def test_gradients_see_edges_and_not_level() -> None:
    flat, edge = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
    edge[..., 8:] = 1
    assert float(gradient_l1(flat, flat + 0.7)) < 1e-6
    assert float(gradient_l1(flat, edge)) > 0.01


def test_an_empty_weight_gives_zero_and_not_nan() -> None:
    a, b = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    assert float(weighted_l1(a, b, torch.zeros(1, 1, 4, 4))) == 0
    assert float(weighted_l1(a, b, torch.ones(1, 1, 4, 4))) == pytest.approx(1, abs=1e-3)


def test_a_saturated_wrong_mask_is_still_pulled_back() -> None:
    logit = torch.full((1, 1, 4, 4), 30.0, requires_grad=True)
    mask_loss(logit, torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)).backward()
    assert float(logit.grad.min()) > 0.01
