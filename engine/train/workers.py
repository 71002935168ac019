"""Several processes train one network: each draws its own batches, gradients are averaged.

A recurrent network's steps are too small to share out among threads; whole batches are not.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import distributed, multiprocessing, nn


def rank() -> int:
    """Number of this process; 0 saves and reports."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share_gradients(net: nn.Module) -> None:
    """Replace every gradient by its mean over the processes; alone, do nothing."""
    if not distributed.is_initialized():
        return
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    at = 0
    for gradient in gradients:
        gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
        at += gradient.numel()


def run(workers: int, task: Callable[..., None], *arguments: object) -> None:
    """`task(*arguments)` in `workers` processes that know each other; 1: in this one.

    `task` and its arguments must be importable and picklable; an exception in any process ends all.
    """
    if workers == 1:
        task(*arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{Path(folder) / 'meeting'}"
        multiprocessing.spawn(  # type: ignore[attr-defined, no-untyped-call]
            _join, (workers, meeting, torch.get_num_threads(), task, arguments), nprocs=workers
        )


def _join(
    number: int, workers: int, meeting: str, threads: int, task: Callable[..., None],
    arguments: tuple[object, ...],
) -> None:  # fmt: skip
    torch.set_num_threads(threads)
    distributed.init_process_group("gloo", meeting, rank=number, world_size=workers)
    try:
        task(*arguments)
    finally:
        distributed.destroy_process_group()
