"""Regions of a picture that count differently in the losses, from landmarks on the grid."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.frames import F32, U8

Array = npt.NDArray[np.floating[Any]]
OTHER, SKIN, MOUTH, EYES = range(4)


def _ellipse(x: F32, y: F32, centre: Array, across: Array, height: float) -> npt.NDArray[np.bool_]:
    """Inside of an ellipse: `across` [2] is the half axis along it, `height` the other one, px."""
    length = max(float(np.hypot(*across)), 1e-6)
    along = across / length
    dx, dy = x - centre[0], y - centre[1]
    u, v = dx * along[0] + dy * along[1], dy * along[0] - dx * along[1]
    return np.asarray((u / length) ** 2 + (v / max(height, 1e-6)) ** 2 <= 1)


def regions(landmarks: Mapping[str, Array], skin: npt.NDArray[np.bool_]) -> U8:
    """[gh, gw]: OTHER, SKIN, MOUTH (lips, what is between them, a rim of skin) or EYES (lids too).

    landmarks: names of an avatar's landmarks -> x, y in pixels of the grid; skin [gh, gw].
    """
    y, x = np.mgrid[: skin.shape[0], : skin.shape[1]].astype(np.float32) + np.float32(0.5)
    out = np.where(skin, SKIN, OTHER).astype(np.uint8)
    for side in ("left", "right"):
        inner, outer = (landmarks[f"eye_{end}_{side}"][:2] for end in ("inner", "outer"))
        lids = [landmarks[f"lid_{end}_{side}"][:2] for end in ("upper", "lower")]
        half, gap = (outer - inner) / 2, float(np.hypot(*(lids[1] - lids[0]))) / 2
        # A shut eye still has lashes and a crease.
        height = max(gap * 1.5, 0.55 * float(np.hypot(*half)))
        out[_ellipse(x, y, (inner + outer) / 2, half * 1.25, height)] = EYES
    left, right = landmarks["mouth_corner_left"][:2], landmarks["mouth_corner_right"][:2]
    lips = [landmarks[f"lip_{end}_inner"][:2] for end in ("upper", "lower")]
    half, gap = (left - right) / 2, float(np.hypot(*(lips[1] - lips[0]))) / 2
    middle = (lips[0] + lips[1] + left + right) / 4
    out[_ellipse(x, y, middle, half * 1.25, gap + 0.55 * float(np.hypot(*half)))] = MOUTH
    return out
