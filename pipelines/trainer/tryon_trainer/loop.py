"""The training loop, the same for every stage."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import torch
from torch import nn, optim

from . import checkpoint, distributed, weights
from .average import Average
from .checkpoint import Trainee
from .data import Batch, Batches, Dataset
from .export import export
from .progress import Progress
from .settings import Params, Settings, SettingsError
from .stages import STAGES, Stage


class Diverged(RuntimeError):
    """The loss or its gradient is not a finite number any more; weights from here on are worthless."""


class Interrupted(RuntimeError):
    """SIGTERM came and the state is checkpointed, or the first process stops and says why."""


class Interrupt:
    """Remembers that SIGTERM came, so that the loop can stop between two steps."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        self.came = True


@contextmanager
def listening() -> Iterator[Interrupt]:
    """Catch SIGTERM for the duration of a training."""
    interrupt = Interrupt()
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGTERM, before)


def learning_rate(step: int, total: int, params: Params) -> float:
    """Rate for a step (from 0): linear warm-up, constant, then linear to zero after decayFrom of all steps."""
    rate = params.learning_rate
    if params.warmup:
        rate *= min(1.0, (step + 1) / params.warmup)
    start = params.decay_from * total
    if step >= start:
        rate *= max(0.0, (total - step) / max(total - start, 1.0))
    return rate


def total_steps(params: Params, per_epoch: int) -> int:
    """Steps of the stage; steps wins over epochs, so that a model can shorten a method."""
    return params.steps or max(1, math.ceil(params.epochs * per_epoch))


def clip(parameters: Iterable[nn.Parameter], bound: float) -> float:
    """Bound the norm of a gradient (0 leaves it alone) and give what it was.

    Adam answers a sudden large gradient after many small ones with a step of more than ten times the learning rate.
    """
    return float(nn.utils.clip_grad_norm_(parameters, bound or math.inf))


def use_threads(params: Params, world_size: int) -> None:
    """Set the thread count: as asked, else what this process may use (some builds default to one)."""
    available = len(os.sched_getaffinity(0))
    torch.set_num_threads(params.threads or max(1, available // world_size))


def make_stage(settings: Settings) -> Stage:
    """Make the stage's networks from the seed, and give it its parents' weights."""
    torch.manual_seed(settings.params.seed)
    stage = STAGES[settings.stage](settings.params)
    init = {name: weights.read(parent(settings, "init", name), settings.params) for name in stage.init_from}
    frozen = {name: weights.read(parent(settings, "freeze", name), settings.params) for name in stage.freeze_from}
    stage.adopt(init, frozen)
    return stage


def parent(settings: Settings, kind: str, name: str) -> Path:
    """Directory of a parent's output."""
    root = settings.init_dir if kind == "init" else settings.freeze_dir
    if root is None:
        raise SettingsError(f"stage {settings.stage} needs TRYON_{kind.upper()}_DIR with {name} in it")
    return root / name


class Loop:
    """One stage's training on one process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.params = settings.params
        self.writes = settings.rank == 0
        self.device = distributed.device_of(settings)
        use_threads(self.params, 1 if self.device.type == "cuda" else settings.world_size)
        self.dataset = Dataset(settings.dataset_dir, self.params)
        self.batches = Batches(self.dataset, self.params, settings.rank, settings.world_size)
        self.total = total_steps(self.params, self.batches.per_epoch)
        stage = distributed.synchronize_norms(make_stage(settings), self.device)
        self.stage: Stage = stage.to(self.device).to(memory_format=torch.channels_last)
        self.optimizer = optim.Adam(self.stage.groups(), lr=self.params.learning_rate, betas=(0.5, 0.999))
        networks = nn.ModuleDict(self.stage.trained())
        self.average = Average(networks, self.params.average_over)
        self.trainee = Trainee(settings.stage, networks, self.average, self.optimizer)
        self.progress = Progress(settings.progress if self.writes else None, self.total)

    def run(self, interrupt: Interrupt) -> None:
        """Train from the newest checkpoint to the end and write the output."""
        step = checkpoint.restore(self.settings.checkpoint_dir, self.trainee)
        if self.writes:
            self.progress.report(step, self.batches.epoch(step))
            self.dataset.preload(lambda n: print(f"read {n}/{len(self.dataset)} rows", flush=True))
        else:
            self.dataset.preload()
        self.stage.set_training()
        spread: nn.Module | None = None
        for batch in self.batches.stream(step, self.total, self.device):
            if self.stage.begin(step, self.total) or spread is None:
                spread = distributed.spread(self.stage, self.device)
            self._step(step, batch, spread)
            step += 1
            self._after(step, interrupt)
        if self.writes:
            self.write_output()

    def _step(self, step: int, batch: Batch, spread: nn.Module) -> None:
        rate = learning_rate(step, self.total, self.params)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        self.optimizer.zero_grad(set_to_none=True)
        outcome = spread(batch)
        loss = outcome["loss"]
        if distributed.agree(not bool(torch.isfinite(loss))):
            self._diverge(step, f"loss is {float(loss)} at step {step + 1}")
        loss.backward()
        norm = clip(self.trainee.networks.parameters(), self.params.clip_norm)
        if not math.isfinite(norm):
            self._diverge(step, f"norm of the gradient is {norm} at step {step + 1}")
        self.optimizer.step()
        self.average.update(self.trainee.networks, step)
        ratio = float(outcome["warp_area_ratio"])
        self.progress.add({"loss": float(loss), "grad_norm": norm, "warp_area_ratio": ratio})

    def _diverge(self, step: int, why: str) -> NoReturn:
        """Tell the wrapper, for which an exit code is a crash to be tried again, and stop everywhere.

        The line has NaN for the loss also where only the gradient is not finite, or where another process's loss is:
        it is what the next step would have given here. The others leave it to the first process to say so.
        """
        if not self.writes:
            raise Interrupted(f"stopped before it learnt from a batch: {why}")
        self.progress.report(step + 1, self.batches.epoch(step), {"loss": math.nan})
        raise Diverged(why)

    def _after(self, step: int, interrupt: Interrupt) -> None:
        if self.writes and self.progress.due(step):
            rate = learning_rate(step - 1, self.total, self.params)
            self.progress.report(step, self.batches.epoch(step - 1), {"lr": rate})
        stop = distributed.agree(interrupt.came)
        if self.writes and (stop or step % self.params.checkpoint_every == 0) and step < self.total:
            checkpoint.save(self.settings.checkpoint_dir, step, self.trainee)
        if stop and step < self.total:
            raise Interrupted(f"stopped by SIGTERM after step {step}")

    def write_output(self) -> None:
        """Write weights for the next stage, and the served graph if this is the serving stage."""
        trained = dict(self.average.networks.items())
        weights.write(self.settings.output_dir, trained, self.params)
        if self.stage.serves:
            export(trained, self.params, self.dataset.size, self.settings.output_dir)


def train(settings: Settings) -> None:
    """Run a stage."""
    device = distributed.device_of(settings)
    distributed.join(settings, device)
    try:
        with listening() as interrupt:
            Loop(settings).run(interrupt)
    finally:
        distributed.leave()
