"""Stages: who learns, from whom, and whether they learn at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import tiny

from tryon_trainer import weights
from tryon_trainer.data import Batches, Dataset
from tryon_trainer.loop import Interrupt, Loop, clip, learning_rate, make_stage
from tryon_trainer.models import teacher_condition
from tryon_trainer.settings import Settings, SettingsError
from tryon_trainer.stages import STAGES
from tryon_trainer.stages.pb_warp import ParserBasedWarp

Make = Callable[..., Settings]
CPU = torch.device("cpu")


def run(settings: Settings) -> Loop:
    loop = Loop(settings)
    loop.run(Interrupt())
    return loop


def chain(settings: Make, upto: str, **changes: object) -> None:
    """Train the stages before one."""
    for name in STAGES:
        if name == upto:
            return
        run(settings(name, **{"steps": 1, **changes}))


def test_overfit_probe_warp_loss_halves_within_sixty_steps(dataset_dir: Path) -> None:
    params = tiny(batch_size=8, steps=60, warmup=10)
    torch.manual_seed(1)
    stage = ParserBasedWarp(params)
    optimizer = torch.optim.Adam(stage.parameters(), betas=(0.5, 0.999))
    batches = Batches(Dataset(dataset_dir, params), params)
    losses = []
    for step in range(60):
        optimizer.param_groups[0]["lr"] = learning_rate(step, 60, params)
        optimizer.zero_grad(set_to_none=True)
        outcome = stage(batches.batch(step, CPU))
        outcome["loss"].backward()
        optimizer.step()
        losses.append(float(outcome["loss"]))
    assert sum(losses[-4:]) / 4 < losses[0] / 2
    assert 0.3 < float(outcome["warp_area_ratio"]) < 3


def test_each_stage_runs_from_its_parents_output_and_leaves_weights(settings: Make) -> None:
    for name in STAGES:
        made = settings(name)
        run(made)
        assert (made.output_dir / "weights.npz").is_file()
    assert sorted(p.name for p in made.output_dir.iterdir()) == [
        "architecture.json",
        "model.onnx",
        "signature.json",
        "weights.npz",
    ]


def test_the_student_starts_from_the_teacher_except_for_what_sees_the_photo(settings: Make) -> None:
    chain(settings, "pf-warp")
    made = settings("pf-warp")
    stage = make_stage(made)
    teacher = weights.below(weights.read(made.init_dir / "pb-gen", made.params), "warp")
    for name, value in stage.warp.state_dict().items():
        same = name in teacher and teacher[name].shape == value.shape and bool((value.numpy() == teacher[name]).all())
        if name.startswith(("garment_pyramid.", "flow_heads.")):
            assert same, name
    first = "condition_pyramid.stages.0.0.weight"
    assert teacher[first].shape != stage.warp.state_dict()[first].shape


def test_frozen_teachers_do_not_change(settings: Make) -> None:
    chain(settings, "pf-warp")
    loop = Loop(settings("pf-warp"))
    before = {name: value.clone() for name, value in loop.stage.teacher.state_dict().items()}
    loop.run(Interrupt())
    assert all(torch.equal(value, before[name]) for name, value in loop.stage.teacher.state_dict().items())


def test_in_the_first_half_only_the_new_parts_of_the_student_learn(settings: Make) -> None:
    chain(settings, "pf-warp")
    stage = make_stage(settings("pf-warp"))
    assert stage.begin(0, 10)
    learning = {name.split(".")[0] for name, p in stage.warp.named_parameters() if p.requires_grad}
    assert learning == {"condition_pyramid", "refine_heads"}
    assert not stage.begin(4, 10)
    assert stage.begin(5, 10)
    assert all(p.requires_grad for p in stage.warp.parameters())


def test_the_averaged_weights_are_handed_on(settings: Make) -> None:
    loop = run(settings("pb-warp", average_over=3))
    stored = weights.read(loop.settings.output_dir, loop.params)
    averaged, last = weights.collect(dict(loop.average.networks.items())), weights.collect(loop.stage.trained())
    assert stored.keys() == last.keys()
    assert all((stored[name] == averaged[name]).all() for name in stored)
    assert any((stored[name] != last[name]).any() for name in stored)


@pytest.mark.parametrize(("bound", "want"), [(2, 2), (200, 100), (0, 100)])
def test_a_gradient_over_the_bound_is_cut_to_it(bound: float, want: float) -> None:
    layer = torch.nn.Linear(1, 1)
    layer.weight.grad, layer.bias.grad = torch.tensor([[60.0]]), torch.tensor([-80.0])
    assert clip(layer.parameters(), bound) == pytest.approx(100)
    assert float(layer.weight.grad) == pytest.approx(0.6 * want, rel=1e-4)
    assert float(layer.bias.grad) == pytest.approx(-0.8 * want, rel=1e-4)


def test_the_teachers_own_warp_is_the_same_from_the_pyramid_it_redressed_with(settings: Make) -> None:
    chain(settings, "pf-warp")
    made = settings("pf-warp")
    stage = make_stage(made)
    batch = Batches(Dataset(made.dataset_dir, made.params), made.params).batch(0, CPU)
    stage.set_training()
    with torch.no_grad():
        pyramid = stage.teacher.redress(batch).warp.condition
        again = stage.teacher.warp.match(batch["garment"], batch["mask"], pyramid)
        whole = stage.teacher.warp(batch["garment"], batch["mask"], teacher_condition(batch))
    assert torch.equal(again.finest, whole.finest)


def test_weights_of_another_architecture_are_refused(settings: Make) -> None:
    chain(settings, "pb-gen")
    with pytest.raises(SettingsError, match="this stage wants"):
        Loop(settings("pb-gen", width=1.0))


def test_a_missing_parent_is_named(settings: Make) -> None:
    with pytest.raises(SettingsError, match="pb-warp"):
        Loop(settings("pb-gen"))


def test_the_learning_rate_warms_up_holds_and_falls_to_zero() -> None:
    params = tiny(steps=100, learning_rate=0.1, warmup=10, decay_from=0.5)
    rates = [learning_rate(step, 100, params) for step in range(100)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[9:50] == pytest.approx([0.1] * 41)
    assert rates[75] == pytest.approx(0.05)
    assert 0 < rates[99] < 0.003


def test_a_generator_stage_with_warp_rate_zero_leaves_its_warp_alone(settings: Make) -> None:
    chain(settings, "pf-gen")
    for name in ("pb-gen", "pf-gen"):
        loop = Loop(settings(name, warp_rate_scale=0))
        warp = loop.stage.trained()["warp"]
        before = {key: value.clone() for key, value in warp.state_dict().items()}
        loop.run(Interrupt())
        assert all(torch.equal(value, before[key]) for key, value in warp.state_dict().items())
