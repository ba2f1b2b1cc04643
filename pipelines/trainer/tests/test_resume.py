"""A killed run resumes and ends as if nothing had happened."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ARCHITECTURE

from tryon_trainer import checkpoint
from tryon_trainer.loop import Diverged, Interrupt, Interrupted, Loop
from tryon_trainer.settings import Settings, camel

Make = Callable[..., Settings]
PACKAGE = Path(__file__).parents[1]


class AfterSteps(Interrupt):
    """A SIGTERM that comes after so many questions whether it came."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @property
    def came(self) -> bool:
        self.left -= 1
        return self.left <= 0


def lines(settings: Settings) -> list[dict]:
    return [json.loads(line) for line in settings.progress.read_text().splitlines()]


def said_nan(settings: Settings) -> int:
    """Step of the last line of progress, which must say that the loss is NaN."""
    last = lines(settings)[-1]
    assert math.isnan(last["metrics"]["loss"])
    return last["step"]


def stored(settings: Settings) -> dict[str, np.ndarray]:
    with np.load(settings.output_dir / "weights.npz") as file:
        return dict(file)


def test_an_interrupted_run_ends_with_the_same_weights_and_steps(settings: Make) -> None:
    whole, broken = (settings("pb-warp", run, steps=7, average_over=3) for run in ("whole", "broken"))
    Loop(whole).run(Interrupt())
    with pytest.raises(Interrupted):
        Loop(broken).run(AfterSteps(3))
    assert not broken.output_dir.exists()
    assert checkpoint.steps(broken.checkpoint_dir) == [3]
    Loop(broken).run(Interrupt())
    a, b = stored(whole), stored(broken)
    assert a.keys() == b.keys()
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert lines(whole)[-1]["step"] == lines(broken)[-1]["step"] == 7
    assert [line["step"] for line in lines(broken)] == [0, 1, 2, 3, 3, 4, 5, 6, 7]


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(settings: Make) -> None:
    made = settings("pb-warp", steps=6, checkpoint_every=2)
    with pytest.raises(Interrupted):
        Loop(made).run(AfterSteps(5))
    assert checkpoint.steps(made.checkpoint_dir) == [5, 4, 2]
    file = checkpoint.path_of(made.checkpoint_dir, 5) / checkpoint.FILE
    file.write_bytes(file.read_bytes()[:100])
    Loop(made).run(Interrupt())
    assert [line["step"] for line in lines(made)][-3:] == [4, 5, 6]


def test_an_unfinished_checkpoint_is_never_seen(tmp_path: Path) -> None:
    for name in (".partial-abc", "step-12", "step-000000000003.tmp"):
        (tmp_path / name).mkdir()
    assert checkpoint.steps(tmp_path) == []


def test_only_the_newest_checkpoints_are_kept(settings: Make) -> None:
    made = settings("pb-warp", steps=6, checkpoint_every=1)
    Loop(made).run(Interrupt())
    assert checkpoint.steps(made.checkpoint_dir) == [5, 4, 3]


def test_a_loss_that_is_not_finite_stops_the_stage(settings: Make) -> None:
    made = settings("pb-warp")
    loop = Loop(made)
    with torch.no_grad():
        next(loop.stage.parameters()).fill_(float("nan"))
    with pytest.raises(Diverged, match="step 1"):
        loop.run(Interrupt())
    assert said_nan(made) == 1
    assert not made.output_dir.exists()
    assert checkpoint.steps(made.checkpoint_dir) == []


def test_a_gradient_that_is_not_finite_stops_the_stage_before_it_is_learnt(settings: Make) -> None:
    made = settings("pb-warp")
    loop = Loop(made)
    before = [p.detach().clone() for p in loop.stage.parameters()]
    next(loop.stage.parameters()).register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(Diverged, match="gradient is (nan|inf) at step 1"):
        loop.run(Interrupt())
    assert said_nan(made) == 1
    assert all(torch.equal(p, b) for p, b in zip(loop.stage.parameters(), before, strict=True))
    assert not made.output_dir.exists()


def command(made: Settings, **changes: object) -> tuple[list[str], dict[str, str]]:
    """Command line and environment of a stage, as the wrapper would start it."""
    params = {camel(name): str(value) for name, value in {**ARCHITECTURE, "threads": 1, **changes}.items()}
    env = {
        **os.environ,
        "PYTHONPATH": str(PACKAGE),
        "TRYON_DATASET_DIR": str(made.dataset_dir),
        "TRYON_OUTPUT_DIR": str(made.output_dir),
        "TRYON_CHECKPOINT_DIR": str(made.checkpoint_dir),
        "TRYON_PROGRESS": str(made.progress),
        "TRYON_PARAMS": json.dumps(params),
    }
    return [sys.executable, "-m", "tryon_trainer", "--stage", made.stage], env


def test_sigterm_leaves_a_checkpoint_and_says_143(settings: Make) -> None:
    made = settings("pb-warp")
    never = 100_000  # No step's own checkpoint comes first, however fast the machine is.
    arguments, env = command(made, steps=never, batchSize=4, checkpointEvery=never)
    child = subprocess.Popen(arguments, env=env, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (made.progress.exists() and len(lines(made)) > 1):
            assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        _, problem = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 143, problem
    assert len(checkpoint.steps(made.checkpoint_dir)) == 1


@pytest.mark.parametrize(
    ("changes", "want"),
    [({"steps": 0}, "steps and epochs"), ({"steps": 1, "height": 64, "widthPx": 40}, "integer multiple")],
)
def test_a_request_that_makes_no_sense_ends_with_2_and_one_line(settings: Make, changes: dict, want: str) -> None:
    arguments, env = command(settings("pb-warp"), **changes)
    done = subprocess.run(arguments, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert want in done.stderr
    assert len(done.stderr.splitlines()) == 1
