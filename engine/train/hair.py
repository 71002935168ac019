"""What hairdos are made of: paths over a head, swept locks, and sheets of clumps.

A path is given by knots (azimuth, elevation, height over the hull) and may end in a free fall. A
lock is a closed tube of lens-shaped section along one path. A sheet is spanned by many paths side
by side; their clumps are domed and end in rounded tips, so that it reads as combed hair while it
stays one surface without gaps. Lengths in dm.
"""

from dataclasses import dataclass, replace

import numpy as np

from engine.train.bust import F64, I64, Part, smooth
from engine.train.skull import Skull

SIDES = 6  # corners of a lock's section
COMBED, WOOLLY = 0.62, 0.30  # share of the egg's normals in the shading
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


def sweep(skull: Skull, lock: Lock, name: str = "hair") -> Part:
    """One closed lock as a part."""
    drop = np.array([lock.drop])
    points = flow(
        skull, np.array([lock.knots]), drop, lock.rings, lock.tuck, lock.wave, lock.phase
    )  # fmt: skip
    return tube(skull, points, lock, name)


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


@dataclass(frozen=True)
class Clumps:
    """How the lanes of a sheet gather."""

    across: F64  # [N] place within its clump, -1 to 1
    number: I64  # [N] which clump

    def pick(self, values: F64) -> F64:
        """One value per clump [M] -> one per lane [N]."""
        return np.asarray(values[self.number % len(values)])


def gather(lanes: int, per_clump: float, noise: np.random.Generator) -> Clumps:
    """Divide lanes into clumps of about `per_clump` lanes, edges on lanes."""
    edges = [0]
    while edges[-1] < lanes - 1:
        edges.append(edges[-1] + max(3, round(per_clump * noise.uniform(0.75, 1.3))))
    if len(edges) > 2 and edges[-1] - (lanes - 1) > 2:
        edges.pop()
    edges[-1] = lanes - 1
    lane = np.arange(lanes)
    number = np.clip(np.searchsorted(edges, lane, side="right") - 1, 0, len(edges) - 2)
    start, end = np.array(edges)[number], np.array(edges)[number + 1]
    return Clumps(2 * (lane - start) / (end - start) - 1, number)


@dataclass(frozen=True)
class Sheet:
    """A surface through paths side by side; arrays per lane [N]."""

    knots: F64  # [N, K, 3]
    drop: F64  # [N]
    clumps: Clumps
    rows: int = 14
    relief: float = 0.05  # height of a clump over the grooves
    thick: float = 0.08  # of the hem: how far the edge turns in
    tuck: float = 0.0
    wave: float = 0.0
    phase: F64 | float = 0.0
    lean: F64 | None = None  # [N, 3]
    band: float | None = None  # share of the length where the light band lies
    bumps: float = 0.0  # height of the curls of a woolly sheet
    size: float = 0.2  # their size
    fleece: float = 1.0  # share of woolly shading where there are curls
    closed: bool = False  # the last lane is the first again
    hem: bool = True
    line: float = 1.0


def span(skull: Skull, sheet: Sheet, name: str = "hair") -> Part:
    """The sheet as a part, its free edges turned in by a hem."""
    points = flow(
        skull, sheet.knots, sheet.drop, sheet.rows, sheet.tuck, sheet.wave, sheet.phase
    )  # fmt: skip
    return drape(skull, points, sheet, name)


