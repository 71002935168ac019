"""Paint of hair: a clump unrolled, root at the top, with strands, a light band and dark edges."""

import numpy as np

from engine.train.bust import F64, smooth
from engine.train.canvas import Ink
from engine.train.hair import BAND

HEIGHT, WIDTH = 256, 64


def _grid() -> tuple[F64, F64]:
    """Rows from root (0) to tip (1) and columns across a clump (0 to 1), both [HEIGHT, WIDTH]."""
    v = ((np.arange(HEIGHT) + 0.5) / HEIGHT)[:, None]
    u = ((np.arange(WIDTH) + 0.5) / WIDTH)[None, :]
    return v + 0 * u, u + 0 * v


def hair_inks() -> list[Ink]:
    """A clump [256, 64]: darker roots and edges, one light band with ragged ends."""
    v, u = _grid()
    # Few wide strands: what is thinner than two pixels of a small picture would crawl.
    ragged = 0.055 * np.sin(2 * np.pi * 2.0 * u + 0.6) + 0.03 * np.sin(2 * np.pi * 3.0 * u + 2.0)
    high, low = BAND - 0.13 + 0.4 * ragged, BAND + 0.13 + ragged
    light = smooth(-0.03, 0.03, v - high) * smooth(0.06, -0.06, v - low)
    light *= smooth(0.06, 0.22, u) * smooth(0.06, 0.22, 1 - u)
    # The middle of a clump is lighter all along, which shows the clumps below the band too.
    soft = 0.55 * smooth(0.1, 0.35, v) * smooth(1.0, 0.6, v) * (0.15 + 0.85 * np.sin(np.pi * u))
    lines = sum(
        smooth(0.035, 0.008, np.abs(u - at - 0.03 * np.sin(5 * v + 9 * at)))
        * smooth(first, first + 0.15, v) * smooth(last, last - 0.2, v)
        for at, first, last in ((0.27, 0.20, 0.85), (0.50, 0.05, 0.60), (0.74, 0.30, 1.00))
    )  # fmt: skip
    root = 0.75 * smooth(0.16, 0.0, v)
    tip = 0.45 * smooth(0.80, 1.0, v)
    edge = 0.42 * (smooth(0.10, 0.02, u) + smooth(0.10, 0.02, 1 - u)) * smooth(0.05, 0.25, v)
    dark = np.clip(np.maximum(np.maximum(root, tip), np.maximum(edge, 0.28 * lines)), 0, 1)
    return [Ink("hair_light", np.clip(np.maximum(0.85 * light, soft), 0, 1)),
            Ink("hair_shadow", dark)]  # fmt: skip


def beard_inks() -> list[Ink]:
    """A clump of a beard [256, 64]: lighter where it is thick, darker at its edges and roots."""
    v, u = _grid()
    edge = 0.4 * (smooth(0.12, 0.02, u) + smooth(0.12, 0.02, 1 - u))
    light = 0.8 * smooth(0.35, 0.75, v) * smooth(0.1, 0.35, u) * smooth(0.1, 0.35, 1 - u)
    return [
        Ink("beard_light", light.astype(np.float32)),
        Ink("beard_shadow", np.clip(np.maximum(edge, 0.5 * smooth(0.2, 0.0, v)), 0, 1)),
    ]
