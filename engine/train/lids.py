"""The edges of the lids: vertices of the clay, whose topology never changes."""

import numpy as np
import numpy.typing as npt

from engine.train.clay import Clay

I64 = npt.NDArray[np.int64]

# Those of the left eye, from the inner to the outer corner.
UPPER = (2770, 2767, 2806, 2764, 2761, 2758, 2705, 2704, 2710, 2713, 2716, 2719, 2722, 2725, 2728,
         2731)  # fmt: skip
LOWER = (2770, 2773, 2776, 2757, 4569, 2754, 2751, 2748, 2745, 2740, 2737, 2734, 4567, 2731)


def edge(clay: Clay, side: str, lower: bool = False) -> I64:
    """Vertices of the edge of a lid, from the inner corner to the outer one."""
    left = np.array(LOWER if lower else UPPER)
    if side == "l":
        return left
    points = clay.positions
    body = np.unique(clay.groups["body"].vertices)
    mirrored = points[left] * [-1, 1, 1]
    return np.asarray(body[[np.linalg.norm(points[body] - p, axis=1).argmin() for p in mirrored]])
