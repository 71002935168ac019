"""What hairdos are made of: paths over a head and the locks swept along them.

A path is given by knots (azimuth, elevation, height over the hull) and may end in a free fall. A
lock is a closed tube of lens-shaped section along one path. Lengths in dm.
"""

from dataclasses import dataclass, replace

import numpy as np

from engine.train.bust import F64, I64, Part, smooth
from engine.train.skull import Skull

SIDES = 6  # corners of a lock's section
_DENSE = 28  # points of a path before it is measured
_BAND = 38.0  # elevation of the hull's normal where the light band lies, degrees
BAND = 0.40  # its place in the texture, from root to tip

Knot = tuple[float, float, float]


@dataclass(frozen=True)
class Lock:
    """One lock."""

    knots: tuple[Knot, ...]  # (azimuth, elevation, height over the hull) from the root on
    drop: float = 0.0  # length of the free fall after the last knot
    width: float = 0.16  # half width
    thick: float = 0.06  # half thickness
    tuck: float = 0.0  # how far a falling tip curls in
    wave: float = 0.0  # sideways swing of a falling part
    phase: float = 0.0  # of the wave, turns
    rings: int = 9
    root_width: float = 0.6
    blunt: float = 3.0  # larger: stays wide longer
    line: float = 1.0  # relative width of the outline at its tip
    root_line: float = 0.25
    band: float | None = None  # share of its length where the light band lies


def _spline(points: F64, count: int) -> F64:
    """Catmull-Rom [N, count, C] through points [N, K, C]."""
    lanes, knots, _ = points.shape
    if knots == 1:
        return np.repeat(points, count, axis=1)
    before = 2 * points[:, :1] - points[:, 1:2]
    after = 2 * points[:, -1:] - points[:, -2:-1]
    p = np.concatenate([before, points, after], axis=1)
    x = np.linspace(0, knots - 1, count)
    i = np.minimum(x.astype(int), knots - 2)
    f = (x - i)[None, :, None]
    a, b, c, d = (p[:, i + k] for k in range(4))
    return np.asarray(
        0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2
               + (3 * b - a - 3 * c + d) * f**3)
    )  # fmt: skip


def _measured(points: F64, rows: int) -> F64:
    """The same lines [N, *, 3] as rows points [N, rows, 3] at even distances."""
    step = np.linalg.norm(np.diff(points, axis=1), axis=2)
    at = np.concatenate([np.zeros((len(points), 1)), np.cumsum(step, axis=1)], axis=1)
    out = np.empty((len(points), rows, 3))
    for lane, (line, length) in enumerate(zip(points, at, strict=True)):
        where = np.linspace(0, length[-1], rows)
        out[lane] = np.stack([np.interp(where, length, line[:, c]) for c in range(3)], 1)
    return out


def flow(
    skull: Skull, knots: F64, drop: F64, rows: int, tuck: F64 | float = 0.0,
    wave: F64 | float = 0.0, phase: F64 | float = 0.0, lean: F64 | None = None,
) -> F64:  # fmt: skip
    """Points [N, rows, 3] along N paths: knots [N, K, 3], then falls of drop [N].

    lean [N, 3]: how far the tips of the falls are moved aside.
    """
    azimuth, elevation = np.radians(knots[..., 0]), np.radians(knots[..., 1])
    towards = np.stack([np.cos(elevation) * np.sin(azimuth), np.sin(elevation),
                        np.cos(elevation) * np.cos(azimuth)], -1)  # fmt: skip
    towards = _spline(towards, _DENSE)
    towards /= np.linalg.norm(towards, axis=2, keepdims=True)
    height = _spline(knots[..., 2:], _DENSE)[..., 0]
    points = skull.point(towards, height)
    if np.any(drop > 0):
        share = np.linspace(0, 1, _DENSE)[None, 1:, None]
        length = np.asarray(drop, float)[:, None, None]
        out = skull.around(points[:, -1:].copy()) * [1, 0, 1]
        out /= np.maximum(np.linalg.norm(out, axis=2, keepdims=True), 1e-9)
        aside = np.stack([out[..., 2], 0 * out[..., 0], -out[..., 0]], -1)
        swing = np.broadcast_to(wave, len(points))[:, None, None]
        turn = share * length * 1.25 + np.broadcast_to(phase, len(points))[:, None, None]
        start = np.minimum(share * 3, 1)
        fall = points[:, -1:] - np.array([0, 1, 0]) * share * length
        curl = np.broadcast_to(tuck, len(points))[:, None, None]
        fall = fall + out * (0.05 * np.sin(np.pi * share) - curl * share**2.5)
        fall = fall + aside * swing * start * np.sin(2 * np.pi * turn)
        fall = fall + out * swing * start * 0.5 * np.cos(2 * np.pi * turn)
        if lean is not None:
            fall = fall + np.asarray(lean)[:, None] * share**1.2
        points = np.concatenate([points, fall], axis=1)
    return _measured(points, rows)


