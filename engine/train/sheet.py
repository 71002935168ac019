"""Sheets of hair: surfaces through many paths side by side, gathered into clumps.

The clumps are domed and end in rounded tips, so that a sheet reads as combed hair while it stays
one surface without gaps; its free edges turn in. Lengths in dm.
"""

from dataclasses import dataclass

import numpy as np

from engine.train.bust import F64, I64, Part, smooth
from engine.train.hair import BAND, band, piece
from engine.train.skull import Skull

COMBED, WOOLLY = 0.62, 0.30  # share of the egg's normals in the shading


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
    ends: float = 0.65  # share of it that is left at the tips
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


def drape(skull: Skull, points: F64, sheet: Sheet, name: str = "hair") -> Part:
    """A sheet over given points [N, rows, 3]."""
    lanes, rows, _ = points.shape
    normal = skull.around(points.copy())
    t = np.linspace(0, 1, rows)
    dome = np.sqrt(np.clip(1 - sheet.clumps.across**2, 0, 1))
    rise = sheet.relief * dome[:, None] * smooth(0, 0.35, t)
    rise = rise * (1 - (1 - sheet.ends) * smooth(0.7, 1, t))
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
            # Less at the tips, where it would stand as a box in the corner.
            tip = smooth(0.88, 1, np.arange(grid.shape[1]) / rows)
            least, deep = sheet.thick * (1 - 0.9 * tip), sheet.thick * (3 - 2.8 * tip)
            first, last = (
                e - n * np.clip(skull.above(e) + 0.01, least, deep)[..., None]
                for e, n in ((grid[:1], normals[:1]), (grid[-1:], normals[-1:]))
            )
            grid = np.concatenate([first, grid, last])
            line = np.concatenate([line[:1], line, line[-1:]])
            u, v = (np.concatenate([0 * x[:1], x, 0 * x[-1:]]) for x in (u, v))  # dark
    part = piece(
        name, grid.reshape(-1, 3), mesh(*grid.shape[:2]), np.stack([u, v], -1).reshape(-1, 2),
        line.reshape(-1),
    )  # fmt: skip
    share = np.full(grid.shape[:2], COMBED + (WOOLLY - COMBED) * sheet.fleece * (sheet.bumps > 0))
    share[:, rows:] = 1.0  # a hem that turns in is no lit facet
    part.proxy = hull_normals(skull, part.positions, share.reshape(-1))
    return part


def hull_normals(skull: Skull, points: F64, share: F64 | float) -> F64:
    """Proxy [V, 4]: the egg's normals, which give a head of hair one light and one shadow."""
    return np.column_stack([skull.around(points.copy()), np.broadcast_to(share, len(points))])


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
