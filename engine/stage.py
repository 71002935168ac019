"""The streaming contract: explicit, batch-first state in, state out.

`step` over any split of a clip equals `forward` over the whole clip (tests/contract.py checks it
for every Stage). State is a value: keep it to undo, stack it to batch sessions, export it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import numpy as np

X_contra = TypeVar("X_contra", contravariant=True)
Y_co = TypeVar("Y_co", covariant=True)
S = TypeVar("S")


class Stage(Protocol[X_contra, S, Y_co]):
    """A causal map over time. Every leaf of x, y and state is batch first; time is axis 1."""

    @property
    def latency(self) -> int:
        """Samples at 16 kHz between the time an output describes and the newest input it needs."""

    def init_state(self, batch: int) -> S:
        """State before the first sample."""

    def step(self, x: X_contra, state: S) -> tuple[Y_co, S]:
        """Advance by the length of `x`; never changes `state` in place."""

    def forward(self, x: X_contra) -> Y_co:
        """The whole clip at once, from `init_state`."""


def tree_map(function: Callable[..., Any], *trees: S) -> S:
    """Apply `function` leaf by leaf over equal trees of (nested) NamedTuples."""
    first = trees[0]
    if isinstance(first, tuple):
        rows = zip(*cast(Sequence[Sequence[Any]], trees), strict=True)
        children = [tree_map(function, *row) for row in rows]
        make = getattr(type(first), "_make", tuple)
        return cast(S, make(children))
    return cast(S, function(*trees))


def leaves(tree: Any) -> list[Any]:
    """The arrays of a tree, in field order."""
    if isinstance(tree, tuple):
        return [leaf for child in tree for leaf in leaves(child)]
    return [tree]


def stack(states: Sequence[S]) -> S:
    """Several sessions' states as one batch."""
    return tree_map(lambda *a: np.concatenate(a, axis=0), *states)


def split(state: S) -> list[S]:
    """The inverse of `stack`: one state of batch 1 per row, views of the batch's arrays."""
    if isinstance(state, tuple):
        if not state:
            raise ValueError("a state without leaves has no batch")
        make = getattr(type(state), "_make", tuple)
        columns = [split(child) for child in state]
        return [cast(S, make(row)) for row in zip(*columns, strict=True)]
    leaf: Any = state
    return [leaf[i : i + 1] for i in range(len(leaf))]
