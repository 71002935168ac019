"""Paint of hair: a clump unrolled, root at the top, with strands, a light band and dark edges."""

import numpy as np

from engine.train.bust import F64, smooth
from engine.train.canvas import Ink
from engine.train.hair import BAND

HEIGHT, WIDTH = 256, 64
BEARD = (256, 512)  # rows and columns of a whole beard


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
    # Two lighter strands beside it, as long as the clump.
    beside = sum(
        smooth(0.055, 0.015, np.abs(u - at - 0.025 * np.sin(4 * v + 11 * at)))
        * smooth(first, first + 0.15, v) * smooth(0.98, 0.70, v)
        for at, first in ((0.38, 0.45), (0.62, 0.30))
    )  # fmt: skip
    lines = sum(
        smooth(0.035, 0.008, np.abs(u - at - 0.03 * np.sin(5 * v + 9 * at)))
        * smooth(first, first + 0.15, v) * smooth(last, last - 0.2, v)
        for at, first, last in ((0.27, 0.20, 0.85), (0.50, 0.05, 0.60), (0.74, 0.30, 1.00))
    )  # fmt: skip
    root = 0.75 * smooth(0.16, 0.0, v)
    tip = 0.45 * smooth(0.80, 1.0, v)
    edge = 0.42 * (smooth(0.10, 0.02, u) + smooth(0.10, 0.02, 1 - u)) * smooth(0.05, 0.25, v)
    dark = np.clip(np.maximum(np.maximum(root, tip), np.maximum(edge, 0.28 * lines)), 0, 1)
    bright = np.maximum(0.85 * light, np.maximum(soft, 0.62 * beside))
    return [Ink("hair_light", np.clip(bright, 0, 1)), Ink("hair_shadow", dark)]


def beard_inks() -> list[Ink]:
    """A whole beard unrolled [256, 512], ear to ear and cheek to tip: gentle strands all over.

    Across it lies the angle around the jaw, so that strands run down wherever the beard grows.
    """
    rows, columns = BEARD
    v = ((np.arange(rows) + 0.5) / rows)[:, None]
    u = ((np.arange(columns) + 0.5) / columns)[None, :]
    bend = u + 0.004 * np.sin(2 * np.pi * (1.5 * v + 3 * u))
    # Waves that never line up: tufts of uneven width and length.
    strand = np.sin(2 * np.pi * 31 * bend + 0.8 * np.sin(2 * np.pi * 5 * u))
    tuft = np.sin(2 * np.pi * 13 * bend + 1.5 * np.sin(2 * np.pi * 3 * u + 1) + 1.5 * v)
    mixed = 0.5 * strand + 0.5 * tuft
    light = 0.45 * smooth(0.0, 0.9, mixed) * smooth(1.0, 0.45, v)
    dark = 0.30 * smooth(0.0, -0.9, mixed) + 0.25 * smooth(0.75, 1.0, v)
    return [Ink("beard_light", light.astype(np.float32)),
            Ink("beard_shadow", np.clip(dark, 0, 1).astype(np.float32))]  # fmt: skip