def band(skull: Skull, points: F64, at: float | None = None) -> F64:
    """Texture row [N, rows] in [0, 1] from root to tip.

    It is BAND where the hull turns down, which puts all light bands of a head on one ring, or at
    the share `at` of the length.
    """
    if at is not None:
        row = np.interp(np.linspace(0, 1, points.shape[1]), [0, at, 1], [0, BAND, 1])
        return np.repeat(row[None], len(points), axis=0)
    rise = np.degrees(np.arcsin(np.clip(skull.around(points.copy())[..., 1], -1, 1)))
    t = np.linspace(0, 1, points.shape[1])
    out = np.empty(points.shape[:2])
    for lane, angle in enumerate(rise):
        below = np.flatnonzero(angle < _BAND)
        cross = t[below[0]] if len(below) else 1.0
        if cross < 0.12:  # it begins under the band
            out[lane] = 0.62 + 0.38 * t
        elif cross > 0.88:  # it ends above
            out[lane] = 0.30 * t
        else:
            out[lane] = np.interp(t, [0, cross, 1], [0, BAND, 1])
    return out


def _frame(skull: Skull, points: F64) -> tuple[F64, F64]:
    """Unit vectors across and out of lines [N, rows, 3]."""
    tangent = np.gradient(points, axis=1)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=2, keepdims=True), 1e-9)
    side = np.cross(tangent, skull.around(points.copy()))
    side /= np.maximum(np.linalg.norm(side, axis=2, keepdims=True), 1e-9)
    return side, np.cross(side, tangent)


def tube(skull: Skull, points: F64, lock: Lock, name: str = "hair") -> Part:
    """A lock's section swept along given points [1, rings, 3]."""
    rings = points.shape[1]
    side, up = (v[0] for v in _frame(skull, points))
    t = np.linspace(0, 1, rings)
    swell = lock.root_width + (1 - lock.root_width) * smooth(0, 0.45, t)
    shape = swell * np.clip(1 - t**lock.blunt, 0, 1) ** 0.6
    turn = np.arange(SIDES) / SIDES * 2 * np.pi
    across = (lock.width * shape)[:, None] * np.cos(turn)
    # A wide lock bends around the head.
    rise = (lock.thick * shape**0.6)[:, None] * np.sin(turn) - across**2 / (2 * skull.size)
    vertices = (
        points[0][:, None] + side[:, None] * across[..., None] + up[:, None] * rise[..., None]
    )
    v = 1 - band(skull, points, lock.band)[0]
    uv = np.stack([np.broadcast_to(0.5 + 0.5 * np.cos(turn), (rings, SIDES)),
                   np.broadcast_to(v[:, None], (rings, SIDES))], axis=-1)  # fmt: skip
    line = np.repeat(lock.root_line + (lock.line - lock.root_line) * smooth(0.3, 0.8, t), SIDES)
    return piece(name, vertices.reshape(-1, 3), _tube(rings), uv.reshape(-1, 2), line)


def _tube(rings: int) -> I64:
    """Triangles of a tube of SIDES corners with a closed root, outward facing."""
    r, s = np.meshgrid(np.arange(rings - 1), np.arange(SIDES), indexing="ij")
    a, b = r * SIDES + s, r * SIDES + (s + 1) % SIDES
    c, d = a + SIDES, b + SIDES
    quads = np.stack([a, c, d, a, d, b], -1).reshape(-1, 3)
    fan = [[0, k, k + 1] for k in range(1, SIDES - 1)]
    return np.concatenate([quads, np.array(fan)])


def piece(name: str, vertices: F64, faces: I64, uv: F64, outline: F64) -> Part:
    """A part that is no child of the skin's movements."""
    count = len(vertices)
    return Part(
        name, vertices, faces, uv, np.full(count, -1), np.ones(count), np.arange(count), outline
    )  # fmt: skip


def moved(lock: Lock, noise: np.random.Generator, amount: float) -> Lock:
    """The lock with knots beyond its root shifted at random by up to `amount` degrees."""
    shift = noise.uniform(-amount, amount, 2)
    last = max(len(lock.knots) - 1, 1)
    knots = tuple(
        (a + shift[0] * i / last, e + 0.6 * shift[1] * i / last, h)
        for i, (a, e, h) in enumerate(lock.knots)
    )
    return replace(lock, knots=knots)
