"""Data-parallel training: gradients are the mean over processes, alone nothing changes."""

from pathlib import Path

import pytest
import torch
from torch import nn

from engine.train import workers


def _task(folder: str) -> None:
    net = nn.Linear(3, 2)
    for p in net.parameters():
        p.grad = torch.full_like(p, float(workers.rank() + 1))
    workers.share_gradients(net)
    values = {float(g) for p in net.parameters() if p.grad is not None for g in p.grad.flatten()}
    Path(folder, f"{workers.rank()}").write_text(str(values))


def _fail(folder: str) -> None:
    raise ValueError(f"torn shard in {folder}")


def test_gradients_are_the_mean_over_the_processes(tmp_path: Path) -> None:
    workers.run(2, _task, str(tmp_path))
    assert [(tmp_path / name).read_text() for name in "01"] == ["{1.5}", "{1.5}"]


def test_one_worker_is_this_process(tmp_path: Path) -> None:
    workers.run(1, _task, str(tmp_path))
    assert (tmp_path / "0").read_text() == "{1.0}"


def test_a_failing_worker_ends_the_run_with_its_reason() -> None:
    with pytest.raises(Exception, match="torn shard in here"):
        workers.run(2, _fail, "here")
