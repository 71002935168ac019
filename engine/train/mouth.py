"""Teeth and tongue: arches of rounded teeth and a grooved tongue, fitted behind the lips.

Both lie behind the line where the lips meet, so no pose of the lips bares them but an open one.
Jaw and tongue move as MakeHuman's own helpers do: each shape's movement of a helper is fitted by
an affine map and applied here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.face.blendshapes import ARKIT
from engine.train.bust import F64, I64, Bust, Part, foremost, smooth

# Widths of teeth from the middle outwards, in the arch's half width along its curve.
UPPER = (0.225, 0.175, 0.19, 0.18, 0.17, 0.20, 0.20)
LOWER = (0.15, 0.16, 0.18, 0.18, 0.18, 0.20, 0.20)
COLUMNS = 6  # vertices across a tooth, its edges included
# Wide lips widen the upper arch, narrow lips find it narrow: share of x on the side that moves.
WIDENED = {"mouthSmile": 0.34, "mouthStretch": 0.20, "mouthDimple": 0.20}
BEHIND = 0.07  # dm, least depth of the teeth behind the skin
# The upper teeth come down as the mouth opens, to where a toon shows them; behind shut lips both
# rows draw back, so that no gap of a pixel is white. In dm by shape, and of each of its sides.
SHOWN = {"jawOpen": 0.09, "mouthSmile": 0.012, "mouthUpperUp": 0.042}
HIDDEN = {"mouthPress": 0.03, "mouthRollUpper": 0.03, "mouthClose": 0.07, "cheekPuff": 0.05,
          "mouthPucker": 0.03, "mouthShrugUpper": 0.02, "mouthShrugLower": 0.03}  # fmt: skip
# Half a smile parts the lips by less than a pixel: there the teeth stay back, and the gap is dark.
# In dm times weight less weight squared: up, more of it at the corners, and forward.
COY = (0.12, 0.14, -0.42)
BOLD = 0.10  # dm down again, times the weights of smile and jaw
LEAST = 0.002  # dm: smaller movements are dropped
MOUND = 0.46  # of the height of the wide open lips, to which the tongue rises
BED = 0.012  # dm of the tongue's least height over the floor of the mouth


def _rim(bust: Bust) -> F64:
    """Where the skin of the lips turns into the mouth [N, 3]."""
    skin, mouth = bust.body()
    return bust.positions[np.intersect1d(np.unique(skin), np.unique(mouth))]


def seam(bust: Bust) -> tuple[Callable[[F64], F64], Callable[[F64], F64]]:
    """Height and depth, by x, of the line where the lips meet at rest."""
    rim = _rim(bust)
    height, depth = (np.polyfit(rim[:, 0] ** 2, rim[:, axis], 2) for axis in (1, 2))
    return (lambda x: np.asarray(np.polyval(height, x**2)),
            lambda x: np.asarray(np.polyval(depth, x**2)))  # fmt: skip


def _gap(bust: Bust, points: F64) -> tuple[float, float]:
    """Heights of the lower and the upper lip, in the middle, of a mouth posed as points [V, 3]."""
    skin, mouth = bust.body()
    rim = np.intersect1d(np.unique(skin), np.unique(mouth))
    y = points[rim[np.abs(bust.positions[rim, 0]) < 0.03], 1]
    return float(y.min()), float(y.max())


def carried(bust: Bust, group: str, points: F64, without: str = "") -> dict[str, F64]:
    """Movement [V, 3] of points with a helper group, by shape."""
    used = np.unique(bust.group(group))
    base = np.c_[bust.positions[used], np.ones(len(used))]
    moves = {}
    for name in ARKIT:
        moved = bust.shape(name)[used]
        if name != without and np.abs(moved).max() > LEAST:
            fit, *_ = np.linalg.lstsq(base, moved, rcond=1e-4)
            moves[name] = np.c_[points, np.ones(len(points))] @ fit
    return moves


def _out(bust: Bust, points: F64) -> F64:
    """How far points [V, 3] must go back to lie BEHIND the skin, on any chin and lip [V]."""
    skin = bust.body()[0]
    faces = np.concatenate([skin[:, [0, 1, 2]], skin[:, [0, 2, 3]]])
    middle = bust.positions[faces].mean(1)
    low, high = points.min(0) - 0.1, points.max(0) + 0.1
    faces = faces[((middle > low) & (middle < high))[:, :2].all(1) & (middle[:, 2] > -0.4)]
    front = foremost(bust.positions, faces, points[:, :2]) - BEHIND
    return np.asarray(np.where(np.isfinite(front), np.maximum(points[:, 2] - front, 0), 0))


def _sheet(name: str, grid: F64, neck: float = 1.0) -> Part:
    """A part from a grid [R, C, 3] that is seen from the front with C to its right and R up."""
    rows, columns = grid.shape[:2]
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (q.ravel() for q in (at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]))
    count = rows * columns
    return Part(
        name, grid.reshape(-1, 3), np.r_[np.c_[a, b, c], np.c_[a, c, d]], np.zeros((count, 2)),
        np.full(count, -1), np.full(count, neck), np.arange(count), np.zeros(count),
    )  # fmt: skip


def _shaded(light: F64) -> F64:
    """Normals [V, 4] that the teeth's own light, from the front, finds this much lit."""
    tilt = np.sqrt(1 - light**2)
    return np.stack([0 * light, tilt, light, np.ones_like(light)], axis=1)


