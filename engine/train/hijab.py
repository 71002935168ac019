"""A hijab: one cloth wrapped around head and neck, framing the face, laid over the chest.

Columns run from one edge of the face around the back to the other, rows from the crown down. Above
the forehead and below the chin both edges meet; between them they open to an oval.
"""

import numpy as np

from engine.face.blendshapes import ARKIT
from engine.train.bust import F64, Part, neck_weight, smooth
from engine.train.canvas import Ink
from engine.train.creature import flatten_ears
from engine.train.form import measure
from engine.train.piece import grid, piece
from engine.train.sitter import Sitter
from engine.train.skull import direction

COLUMNS, HEAD, NECK = 41, 24, 7
TOP, SIDE = 31.0, 63.0  # degrees from the skull's centre: the oval of the face
EASE = 0.055  # dm over the skin
REACH = 0.09  # dm: skin around a point of the cloth that carries it
BAND = 58.0  # degrees: azimuth at which the cap below runs out
LINES = 512  # texels a side of the folds
# Rows of the face's lower half, 0 its middle, 1 its end: close together round the chin.
LOWER = (0.22, 0.42, 0.58, 0.71, 0.81, 0.89, 0.94, 0.975, 0.991, 0.998, 1.0)


def _under_chin(sitter: Sitter) -> float:
    """Elevation at which the cloth meets below the chin, degrees."""
    offset = sitter.marks["chin"] - sitter.skull.centre
    return float(np.degrees(np.arctan2(offset[1], offset[2]))) - 1.3


def _oval(elevation: F64, bottom: float) -> F64:
    """Azimuth [R] at which the cloth begins on each row."""
    middle, half = 0.5 * (TOP + bottom), 0.5 * (TOP - bottom)
    t: F64 = np.clip(np.abs(elevation - middle) / half, 0, 1)
    # Rounder at the chin than a plain oval.
    power = np.where(elevation < middle, 3.7, 2.1)
    made: F64 = SIDE * np.sqrt(1 - np.power(t, power))
    return made


def _rows(bottom: float) -> F64:
    """Elevations of the head's rows, close together where the oval opens and closes."""
    middle, half = 0.5 * (TOP + bottom), 0.5 * (TOP - bottom)
    upper = middle + half * np.cos(np.linspace(0, np.pi / 2, HEAD - 6 - len(LOWER)))
    return np.concatenate([np.linspace(89.5, TOP + 7, 6), upper, middle - half * np.array(LOWER)])


def _shell(sitter: Sitter, azimuth: F64, elevation: F64, ease: float) -> F64:
    """Points [...] of the wrap on the head: fuller behind, where the hair is."""
    skull = sitter.skull
    towards = direction(azimuth, elevation)
    full = smooth(0.0, 0.85, -towards[..., 2]) * smooth(-40, 15, elevation)
    radius = np.maximum(skull.skin(towards), skull.radius(towards) * (elevation > -20))
    return np.asarray(skull.centre + towards * (radius + ease + 0.13 * full)[..., None])


def _wrap(sitter: Sitter) -> tuple[F64, F64]:
    """The cloth [COLUMNS, HEAD + NECK, 3] and how much its vertices follow the head."""
    form, bottom = measure(sitter.bust), _under_chin(sitter)
    elevation = _rows(bottom)
    share = np.linspace(-1, 1, COLUMNS)
    opened = _oval(elevation, bottom)
    # From the left edge over the back to the right one.
    azimuth = opened + (360 - 2 * opened) * (share[:, None] + 1) / 2
    azimuth = np.where(azimuth > 180, azimuth - 360, azimuth)
    # Behind, the wrap ends at the nape, in front under the chin.
    front = 0.5 + 0.5 * np.cos(np.radians(azimuth))
    low = bottom + (1 - front) * 22
    bent = TOP + 0 * azimuth
    t = np.clip((TOP - elevation) / (TOP - bottom), 0, None)
    rows = np.where(elevation > TOP, elevation, bent + (low - bent) * t)
    # The chin stands out: without this the edge below it would come to a point.
    rows = rows + 3.2 * np.exp(-((azimuth / 12) ** 2)) * smooth(0.9, 1.0, t)
    head = _shell(sitter, azimuth, rows, EASE)
    around = azimuth[:, -1]
    s = np.linspace(0, 1, NECK + 1)[1:]
    last = 0.68 + 0.10 * np.cos(np.radians(around))
    # From the jaw to the shoulders it hangs free, like a tent, with folds.
    jaw, hem = head[:, -1:], form.at(around, last, 0.13)[:, None]
    way = s[:, None]
    fold = 0.030 * np.sin(np.radians(around)[:, None] * 6 + 5.0 * s + 0.8) * np.sin(np.pi * s)
    away = form.outward(around, 0.25)[:, None] * [1.0, 0.0, 1.0]
    neck = jaw + (hem - jaw) * way + away * (fold - 0.07 * np.sin(np.pi * s))[..., None]
    neck[..., 1] -= 0.05 * np.sin(np.pi * s)
    points = np.concatenate([head, neck], axis=1)
    points[:, -1] -= 0.06 * form.outward(around, last)
    # The edge of the face turns in to the skin.
    inner = points[[0, -1]].copy()
    edge = (elevation < TOP) & (elevation > bottom + 1)
    tucked = _shell(sitter, azimuth[[0, -1]], rows[[0, -1]], -0.005)
    inner[:, : len(elevation)][:, edge] = tucked[:, edge]
    points = np.concatenate([inner[:1], points, inner[1:]])
    weight = np.ones(points.shape[:2])
    at_jaw = neck_weight(jaw[:, 0] + [0, 0.05, 0])
    fall = np.maximum(at_jaw, 0.8)[:, None] * (1 - smooth(0.0, 1.0, s))
    weight[1:-1, HEAD:] = fall
    weight[[0, -1], HEAD:] = fall[[0, -1]]
    rows_in = smooth(bottom + 30, bottom, elevation) * (1 - np.maximum(at_jaw, 0.8))[:, None]
    weight[1:-1, :HEAD] -= rows_in
    weight[[0, -1], :HEAD] -= rows_in[[0, -1]]
    return points, weight


