"""Shapes and starting points of the networks."""

from __future__ import annotations

import torch
from conftest import tiny

from tryon_trainer.generator import Layers, Palette, lay
from tryon_trainer.models import STUDENT_DRAWS, Student, generator_network, warp_network
from tryon_trainer.networks import correlation, fold, unfold


def test_a_warp_network_gives_one_flow_per_scale_and_starts_without_moving_anything() -> None:
    net = warp_network(5, tiny(levels=3))
    warp = net(torch.rand(2, 3, 32, 24), torch.rand(2, 1, 32, 24), torch.rand(2, 5, 32, 24))
    assert [tuple(f.shape) for f in warp.flows] == [(2, 2, 4, 3), (2, 2, 8, 6), (2, 2, 16, 12)]
    assert len(warp.deltas) == 6
    assert all(float(f.abs().max()) == 0 for f in warp.flows)


def test_a_patch_reads_blocks_of_pixels_at_once() -> None:
    net = warp_network(5, tiny(levels=2, patch=2))
    warp = net(torch.rand(2, 3, 32, 24), torch.rand(2, 1, 32, 24), torch.rand(2, 5, 32, 24))
    assert tuple(warp.finest.shape) == (2, 2, 8, 6)
    image = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(unfold(fold(image, 2), 2), image)


def test_a_wider_network_has_more_parameters() -> None:
    sizes = [sum(p.numel() for p in warp_network(3, tiny(width=w)).parameters()) for w in (0.5, 1, 4)]
    assert sizes[0] < sizes[1] < sizes[2]


def test_the_generator_draws_layers_in_range() -> None:
    net = generator_network(STUDENT_DRAWS, tiny())
    layers = net(torch.rand(2, 3, 32, 24), torch.ones(2, 1, 32, 24), torch.randn(2, STUDENT_DRAWS, 32, 24))
    assert tuple(layers.rendered.shape) == (2, 3, 32, 24)
    for mask in (layers.composite, layers.keep):
        assert tuple(mask.shape) == (2, 1, 32, 24)
        assert 0 <= float(mask.min()) <= float(mask.max()) <= 1


def test_a_palette_holds_only_colours_that_are_visible() -> None:
    palette = Palette(8)
    photo, visible = torch.full((1, 3, 4, 4), -1.0), torch.zeros(1, 1, 4, 4)
    photo[..., 2:], visible[..., 2:] = 0.5, 1
    colours = palette(torch.randn(1, 8, 4, 4) * 0.1, photo, visible)
    torch.testing.assert_close(colours, torch.full((1, 4, 3), 0.5), atol=0.01, rtol=0)


def test_correlation_peaks_at_the_shift_between_two_feature_maps() -> None:
    b = torch.randn(1, 32, 12, 12)
    a = torch.roll(b, shifts=(-2, 1), dims=(2, 3))
    scores = correlation(a, b, 3)[..., 4:-4, 4:-4].mean((0, 2, 3)).view(7, 7)
    assert divmod(int(scores.argmax()), 7) == (3 + 2, 3 - 1)


def test_laying_chooses_between_garment_person_and_rendering() -> None:
    person, rendered, warped = (torch.full((1, 3, 2, 2), v) for v in (0.2, -0.4, 0.9))
    one, none = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    for composite, keep, want in ((one, one, 0.9), (none, one, 0.2), (none, none, -0.4)):
        image, alpha = lay(person, warped, one, Layers(rendered, composite, keep, keep))
        torch.testing.assert_close(image, torch.full_like(image, want))
        torch.testing.assert_close(alpha, composite)


def test_the_student_needs_photo_garment_and_mask_only() -> None:
    dressed = Student(tiny())(torch.rand(1, 3, 32, 24), torch.rand(1, 3, 32, 24), torch.rand(1, 1, 32, 24))
    assert tuple(dressed.image.shape) == (1, 3, 32, 24)