def arch(bust: Bust, upper: bool) -> Part:
    """One row of teeth, gums hidden: a band with a rounded edge for each tooth."""
    height, depth = seam(bust)
    corner = float(np.abs(_rim(bust)[:, 0]).max())
    widths = np.array(UPPER if upper else LOWER)
    ends = np.concatenate([[0], np.cumsum(widths)])
    ends = np.r_[-ends[:0:-1], ends] / ends[-1]  # of the teeth along the arch, -1 to 1
    across = np.linspace(0, 1, COLUMNS)
    along = np.concatenate([a + (b - a) * across for a, b in zip(ends, ends[1:], strict=False)])
    inner = np.tile(1 - np.abs(2 * across - 1) ** 3, len(ends) - 1)  # 0 between two teeth
    wide, deep = (0.82 if upper else 0.78) * corner, 1.25 * corner
    angle = along * np.radians(84 if upper else 55)
    x = wide * np.sin(angle)
    nearest = float(depth(np.zeros(1))[0]) - (0.105 if upper else 0.125)
    z = nearest - deep * (1 - np.cos(angle))
    middle = float(height(np.zeros(1))[0])
    # The upper arch follows the upturned line of the lips; its edge hides behind the lower lip.
    edge = middle + 0.018 + 1.1 * x**2 if upper else middle - 0.076 - 0.1 * x**2
    sign = 1.0 if upper else -1.0
    root = 0.16 if upper else 0.07
    rows = []
    for share, back in ((1.0, 0.0), (0.5, 0.0), (0.22, 0.0), (0.07, 0.004), (0.0, 0.02)):
        y = edge + sign * (root * share + 0.004 * (1 - inner) * (1 - share))
        rows.append(np.stack([x, y, z - back - 0.003 * (1 - inner)], axis=1))
    for row in rows:
        row[:, 2] -= _out(bust, row) + (0.0 if upper else 0.02)
    part = _sheet("teeth", np.stack(rows[::-1] if upper else rows))
    # Lit at the edge, in the lips' shadow towards the gum and the corners of the mouth.
    tall = sign * (part.positions[:, 1] - np.tile(edge, len(rows)))
    lit = 1 - 0.55 * smooth(0.06, 0.15, tall) - 0.3 * smooth(0.55, 1.0, np.tile(abs(along), 5))
    lit -= 0.20 * (1 - smooth(0.0, 0.5, np.tile(inner, 5))) * (1 - smooth(0.02, 0.09, tall))
    part.proxy = _shaded(np.clip(lit - (0.0 if upper else 0.22), 0.1, 1.0))
    if not upper:
        part.extra = carried(bust, "lower-teeth", part.positions)
    _guided(part, upper)
    return part


