"""Settings: what a stage is asked to do, read once from the environment of the trainer contract."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path


class SettingsError(ValueError):
    """The environment or a parameter makes no sense; running again would not help."""


@dataclass(frozen=True)
class Params:
    """Parameters of a stage, given as strings in TRYON_PARAMS; the names are those of the method manifest.

    ``width`` and ``generatorWidth`` multiply the channels of warp and generator: 4 gives the paper's networks.
    ``clip_norm`` bounds the norm of a step's gradient; 0 leaves it alone. ``average_over`` is over how many steps the
    handed-on weights are averaged; 0 hands on those of the last step.
    ``patch`` is the side of the pixel blocks that the networks read and write at once; it trades detail for
    speed, 1 is the paper.
    """

    steps: int = 0
    epochs: float = 0
    batch_size: int = 16
    learning_rate: float = 1e-3
    warp_rate_scale: float = 0.2
    warmup: int = 50
    decay_from: float = 0.5
    clip_norm: float = 30.0
    average_over: float = 0
    width: float = 1.0
    generator_width: float = 1.0
    levels: int = 4
    patch: int = 2
    height: int = 128
    width_px: int = 96
    seed: int = 1
    checkpoint_every: int = 100
    threads: int = 0
    cache_mib: int = 4096

    def __post_init__(self) -> None:
        """Refuse what cannot be trained, before a dataset is read."""
        bounds = {
            "steps": (0, 10_000_000), "epochs": (0, 10_000), "batch_size": (1, 4096), "learning_rate": (0, 1),
            "warp_rate_scale": (0, 1), "warmup": (0, 100_000), "decay_from": (0, 1), "clip_norm": (0, 1e6),
            "average_over": (0, 1e6), "width": (0.125, 16),
            "generator_width": (0.125, 16), "levels": (2, 6), "patch": (1, 8), "height": (32, 2048),
            "width_px": (24, 2048), "seed": (0, 2**31 - 1), "checkpoint_every": (1, 10_000_000), "threads": (0, 1024),
            "cache_mib": (0, 1 << 20),
        }  # fmt: skip
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"parameter {camel(name)} is {value}, must be in [{low}, {high}]")
        if not self.steps and not self.epochs:
            raise SettingsError("one of the parameters steps and epochs must be set")
        coarsest = self.patch * 2**self.levels
        if self.height % coarsest or self.width_px % coarsest:
            raise SettingsError(
                f"network resolution {self.height}x{self.width_px} must be a multiple of {coarsest} "
                f"(patch {self.patch} x 2^levels {self.levels})"
            )

    @property
    def architecture(self) -> dict[str, float]:
        """What two stages must agree on to exchange weights."""
        return {
            "width": self.width,
            "generatorWidth": self.generator_width,
            "levels": self.levels,
            "patch": self.patch,
        }


def camel(name: str) -> str:
    """Turn a Python name into the manifest's: batch_size into batchSize."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def parse_params(text: str) -> Params:
    """Read TRYON_PARAMS strictly: an unknown name is an error, for it would have no effect."""
    try:
        given = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise SettingsError(f"reading TRYON_PARAMS: {error}") from error
    if not isinstance(given, dict):
        raise SettingsError("reading TRYON_PARAMS: want an object of strings")
    known = {camel(f.name): f for f in fields(Params)}
    values: dict[str, object] = {}
    for name, value in given.items():
        if name not in known:
            raise SettingsError(f"unknown parameter {name!r}; known are {', '.join(sorted(known))}")
        kind = {"int": int, "float": float}[str(known[name].type)]
        try:
            values[known[name].name] = kind(value)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"parameter {name} is {value!r}, want {kind.__name__}") from error
    return Params(**values)


@dataclass(frozen=True)
class Settings:
    """Where a stage reads and writes, and its parameters."""

    stage: str
    dataset_dir: Path
    output_dir: Path
    checkpoint_dir: Path
    params: Params
    init_dir: Path | None = None
    freeze_dir: Path | None = None
    progress: Path | None = None
    rank: int = 0
    local_rank: int = 0
    world_size: int = field(default=1)


def from_environment(stage: str, environ: dict[str, str] | None = None) -> Settings:
    """Read the trainer contract's variables; a missing directory variable is an error."""
    env = dict(os.environ if environ is None else environ)

    def directory(name: str) -> Path:
        if not env.get(name):
            raise SettingsError(f"environment variable {name} is not set")
        return Path(env[name])

    def optional(name: str) -> Path | None:
        return Path(env[name]) if env.get(name) else None

    return Settings(
        stage=stage,
        dataset_dir=directory("TRYON_DATASET_DIR"),
        output_dir=directory("TRYON_OUTPUT_DIR"),
        checkpoint_dir=directory("TRYON_CHECKPOINT_DIR"),
        params=parse_params(env.get("TRYON_PARAMS", "")),
        init_dir=optional("TRYON_INIT_DIR"),
        freeze_dir=optional("TRYON_FREEZE_DIR"),
        progress=optional("TRYON_PROGRESS"),
        rank=int(env.get("RANK", "0")),
        local_rank=int(env.get("LOCAL_RANK", "0")),
        world_size=int(env.get("WORLD_SIZE", "1")),
    )