def drape(skull: Skull, points: F64, sheet: Sheet, name: str = "hair") -> Part:
    """A sheet over given points [N, rows, 3]."""
    lanes, rows, _ = points.shape
    normal = skull.around(points.copy())
    t = np.linspace(0, 1, rows)
    dome = np.sqrt(np.clip(1 - sheet.clumps.across**2, 0, 1))
    rise = sheet.relief * dome[:, None] * (smooth(0, 0.35, t) * (1 - 0.35 * smooth(0.8, 1, t)))
    v = 1 - band(skull, points, sheet.band)
    if sheet.bumps:
        curl = _curls(points, sheet.size)
        rise = rise + sheet.bumps * curl
        # Light on the curls, dark between them.
        v = v + sheet.fleece * (1 - (BAND + 0.06 + 0.50 * (1 - curl)) - v)
    outer = points + normal * rise[..., None]
    odd = np.where(sheet.clumps.number % 2, -1.0, 1.0)
    u = np.repeat((0.5 + 0.5 * odd * sheet.clumps.across)[:, None], rows, axis=1)
    line = np.repeat((sheet.line * (0.25 + 0.75 * smooth(0.5, 1, t)))[None], lanes, axis=0)
    if sheet.bumps:
        u = u + sheet.fleece * (0.4 - u)  # away from the strands of a combed clump
    grid, normals = outer, normal
    if sheet.hem:
        # Rows that turn the lower edge in, then columns that do so with the sides.
        down = np.array([0, 0.35, 0]) * sheet.thick
        for depth in (0.5, 1.0):
            inner = outer[:, -1:] - normal[:, -1:] * sheet.thick * depth + down * (depth > 0.7)
            grid = np.concatenate([grid, inner], 1)
            normals = np.concatenate([normals, normal[:, -1:]], 1)
            u, v = np.concatenate([u, u[:, -1:]], 1), np.concatenate([v, v[:, -1:]], 1)
            line = np.concatenate([line, line[:, -1:]], 1)
        if not sheet.closed:
            # The sides turn in as far as the skin, so that no dark shows beside a cheek.
            first, last = (
                e - n * np.clip(skull.above(e) + 0.01, sheet.thick, 3 * sheet.thick)[..., None]
                for e, n in ((grid[:1], normals[:1]), (grid[-1:], normals[-1:]))
            )
            grid = np.concatenate([first, grid, last])
            line = np.concatenate([line[:1], line, line[-1:]])
            u, v = (np.concatenate([0 * x[:1], x, 0 * x[-1:]]) for x in (u, v))  # dark
    part = piece(
        name, grid.reshape(-1, 3), mesh(*grid.shape[:2]), np.stack([u, v], -1).reshape(-1, 2),
        line.reshape(-1),
    )  # fmt: skip
    part.proxy = hull_normals(
        skull, part.positions, COMBED + (WOOLLY - COMBED) * sheet.fleece * (sheet.bumps > 0)
    )
    return part


def hull_normals(skull: Skull, points: F64, share: float) -> F64:
    """Proxy [V, 4]: the egg's normals, which give a head of hair one light and one shadow."""
    return np.concatenate([skull.around(points.copy()), np.full((len(points), 1), share)], 1)


def _curls(points: F64, size: float) -> F64:
    """Domes [N, rows] in [0, 1] around centres about `size` apart, chosen one by one."""
    flat = points.reshape(-1, 3)
    apart = np.full(len(flat), np.inf)
    at = 0
    centres = 0
    while apart.max() > size**2 and centres < 600:
        apart = np.minimum(apart, ((flat - flat[at]) ** 2).sum(1))
        at, centres = int(apart.argmax()), centres + 1
    dome = 1 - apart / (0.70 * size) ** 2
    return np.asarray(np.clip(dome, 0, 1).reshape(points.shape[:2]))


def mesh(lanes: int, rows: int) -> I64:
    """Triangles of a grid [lanes, rows] whose lanes run to the subject's left, rows down."""
    i, j = np.meshgrid(np.arange(lanes - 1), np.arange(rows - 1), indexing="ij")
    a = i * rows + j
    b, c, d = a + 1, a + rows, a + rows + 1
    return np.stack([a, b, d, a, d, c], -1).reshape(-1, 3)


def lining(skull: Skull, points: F64, depth: float) -> Part:
    """The dark inside of a sheet over points [N, rows, 3], `depth` below it."""
    inner = points - skull.around(points.copy()) * depth
    count = inner.shape[0] * inner.shape[1]
    return piece(
        "underhair", inner.reshape(-1, 3), mesh(*inner.shape[:2]), np.full((count, 2), 0.5),
        np.zeros(count),
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