def _guided(part: Part, upper: bool) -> None:
    """Let the teeth show with open lips, and draw back behind shut ones."""
    x = part.positions[:, 0]
    shown = np.tile([0.0, -1.0, 0.0], (len(x), 1)) * upper
    hidden = np.tile([0.0, 0.6, -1.2], (len(x), 1))
    for name in SHOWN.keys() | HIDDEN.keys() | WIDENED.keys():
        for side, sign in (("Left", 1.0), ("Right", -1.0), ("", 0.0)):
            if (full := name + side) not in ARKIT:
                continue
            own = smooth(-0.03, 0.03, sign * x) if sign else np.ones(len(x))
            move = SHOWN.get(name, 0.0) * shown + HIDDEN.get(name, 0.0) * hidden
            move[:, 0] += (upper * WIDENED.get(name, 0.0) - 6 * HIDDEN.get(name, 0.0)) * x * own
            part.extra[full] = part.extra.get(full, np.zeros_like(move)) + move
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        name, own = f"mouthSmile{side}", smooth(-0.03, 0.03, sign * x)
        up = (COY[0] + COY[1] * smooth(0.25, 0.8, abs(x) / abs(x).max())) * own
        coy = np.stack([0 * x, up if upper else -up, COY[2] * own], axis=1)
        part.extra[name] = part.extra.get(name, np.zeros_like(coy)) + coy
        part.extra[f"{name}+{name}"] = -coy
        part.extra[f"{name}+jawOpen"] = BOLD * own[:, None] * shown


def _floor(bust: Bust, points: F64, at: F64) -> F64:
    """Height [N] of the floor of a mouth posed as points [V, 3], at each (x, z) [N, 2]."""
    quads = bust.body()[1]
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return -foremost(points[:, [0, 2, 1]] * [1, 1, -1], faces, at)


@dataclass(frozen=True)
class _Mound:
    """The form of a tongue about its spine: rows from root to tip, columns around it from below."""

    t: F64  # [R] way along the spine, 0 to 1
    around: F64  # [1, C]
    half: F64  # [R, 1] half width, dm
    thick: F64  # [R, 1]
    groove: F64  # [1, C]

    @classmethod
    def of(cls, corner: float) -> "_Mound":
        """For a mouth whose corners lie `corner` from its middle; round at both ends."""
        t = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, 15))
        around = np.linspace(np.pi, -np.pi, 25)[None, :]
        tip = np.sqrt(np.clip(1 - t**5, 1e-4, 1))
        root = np.sqrt(np.clip(1 - (1 - np.minimum(t / 0.6, 1)) ** 2, 0.01, 1))
        groove = np.exp(-((np.sin(around) / 0.22) ** 2)) * (np.cos(around) > 0)
        form = (tip * root)[:, None]
        return cls(t, around, corner * 0.47 * form, 0.040 * form, groove)

    @property
    def lift(self) -> F64:
        """Height [R, C] over the spine."""
        return np.asarray(self.thick * (np.cos(self.around) - 0.30 * self.groove))

    def placed(self, spine: F64) -> F64:
        """Points [R, C, 3] around a spine [R, 2] of (y, z)."""
        step = np.gradient(spine, self.t, axis=0)
        step /= np.linalg.norm(step, axis=1, keepdims=True)
        y = spine[:, :1] + self.lift * step[:, 1:]
        z = spine[:, 1:] - self.lift * step[:, :1]
        return np.stack([np.sin(self.around) * self.half, y, z], axis=2)

    def lying(self, bust: Bust, points: F64, z: F64, least: float) -> F64:
        """Points [R, C, 3] on the floor of a mouth posed as points [V, 3].

        z [R]: depths of the spine; the back reaches at least the height `least`.
        """
        floor = _floor(bust, points, np.stack([0 * z, z], axis=1))
        known = np.isfinite(floor)
        y: F64 = np.full(len(z), least - 0.04)
        if known.any():
            fit = np.polyfit(self.t[known], floor[known], min(3, int(known.sum()) - 1))
            y = np.asarray(np.polyval(fit, self.t) + 0.045, float)
            y += np.clip(least - (y + 0.04).max(), 0, None) * smooth(1.0, 0.45, self.t)
        made = self.placed(np.stack([y, z], axis=1))
        floor = _floor(bust, points, made[..., [0, 2]].reshape(-1, 2)).reshape(made.shape[:2])
        bed = floor + BED + 0.6 * (self.lift + self.thick)
        made[..., 1] = np.maximum(made[..., 1], np.where(np.isfinite(floor), bed, -np.inf))
        return made


