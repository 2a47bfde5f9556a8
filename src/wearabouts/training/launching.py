"""One training by several processes of this machine, started from here."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import multiprocessing
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, start_processes

import wearabouts.errors
from wearabouts.errors import SettingsError, WearaboutsError

Queue = Any  # of torch.multiprocessing, which has no type to name


def launched(
    count: int,
    recipe: Path,
    data: Path,
    out: Path,
    *,
    progress: Callable[[str, int, int], None],
    say: Callable[[str], None],
) -> Path:
    """`wearabouts.training.main_train` in `count` processes: a graphics card each, or shares of the CPU's cores.

    Args:
        count: How many, 2 or more.
        recipe: As for `main_train`.
        data: As for `main_train`.
        out: As for `main_train`.
        progress: Called here with what the first process reports.
        say: Called here with the lines of the first process.

    Returns:
        The folder of the run.

    Raises:
        WearaboutsError: What a process raised; the others are ended.
        SettingsError: A process died without a word.
    """
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    started = start_processes(
        _work, (count, free_port(), queue, (recipe, data, out)), nprocs=count, join=False, start_method="spawn"
    )
    faults: list[WearaboutsError] = []

    def heard() -> None:
        while not queue.empty():
            kind, *words = queue.get()
            if kind == "fault":
                faults.append(getattr(wearabouts.errors, words[0])(words[1]))
            elif kind == "progress":
                progress(*words)
            else:
                say(*words)

    try:
        while not started.join(timeout=0.1):
            heard()
    except (ProcessExitedException, ProcessRaisedException) as error:
        heard()
        if faults:
            raise faults[0] from None
        if isinstance(error, ProcessRaisedException):
            raise
        raise SettingsError(
            f"one of {count} training processes was ended by the system, most likely for memory; "
            "give fewer processes or smaller batches and run again: it goes on from the last checkpoint"
        ) from error
    heard()
    return out


def _work(rank: int, count: int, port: int, queue: Queue, args: tuple[Path, Path, Path]) -> None:
    """One process: what ``torchrun`` would put into its environment, then the training."""
    from wearabouts.training import main_train

    os.environ |= surroundings(rank, count, port)
    torch.set_num_threads(threads(count))

    def told(kind: str) -> Callable[..., None]:
        return lambda *words: queue.put((kind, *words)) if rank == 0 else None

    try:
        main_train(*args, progress=told("progress"), say=told("say"))
    except WearaboutsError as error:
        queue.put(("fault", type(error).__name__, str(error)))
        raise SystemExit(2) from error


def surroundings(rank: int, count: int, port: int) -> dict[str, str]:
    """The environment in which `wearabouts.training.processes.Processes.joined` finds the others."""
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": str(threads(count)),
    }


def threads(count: int) -> int:
    """A process's part of the cores."""
    return max(1, (os.cpu_count() or 1) // count)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port
