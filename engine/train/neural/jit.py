"""`jit`: numba.njit for the teacher's offline kernels, typed so that strict mypy sees the function.

Unlike kernels.jit these live beside their source in __pycache__: numba watches the file, and no
live session ever compiles them.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")
Scalar: TypeAlias = Any  # a number inside a kernel


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first call. Pictures here are references to learn, not bits to agree on, so
    arithmetic may be reordered."""
    compiled = numba.njit(nogil=True, error_model="numpy", fastmath=True, cache=True)(function)
    return cast(Callable[P, R], compiled)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """As `jit`, pasted into each caller."""
    compiled = numba.njit(inline="always", error_model="numpy", fastmath=True)(function)
    return cast(Callable[P, R], compiled)