def tongue(bust: Bust) -> Part:
    """A soft mound on the floor of the mouth, behind the lower teeth until it comes out."""
    height, depth = seam(bust)
    middle, front = float(height(np.zeros(1))[0]), float(depth(np.zeros(1))[0])
    mound = _Mound.of(float(np.abs(_rim(bust)[:, 0]).max()))
    t = mound.t
    z, low = front - 0.62 + 0.42 * t, middle - 1.0
    z = z - _out(bust, mound.lying(bust, bust.positions, z, low).reshape(-1, 3)).max()
    lain = mound.lying(bust, bust.positions, z, low)
    # Out: over the lower lip and down.
    rise = 0.15 * smooth(0.1, 0.65, t) - 0.20 * smooth(0.70, 1.05, t)
    out = np.stack([middle - 0.12 + rise, front - 0.45 + 0.62 * t - 0.04 * t**6], axis=1)
    part = _sheet("tongue", lain)
    part.extra = carried(bust, "tongue", part.positions, without="tongueOut")
    # The jaw takes it along, yet it always lies on the floor.
    dropped = part.extra["jawOpen"].reshape(lain.shape)[..., 2].mean(1)
    posed = bust.positions + bust.shape("jawOpen")
    low, high = _gap(bust, posed)
    opened = mound.lying(bust, posed, z + dropped, low + MOUND * (high - low))
    part.extra["jawOpen"] = (opened - lain).reshape(-1, 3)
    shut = part.extra.get("mouthClose", np.zeros_like(part.positions))
    part.extra["mouthClose"] = shut + [0.0, 0.07, -0.09]
    # On its way it rises first and comes forward late, or it would go through the lip.
    whole = mound.placed(out) - lain
    up = np.stack([0 * t, 0.6 * smooth(0.3, 1.0, t), 0 * t], axis=1)
    first = whole * [1.0, 0.0, 0.25] + up[:, None]
    part.extra["tongueOut"] = first.reshape(-1, 3)
    part.extra["tongueOut+tongueOut"] = (whole - first).reshape(-1, 3)
    ring = np.arange(part.positions.shape[0]).reshape(-1, mound.around.size)
    part.weld[ring[:, -1]] = ring[:, 0]
    # Its root lies in the dark of the throat, its groove in its own shadow.
    along = t[:, None]
    lit = smooth(0.15, 0.80, along) - 0.55 * mound.groove * smooth(0.2, 0.6, along)
    part.proxy = _shaded(np.clip(0.25 + 0.75 * lit.ravel(), 0.1, 1.0))
    return part


def cavity(bust: Bust, quads: I64) -> Part:
    """The inside of the mouth: lit behind the lips, dark towards the throat."""
    part = bust.part("mouth", quads, outline=0.0)
    _, depth = seam(bust)
    behind = depth(np.zeros(1)) - part.positions[:, 2]
    part.proxy = _shaded(0.95 - 0.75 * smooth(0.02, 0.22, behind))
    return part
