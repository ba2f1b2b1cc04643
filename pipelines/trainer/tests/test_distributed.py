"""Two processes train one model."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable

import numpy as np
from test_resume import command, lines

from tryon_trainer.settings import Settings

Make = Callable[..., Settings]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def together(made: Settings, processes: int, **changes: object) -> None:
    """Run a stage as torchrun would."""
    arguments, env = command(made, **changes)
    env |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": str(processes)}
    children = [
        subprocess.Popen(arguments, env={**env, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(processes)
    ]
    try:
        assert [child.wait(timeout=80) for child in children] == [0] * processes
    finally:
        for child in children:
            child.kill()


def test_two_processes_take_the_steps_of_one_and_write_once(settings: Make) -> None:
    made = settings("pb-warp")
    together(made, 2, steps=3, batchSize=4, checkpointEvery=2)
    assert [line["step"] for line in lines(made)] == [0, 1, 2, 3]
    with np.load(made.output_dir / "weights.npz") as file:
        assert all(np.isfinite(file[name]).all() for name in file.files)
    assert [entry.name for entry in made.checkpoint_dir.iterdir()] == ["step-000000000002"]
