"""Processes that train together: means of gradients and numbers, one start, errors that arrive."""

import json
from pathlib import Path

import pytest
import torch

from engine.train.crew import Crew


def work(folder: Path, crew: Crew) -> None:
    """Writes what each process holds after they have met."""
    net = torch.nn.Linear(2, 1)
    net.weight.grad = torch.tensor([[1.0, 2.0]]) * (1 + crew.rank)
    net.bias.grad = torch.tensor([10.0]) * crew.rank
    crew.share(net.parameters())
    first = torch.full((3,), float(crew.rank))
    crew.follow([first])
    assert net.weight.grad is not None and net.bias.grad is not None
    found = {
        "weight": net.weight.grad.tolist(),
        "bias": net.bias.grad.tolist(),
        "mean": crew.mean(crew.rank * 4.0),
        "first": first.tolist(),
    }
    (folder / f"{crew.rank}.json").write_text(json.dumps(found))


def fail(crew: Crew) -> None:
    if crew.rank == crew.size - 1:
        raise ValueError("shards are not where they were")


@pytest.mark.parametrize(
    ("size", "weight", "bias", "mean"), [(1, [1.0, 2.0], 0.0, 0.0), (2, [1.5, 3.0], 5.0, 2.0)]
)
def test_a_crew_holds_the_same_means(
    tmp_path: Path, size: int, weight: list[float], bias: float, mean: float
) -> None:
    Crew.run(size, work, tmp_path)
    wanted = {"weight": [weight], "bias": [bias], "mean": mean, "first": [0.0] * 3}
    for rank in range(size):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == wanted


@pytest.mark.parametrize("size", [1, 2])
def test_an_error_of_a_worker_reaches_the_caller(size: int) -> None:
    with pytest.raises(Exception, match="shards are not where they were"):
        Crew.run(size, fail)
