"""assert_streams: the one check that every Stage passes (torch and runtime forms alike)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.stage import leaves, tree_map


def _cat(parts: Sequence[Any], axis: int) -> Any:
    if hasattr(parts[0], "detach"):
        import torch

        return torch.cat(list(parts), dim=axis)
    return np.concatenate(parts, axis=axis)


def _numpy(leaf: Any) -> np.ndarray:
    return leaf.detach().cpu().numpy() if hasattr(leaf, "detach") else np.asarray(leaf)


def _close(a: Any, b: Any, atol: float, what: str) -> None:
    for one, two in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(_numpy(one), _numpy(two), atol=atol, rtol=0, err_msg=what)


def run(stage: Any, x: Any, sizes: Sequence[int]) -> Any:
    """Outputs of `step` over consecutive pieces of x (axis 1) with the given sizes, joined."""
    state, outputs, at = stage.init_state(len(leaves(x)[0])), [], 0
    for size in sizes:
        piece = tree_map(lambda a, at=at, size=size: a[:, at : at + size], x)
        y, state = stage.step(piece, state)
        outputs.append(y)
        at += size
    assert at == leaves(x)[0].shape[1], "the split does not cover the clip"
    return tree_map(lambda *ys: _cat(ys, 1), *outputs)


def assert_streams(
    stage: Any,
    x: Any,
    *,
    block: int = 1,
    atol: float = 1e-4,
    perturb: Callable[[np.ndarray], np.ndarray] | None = None,
) -> None:
    """`step` over any split equals `forward`; state is a value; the future is not seen; rows of a
    batch do not mix.

    `x`: array or NamedTuple of arrays [B, T, ...] with B >= 2; `block`: smallest input step along
    T. `perturb`: makes another valid future from the true one (default: reversed in batch).
    """
    length = leaves(x)[0].shape[1]
    steps = length // block
    assert steps >= 12 and length % block == 0 and len(leaves(x)[0]) >= 2
    whole = stage.forward(x)

    splits = {
        "one by one": [1] * steps,
        "uneven": [2, 3, 5, 1, steps - 11],
        "sevens": [7] * (steps // 7) + ([steps % 7] if steps % 7 else []),
    }
    for name, sizes in splits.items():
        _close(run(stage, x, [s * block for s in sizes]), whole, atol, f"split {name} != forward")

    half = steps // 2 * block
    past = tree_map(lambda a: a[:, :half], x)
    future = tree_map(lambda a: a[:, half:], x)
    before = stage.init_state(len(leaves(x)[0]))
    y_past, state = stage.step(past, before)
    kept = [np.array(_numpy(leaf)) for leaf in leaves(state)]
    first, _ = stage.step(future, state)
    for leaf, copy in zip(leaves(state), kept, strict=True):
        np.testing.assert_array_equal(_numpy(leaf), copy, err_msg="step changed its input state")
    again, _ = stage.step(future, state)
    _close(first, again, 0.0, "step from the same state gave another answer: hidden state")

    # Different values, not NaN: masked attention returns NaN for a NaN future even when causal.
    flip = perturb or (lambda a: a[::-1].copy())
    other = tree_map(
        lambda a: _cat([a[:, :half], _like(flip(_numpy(a[:, half:])), a)], 1),
        x,
    )
    rate = leaves(whole)[0].shape[1] / length
    keep = int(half * rate)
    _close(
        tree_map(lambda a: a[:, :keep], stage.forward(other)),
        tree_map(lambda a: a[:, :keep], whole),
        atol,
        "the past changed with the future: not causal",
    )
    _close(tree_map(lambda a: a[:, :keep], whole), y_past, atol, "prefix != forward")

    for row in range(len(leaves(x)[0])):
        alone = stage.forward(tree_map(lambda a, row=row: a[row : row + 1], x))
        expected = tree_map(lambda a, row=row: a[row : row + 1], whole)
        _close(alone, expected, atol, "rows of a batch mix")


def _like(array: np.ndarray, reference: Any) -> Any:
    if hasattr(reference, "detach"):
        import torch

        return torch.from_numpy(np.ascontiguousarray(array)).to(reference)
    return array
