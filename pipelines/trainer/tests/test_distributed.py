"""Two processes train one model."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_resume import command, lines

from tryon_trainer.distributed import INTERRUPTED, child_environment, first_bad, launch
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


def test_a_node_with_several_gpus_runs_one_process_for_each(settings: Make) -> None:
    second = replace(settings("pb-warp"), rank=1, world_size=2)
    children = [child_environment(local, 4, second) for local in range(4)]
    assert [child["RANK"] for child in children] == ["4", "5", "6", "7"]
    assert {child["WORLD_SIZE"] for child in children} == {"8"}
    assert [child["LOCAL_RANK"] for child in children] == ["0", "1", "2", "3"]


def test_the_launcher_gives_the_first_bad_exit_code(settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings("pb-gen")
    arguments, env = command(made, steps=1)
    for name, value in {**env, "MASTER_PORT": free_port()}.items():
        monkeypatch.setenv(name, value)
    assert launch(arguments[3:], 2, made) == 2


def test_the_launcher_passes_a_request_to_stop_on_to_every_process(
    settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = tmp_path / "trainer"
    trainer.write_text(f"""#!/bin/sh
trap 'kill $!; exit {INTERRUPTED}' TERM
sleep 600 &
touch {tmp_path}/ready-$LOCAL_RANK
[ "$LOCAL_RANK" = 0 ] || until [ -e {tmp_path}/ready-0 ]; do sleep 0.01; done
[ "$LOCAL_RANK" = 0 ] || kill -TERM $PPID
wait
""")
    trainer.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(trainer))
    assert launch([], 2, settings("pb-warp")) == INTERRUPTED


def shells(*scripts: str) -> list[subprocess.Popen[bytes]]:
    return [subprocess.Popen(["sh", "-c", script]) for script in scripts]


def test_processes_that_wait_for_a_lost_one_are_ended() -> None:
    children = shells("exec sleep 600", "exit 3", "exec sleep 600")
    assert first_bad(children) == 3
    assert [child.returncode for child in children] == [-9, 3, -9]


def test_processes_that_fail_together_give_the_code_of_one() -> None:
    children = shells("exit 3", "exit 3")
    for child in children:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert first_bad(children) == 3


def test_a_killed_process_gives_the_code_of_a_shell() -> None:
    assert first_bad(shells("kill -9 $$", "exec sleep 600")) == 137


def test_a_process_that_stopped_on_request_leaves_the_others_time_for_a_checkpoint() -> None:
    children = shells(f"exit {INTERRUPTED}", f"sleep 0.2; exit {INTERRUPTED}")
    assert first_bad(children) == INTERRUPTED
    assert [child.returncode for child in children] == [INTERRUPTED] * 2
