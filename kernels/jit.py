"""`jit`: numba.njit with the project's settings, typed so that strict mypy sees the plain function.

Compiled code is kept in the user's cache folder (kernels.cache), so only a machine's first picture
pays for compilation. The GIL is released.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numba

from kernels.cache import attach

P = ParamSpec("P")
R = TypeVar("R")
# A number inside a kernel: numba infers its width, which Python's types cannot express.
Scalar: TypeAlias = Any


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first call; arithmetic may contract to fused multiply-add, nothing else."""
    compiled = numba.njit(nogil=True, error_model="numpy", fastmath={"contract"})(function)
    attach(compiled, function)
    return cast(Callable[P, R], compiled)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """As `jit`, for the small functions of an inner loop: pasted into each caller, so that a call
    does not pass a dozen array descriptors on the stack."""
    compiled = numba.njit(inline="always", error_model="numpy", fastmath={"contract"})
    return cast(Callable[P, R], compiled(function))
