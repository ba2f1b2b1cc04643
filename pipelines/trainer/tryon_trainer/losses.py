"""Losses of PF-AFN (arXiv 2103.04559 and the released code), with gradients in the place of VGG features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .data import Batch
from .models import Dressed
from .networks import Warp
from .warp import enlarge, reduce, sample, second_differences, total_variation


def weighted_l1(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute difference of [n, c, h, w] under a weight [n, 1, h, w]; zero weight gives zero."""
    return ((a - b).abs() * weight).sum() / (weight.sum() * a.shape[1] + 1e-3)


def gradient_l1(a: Tensor, b: Tensor, weight: Tensor | None = None, scales: int = 3) -> Tensor:
    """L1 of horizontal and vertical differences at several scales: edges and texture, not level.

    Stands in for the VGG19 feature loss, which needs weights that a cluster without internet cannot get.
    """
    total = a.new_zeros(())
    difference = a - b
    if weight is not None:
        difference = difference * weight
    for scale in range(scales):
        if scale:
            if min(difference.shape[-2:]) < 4:
                break
            difference = F.avg_pool2d(difference, 2)
        total = total + (difference[..., 1:] - difference[..., :-1]).abs().mean()
        total = total + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    return total / scales


def warp_loss(warp: Warp, batch: Batch) -> Tensor:
    """W: how well a garment warped by every scale's flow lies on the worn one; a scalar.

    The warped garment and mask are compared with the worn ones; coarse scales count less. Occluded pixels (an arm
    before the torso) do not count: asking for a hole there would tear the garment.
    """
    garment, mask, worn = batch["garment"], batch["mask"], batch["worn"]
    target, visible = batch["person"] * worn, 1 - batch["occluded"]
    total = garment.new_zeros(())
    for n, flow in enumerate(warp.flows, start=1):
        last = n == len(warp.flows)
        factor = garment.shape[-1] // flow.shape[-1]
        # The finest flow is judged at half of its own cell size: texture is finer than the flow is.
        grid = max(1, factor // 2) if last else factor
        fine = enlarge(flow, factor // grid)
        small_garment, small_mask = reduce(garment, grid), reduce(mask, grid)
        weight = reduce(visible, grid)
        warped, warped_mask = sample(small_garment, fine), sample(small_mask, fine)
        want, want_mask = reduce(target, grid), reduce(worn, grid)
        total = total + n * ((warped - want).abs() * weight).mean()
        total = total + 2 * n * ((warped_mask - want_mask).abs() * weight).mean()
        total = total + n * gradient_l1(warped, want, weight)
        total = total + 0.06 * n * second_differences(flow)
    for delta in warp.deltas:
        total = total + 0.01 * total_variation(delta)
    return total


def distillation_loss(student: Warp, teacher: Warp, switch: Tensor) -> Tensor:
    """D: the student's condition features and fine flows follow the teacher's where switch [n] is 1."""
    total = switch.new_zeros(())
    levels = len(student.condition)
    on = switch.view(-1, 1, 1, 1)
    for i, (mine, theirs) in enumerate(zip(student.condition, teacher.condition, strict=True)):
        coarse = levels - i
        total = total + 0.04 * coarse * ((mine - theirs.detach()) ** 2 * on).mean()
    for n, (mine, theirs) in enumerate(zip(student.flows, teacher.flows, strict=True), start=1):
        if n <= levels - 3:
            continue
        size = mine.new_tensor([mine.shape[-1] / 2, mine.shape[-2] / 2]).view(1, 2, 1, 1)
        distance = (((mine - theirs.detach()) * size) ** 2).sum(1, keepdim=True)
        total = total + 0.02 * n * (torch.sqrt(distance + 1e-6) * on).mean()
    return total


def distillation_switch(teacher: Tensor, student: Tensor, target: Tensor) -> Tensor:
    """Adjustable distillation: 1 for the samples whose teacher warp lies nearer to the target, [n].

    teacher, student, target [n, 3, h, w] are warped garments and the worn garment.
    """
    with torch.no_grad():
        teacher_error = (teacher - target).abs().flatten(1).mean(1)
        student_error = (student - target).abs().flatten(1).mean(1)
        return (teacher_error < student_error).float()


def picture_loss(picture: Tensor, target: Tensor) -> Tensor:
    """Level and edges of a picture [n, 3, h, w] against the photo; a scalar."""
    return (picture - target).abs().mean() + gradient_l1(picture, target)


def mask_loss(logit: Tensor, want: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy of a mask before its sigmoid against a wanted one, all [n, 1, h, w], per weighted pixel."""
    entropy = F.binary_cross_entropy_with_logits(logit, want, reduction="none")
    return (entropy * weight).sum() / (weight.sum() + 1)


def teacher_picture_loss(dressed: Dressed, batch: Batch) -> Tensor:
    """G of the teacher: try-on and rendering against the photo, and a composite mask that fits the worn one."""
    person, hidden = batch["person"], 1 - batch["keep"]
    loss = 5 * picture_loss(dressed.image, person) + weighted_l1(dressed.layers.rendered, person, 0.1 + hidden)
    return loss + mask_loss(dressed.layers.logits[:, :1], batch["worn"], dressed.warped_mask)


def student_picture_loss(dressed: Dressed, batch: Batch, fake_alpha: Tensor, skin: float) -> Tensor:
    """G + skin of the student; a scalar.

    Bare is where the input shows a garment and the photo does not: skin that the student must invent, and the
    first thing people look at. Where neither shows one, the person's own pixels are to be kept. Both masks are
    taught directly, for in training it is known what they should be; the paper lets them follow from the picture.
    """
    person, worn, layers = batch["person"], batch["worn"], dressed.layers
    # A pixel more than the garment, so that its edge does not stay behind as an outline.
    fake = F.max_pool2d(fake_alpha, 3, 1, 1)
    bare = fake * (1 - worn)
    loss = 5 * picture_loss(dressed.image, person) + weighted_l1(layers.rendered, person, 0.1 + fake)
    loss = loss + skin * (3 * ((dressed.image - person).abs() * bare).mean() + gradient_l1(dressed.image, person, bare))
    loss = loss + mask_loss(layers.logits[:, :1], worn, dressed.warped_mask)
    return loss + mask_loss(layers.logits[:, 1:], 1 - fake, 1 - worn * layers.composite.detach())
