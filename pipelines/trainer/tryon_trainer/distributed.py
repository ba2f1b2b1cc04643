"""Several processes: torchrun's variables, gloo on CPUs and nccl on GPUs, one process per GPU."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import timedelta
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .settings import Settings

LAUNCHED = "LOCAL_WORLD_SIZE"

INTERRUPTED = 143
"""Exit code after SIGTERM."""


def device_of(settings: Settings) -> torch.device:
    """Device of this process."""
    if torch.cuda.is_available():
        return torch.device("cuda", settings.local_rank % torch.cuda.device_count())
    return torch.device("cpu")


def join(settings: Settings, device: torch.device) -> None:
    """Enter the process group, when there is more than one process."""
    if settings.world_size > 1:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(
            backend, rank=settings.rank, world_size=settings.world_size, timeout=timedelta(minutes=10)
        )


def leave() -> None:
    """Leave the process group."""
    if dist.is_initialized():
        dist.destroy_process_group()


def spread(stage: nn.Module, device: torch.device) -> nn.Module:
    """Wrap a stage so that its gradients are averaged over all processes."""
    if not dist.is_initialized():
        return stage
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(stage, device_ids=ids, broadcast_buffers=False, find_unused_parameters=True)


def synchronize_norms(stage: nn.Module, device: torch.device) -> nn.Module:
    """Share batch statistics between GPUs, as PF-AFN does; gloo has no such layer."""
    if dist.is_initialized() and device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(stage)
    return stage


def agree(flag: bool) -> bool:
    """Whether any process raised the flag."""
    if not dist.is_initialized():
        return flag
    votes = carried(torch.tensor([float(flag)]))
    dist.all_reduce(votes)
    return bool(votes.item() > 0)


def is_first() -> bool:
    """Whether this is the process of rank 0."""
    return not dist.is_initialized() or dist.get_rank() == 0


def from_first(state: dict[str, Any]) -> dict[str, Any]:
    """Give the state that the first process has, in all processes; its tensors are on the CPU."""
    if not dist.is_initialized():
        return state
    packed = io.BytesIO()
    if is_first():
        torch.save(state, packed)
    size = carried(torch.tensor([packed.getbuffer().nbytes]))
    dist.broadcast(size, src=0)
    body = carried(torch.frombuffer(bytearray(packed.getvalue()).ljust(int(size)), dtype=torch.uint8))
    dist.broadcast(body, src=0)
    return torch.load(io.BytesIO(body.cpu().numpy().tobytes()), map_location="cpu", weights_only=True)


def carried(x: Tensor) -> Tensor:
    """Put a tensor where the process group can carry it."""
    return x.cuda() if dist.get_backend() == "nccl" else x


def local_processes() -> int:
    """How many processes this pod should run: one per GPU unless torchrun has seen to it."""
    if LAUNCHED in os.environ or not torch.cuda.is_available():
        return 1
    return max(1, torch.cuda.device_count())


def launch(arguments: Sequence[str], count: int, settings: Settings) -> int:
    """Run this program once per local GPU and give the first bad exit code; SIGTERM is passed on to all of them.

    The pod's RANK and WORLD_SIZE count nodes; the children's count processes.
    """
    children: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        for child in children:
            child.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    for local in range(count):
        command = [sys.executable, "-m", "tryon_trainer", *arguments]
        children.append(subprocess.Popen(command, env=child_environment(local, count, settings)))
    return first_bad(children)


def first_bad(children: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait for all and give the exit code of the first that went wrong; those that are left are killed then.

    They would wait for the lost one until the process group gives up, minutes later and with their GPUs. Processes that
    stop on request end at different times, and one of them still writes a checkpoint.
    """
    bad = 0
    with ThreadPoolExecutor(len(children)) as pool:
        for ended in as_completed([pool.submit(child.wait) for child in children]):
            code = ended.result()
            bad = bad or code
            if code not in (0, INTERRUPTED):
                for other in children:
                    other.kill()
    return bad if bad >= 0 else 128 - bad


def child_environment(local: int, count: int, settings: Settings) -> dict[str, str]:
    """Variables of torchrun for one of count processes of this node."""
    return {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "29500",
        **os.environ,
        "RANK": str(settings.rank * count + local),
        "WORLD_SIZE": str(settings.world_size * count),
        "LOCAL_RANK": str(local),
        LAUNCHED: str(count),
    }
