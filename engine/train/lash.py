"""Lashes: one dark wedge along the upper lid, made from the lid's own edge.

It rides on the edge in every shape. Open, it stands on the edge and ends in a wing; shut, it is a
gentle arc where the lids meet, whatever corners the lid's mesh has there. It always floats just in
front of the skin, which keeps it whole over folds of any depth.
"""

import numpy as np

from engine.face.blendshapes import ARKIT
from engine.train.bust import F64, I64, Bust, Part, foremost, smooth
from engine.train.correctives import CORRECTIVES, corrective
from engine.train.lids import edge

COLUMNS = 25
ROWS = np.array([0.0, 0.5, 1.0])[:, None]  # from the edge to the tips
FLOAT = 0.012  # dm in front of the skin
HANG = 0.11  # dm, times weight squared less weight cubed
RAISE = 0.28  # of the bow of the meeting lids: the shut line hangs that much less


def _lain(points: F64, faces: I64, grid: F64, least: F64) -> F64:
    """Wedge [R, C, 3] whose (x, y) are given, FLOAT in front of the skin as posed."""
    flat = grid.reshape(-1, 2)
    depth = np.maximum(foremost(points, faces, flat), np.tile(least, len(ROWS)))
    return np.concatenate([flat, depth[:, None] + FLOAT], axis=1).reshape(*grid.shape[:2], 3)


def lash(bust: Bust, side: str, length: float) -> Part:
    """Upper lashes of one eye; `length` 0 leaves a thin line."""
    outwards = 1.0 if side == "l" else -1.0
    name = "eyeBlinkLeft" if side == "l" else "eyeBlinkRight"
    at, rest = edge(bust.source, side), bust.positions
    line = rest[at]
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    t = np.linspace(0, 1, COLUMNS)
    # Rows of `share` interpolate what the vertices of the edge do.
    share = np.stack([np.interp(t, along / along[-1], row) for row in np.eye(len(at))], axis=1)
    near = np.linalg.norm(rest - line.mean(0), axis=1) < 0.5
    quads = bust.source.groups["body"].vertices
    quads = quads[near[quads].all(1)]
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    thick = (0.022 + 0.040 * length) * np.sin(np.pi * np.clip(0.10 + 0.78 * t, 0, 1)) ** 0.7
    wing = smooth(0.72, 1.0, t) * np.array([[0.048 * outwards], [0.026]]) * length
    base = share @ line
    shape = base[:, :2] - [0.0, 0.028] + wing.T
    lift = np.stack([0.35 * outwards * (t - 0.4) * thick, thick], axis=1)
    opened = _lain(rest, faces, shape[None] + ROWS[..., None] * lift[None], base[:, 2])
    # Shut: an arc through the corners, as deep as the lids meet.
    blink = bust.shape(name)
    shut = share @ (line + blink[at])
    low = float(np.quantile(shut[:, 1], 0.12))
    inner, outer = shut[0, :2] + [0.012 * outwards, -0.008], shut[-1, :2]
    ends = inner + (outer - inner) * t[:, None]
    bow = np.stack([0 * t, (low - ends[:, 1]) * (1 - np.abs(2 * t - 1) ** 2.2)], axis=1)
    thin = np.stack([0 * t, 0.75 * thick * smooth(0.0, 0.25, t)], axis=1)
    met, closed = (
        _lain(
            rest + blink, faces, (ends + k * bow)[None] + ROWS[..., None] * thin[None], shut[:, 2]
        )
        for k in (1.0, 1 - RAISE)
    )
    part = _ribbon(opened)
    moves = {n: bust.shape(n) for n in ARKIT}
    moves |= {"+".join(c): corrective(bust, c) for c in CORRECTIVES}
    part.extra = {n: np.tile(share @ m[at], (len(ROWS), 1)) for n, m in moves.items()
                  if np.abs(m[at]).max() > 1e-3}  # fmt: skip
    # The line follows the lid's edge on its way, and rises to where it reads best at the end.
    # Late on the way its lower side hangs a little, or a thread of the lid would show under it.
    hung = np.zeros_like(opened)
    hung[0, :, 1] = -HANG * np.sin(np.pi * t) ** 0.5
    part.extra[name] = (met - opened).reshape(-1, 3)
    part.extra[f"{name}+{name}"] = (closed - met + hung).reshape(-1, 3)
    part.extra[f"{name}+{name}+{name}"] = -hung.reshape(-1, 3)
    return part


def _ribbon(grid: F64) -> Part:
    rows, columns = grid.shape[:2]
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (q.ravel() for q in (at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]))
    count = rows * columns
    return Part(
        "lash", grid.reshape(-1, 3), np.r_[np.c_[a, b, c], np.c_[a, c, d]], np.zeros((count, 2)),
        np.full(count, -1), np.ones(count), np.arange(count), np.zeros(count),
    )  # fmt: skip