def _moves(sitter: Sitter, points: F64) -> dict[str, F64]:
    """Movements [V, 3] by shape: the cloth rides on cheeks and jaw, and gives way below them."""
    head, skin = points[:, :HEAD].reshape(-1, 3), sitter.skin
    near = np.flatnonzero(
        (skin.positions[:, 2] > -0.8) & (np.abs(skin.positions[:, 1] + 0.4) < 0.8)
    )
    source = np.unique(skin.source[near])
    at = sitter.bust.positions[source]
    apart = np.linalg.norm(head[:, None] - at, axis=2)
    weight = np.exp(-((apart / REACH) ** 2))
    weight /= np.maximum(weight.sum(1, keepdims=True), 1e-3)
    # Neither the forehead's cloth nor what is behind the ears takes part.
    weight *= smooth(0.35, 0.05, head[:, 1])[:, None]
    fall = (1 - np.linspace(0, 1, NECK + 1)[1:, None]) ** 1.5
    made = {}
    for name in ARKIT:
        move = sitter.bust.shape(name)[source]
        if np.abs(move).max() < 0.01:
            continue
        over = (weight @ move).reshape(len(points), HEAD, 3)
        whole = np.concatenate([over, over[:, -1:] * fall], axis=1).reshape(-1, 3)
        if np.abs(whole).max() > 0.004:
            made[name] = whole
    return made


def hijab(sitter: Sitter) -> list[Part]:
    """A hijab that frames the face and covers neck and chest."""
    flatten_ears(sitter)
    points, weight = _wrap(sitter)
    columns, rows = points.shape[:2]
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(1, 0, rows), indexing="ij")
    made = piece("scarf", points, grid(columns, rows, False, False), uvs=np.stack([u, v], -1),
                 neck=weight)  # fmt: skip
    made.extra = _moves(sitter, points)
    # Where the edges meet, they are one cloth.
    index = np.arange(columns * rows).reshape(columns, rows)
    made.weld = np.arange(columns * rows)
    for column in (1, -2, -1):
        met = np.linalg.norm(points[0] - points[column], axis=1) < 0.02
        made.weld[index[column][met]] = index[0][met]
    return [made, _band(sitter)]


def _band(sitter: Sitter) -> Part:
    """The cap under it: a strip that shows at the forehead."""
    azimuth = np.linspace(-BAND, BAND, 25)
    bottom = _under_chin(sitter)
    middle, half = 0.5 * (TOP + bottom), 0.5 * (TOP - bottom)
    # Along the scarf's edge, tapering off under it at the temples.
    edge = middle + half * (1 - (azimuth / SIDE) ** 2) ** (1 / 2.1)
    gap = 5.0 * (1 - (azimuth / BAND) ** 2) ** 1.3 - 0.2
    rows = [(13.0, 0.03), (3.0, 0.035), (0.8, 0.03), (0.0, -0.01)]
    points = np.stack([_shell(sitter, azimuth, edge - gap + up, ease) for up, ease in rows], 1)
    taper = np.repeat(smooth(0.8, 2.5, gap), len(rows))
    return piece("band", points, grid(len(azimuth), len(rows), False, False), neck=1.0,
                 outline=taper)  # fmt: skip


def fold_inks() -> list[Ink]:
    """Soft folds over the unrolled cloth, from one cheek round the neck to the other shoulder."""
    v, u = np.mgrid[0:LINES, 0:LINES] / LINES  # rows from the crown down
    shade, line = np.zeros((LINES, LINES)), np.zeros((LINES, LINES))
    start = HEAD / (HEAD + NECK)
    t = np.clip((v - start) / (1 - start), 0, 1)
    for left, right, bend, wide in (
        (0.06, 0.20, 0.02, 0.010), (0.13, 0.30, 0.02, 0.012), (0.94, 0.86, 0.0, 0.010),
        (0.86, 0.76, -0.01, 0.012),
    ):  # fmt: skip
        middle = left + (right - left) * t + bend * np.sin(np.pi * t)
        strength = smooth(0.0, 0.25, t) * smooth(1.0, 0.75, t)
        shade = np.maximum(shade, strength * smooth(2 * wide, 0.2 * wide, np.abs(u - middle)))
    # The outer end comes from one cheek, crosses the throat and lies on the other shoulder.
    edge = 0.970 - 0.085 * t - 0.05 * t * t
    over = smooth(0.05, 0.15, t)
    line = over * smooth(0.0045, 0.0015, np.abs(u - edge))
    shade = np.maximum(shade, 0.9 * over * (u < edge) * smooth(0.035, 0.0, edge - u))
    for middle in (0.06, 0.94):
        strength = smooth(0.06, 0.2, v) * smooth(0.52, 0.34, v)
        bow = middle + (0.5 - middle) * 0.25 * np.sin(np.pi * np.clip(v / 0.5, 0, 1))
        shade = np.maximum(shade, strength * smooth(0.016, 0.003, np.abs(u - bow)))
    return [Ink("trim_shadow", np.asarray(0.85 * shade, np.float32)),
            Ink("trim_line", np.asarray(0.6 * line, np.float32))]  # fmt: skip
