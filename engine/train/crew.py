"""Processes that train one network together, one thread each.

Many small products run twice as fast in two processes as on two threads: they meet once a step,
not at every operation, and a busy machine stops neither for long.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, multiprocessing

Work = Callable[..., None]  # (*arguments, crew); importable by name


@dataclass(frozen=True, slots=True)
class Crew:
    """This process's place among the others; alone by default."""

    rank: int = 0
    size: int = 1

    def share(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace every gradient by its mean over the crew."""
        if self.size == 1:
            return
        grads = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in grads])
        distributed.all_reduce(flat)
        flat /= self.size
        means = torch.split(flat, [g.numel() for g in grads])
        for grad, mean in zip(grads, means, strict=True):
            grad.copy_(mean.view_as(grad))

    def follow(self, tensors: Iterable[Tensor]) -> None:
        """Replace the tensors by those of the first process."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def mean(self, value: float) -> float:
        """The same number for everyone."""
        if self.size == 1:
            return value
        total: Tensor = torch.tensor(value, dtype=torch.float64)
        distributed.all_reduce(total)
        return float(total) / self.size

    @staticmethod
    def run(size: int, work: Work, *arguments: Any) -> None:
        """Call `work(*arguments, crew)` in `size` processes, or here when that is one."""
        if size == 1:
            work(*arguments, Crew())
            return
        with tempfile.TemporaryDirectory() as folder:
            start: Callable[..., Any] = multiprocessing.spawn  # type: ignore[attr-defined]
            start(_join, (size, Path(folder) / "meeting", work, arguments), nprocs=size)


def _join(rank: int, size: int, meeting: Path, work: Work, arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    if sys.platform == "linux":  # elsewhere the loopback interface has other names
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    distributed.init_process_group("gloo", init_method=meeting.as_uri(), rank=rank, world_size=size)
    work(*arguments, Crew(rank, size))
    distributed.destroy_process_group()
