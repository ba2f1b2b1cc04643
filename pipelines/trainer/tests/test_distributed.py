"""Two processes train one model."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from test_resume import command, lines, said_nan, stored

from tryon_trainer import checkpoint
from tryon_trainer.distributed import INTERRUPTED, child_environment, first_bad, launch
from tryon_trainer.loop import Loop
from tryon_trainer.settings import Settings

Make = Callable[..., Settings]
PATIENCE = 300  # Seconds: the machine may be busy with other tests.


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def together(nodes: Sequence[Settings], **changes: object) -> list[int]:
    """Run a stage on nodes of one process each, which may have different folders; gives their exit codes."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": str(len(nodes))}
    children = []
    try:
        for rank, made in enumerate(nodes):
            arguments, env = command(made, **changes)
            children.append(subprocess.Popen(arguments, env={**env, **shared, "RANK": str(rank)}))
        return [child.wait(timeout=PATIENCE) for child in children]
    finally:
        for child in children:
            child.kill()


def test_nodes_that_find_different_checkpoints_go_on_from_the_first_ones(settings: Make) -> None:
    undisturbed, first, second = (settings("pb-warp", run) for run in ("undisturbed", "first", "second"))
    changes = {"steps": 6, "batchSize": 4, "checkpointEvery": 2, "averageOver": 3}
    assert together([undisturbed] * 2, **changes) == [0, 0]
    for made, steps in ((first, [2]), (second, [2, 4])):
        for step in steps:
            kept = checkpoint.path_of(undisturbed.checkpoint_dir, step)
            shutil.copytree(kept, checkpoint.path_of(made.checkpoint_dir, step))
    assert together([first, second], **changes) == [0, 0]
    assert [line["step"] for line in lines(first)] == [2, 3, 4, 5, 6]
    want, got = stored(undisturbed), stored(first)
    assert want.keys() == got.keys()
    assert all(np.array_equal(want[name], got[name]) for name in want)


def test_of_nodes_that_diverge_the_first_says_so_and_the_others_stop_with_it(settings: Make) -> None:
    first, second = (settings("pb-warp", run) for run in ("first", "second"))
    loop = Loop(first)
    with torch.no_grad():
        next(loop.stage.parameters()).fill_(float("nan"))
    checkpoint.save(first.checkpoint_dir, 1, loop.trainee)
    assert together([first, second], steps=3, batchSize=4) == [1, INTERRUPTED]
    assert said_nan(first) == 2
    assert not second.progress.exists()


def test_two_processes_take_the_steps_of_one_and_write_once(settings: Make) -> None:
    made = settings("pb-warp")
    assert together([made] * 2, steps=3, batchSize=4, checkpointEvery=2) == [0, 0]
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
