"""Paints skin, eyes and hair as inks: grey masks of palette colours, which may change at run time.

The skin is unrolled by `bust.skin_uv`; `Canvas` knows the rest position under each texel, so brows,
lips, blush and freckles are drawn in decimetres on the face, whatever the unrolling. Inks are laid
in order, each a grey mask of one palette colour (engine.face.texture lays them the same way).
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.train.bust import AXIS_Z, F64, Bust, Part, smooth
from engine.train.recipe import Recipe
from engine.train.sitter import Sitter
from kernels.raster import BOTH, EMPTY, empty, rasterize

U8 = npt.NDArray[np.uint8]
SIZE = 1024
QUICK = 512  # texels a side in previews
EYE_SIZE = 256
EYE_RADIUS = 0.21  # dm: half the width of the eye texture
PATTERNS = ("none",)  # of Skin.pattern


@dataclass
class Ink:
    """One palette colour and how much of it lies where."""

    name: str
    alpha: F64  # [S, S] in [0, 1]
    blend: str = "over"


@dataclass
class Canvas:
    """Rest geometry of every texel [S, S], and the inks laid so far."""

    position: F64  # [S, S, 3]
    lips: F64  # [S, S] MakeHuman's lip mask
    inks: list[Ink] = field(default_factory=list)

    def over(self, ink: str, alpha: F64) -> None:
        """Lay a palette colour over what is there."""
        self._lay(Ink(ink, np.clip(alpha, 0, 1)))

    def multiply(self, ink: str, alpha: F64) -> None:
        """Darken by a palette colour."""
        self._lay(Ink(ink, np.clip(alpha, 0, 1), "multiply"))

    def _lay(self, ink: Ink) -> None:
        last = self.inks[-1] if self.inks else None
        if last and (last.name, last.blend) == (ink.name, ink.blend) and ink.blend == "over":
            # Two coats of one ink are one denser coat.
            last.alpha = 1 - (1 - last.alpha) * (1 - ink.alpha)
        else:
            self.inks.append(ink)


def _cross(a: F64, b: F64) -> F64:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def coverage(
    points: F64, triangles: npt.NDArray[np.int64], size: int, values: F64
) -> tuple[npt.NDArray[np.bool_], F64]:
    """Rasterize points [V, 3] (x, y in pixels, z in [0, 1)): covered [S, S], values [S, S, 3].

    values [V, 3] are interpolated over the nearest triangle of each pixel.
    """
    keys = empty(size, size)
    screen, faces = points.astype(np.float32), triangles.astype(np.int32)
    rasterize(screen, faces, np.full(len(faces), BOTH, np.uint8), len(faces), keys)
    covered = keys.min(axis=2) != EMPTY
    key = np.where(covered, keys.min(axis=2) & 0xFFFFFFFF, 0)
    corner = faces[key]
    p0, p1, p2 = (screen[corner[..., c], :2].astype(float) for c in range(3))
    y, x = np.mgrid[0:size, 0:size] + 0.5
    area = _cross(p1 - p0, p2 - p0)
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    here = np.stack([x, y], -1) - p0
    b1, b2 = _cross(here, p2 - p0) / area, _cross(p1 - p0, here) / area
    share = np.clip(np.stack([1 - b1 - b2, b1, b2], -1), 0, 1)
    share /= share.sum(-1, keepdims=True)
    return covered, (values[corner] * share[..., None]).sum(2)


def _grow(values: F64, known: npt.NDArray[np.bool_], rounds: int) -> F64:
    """Spread known texels into unknown ones, so that bilinear reads at borders find colour."""
    values, known = values.copy(), known.copy()
    for _ in range(rounds):
        for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
            take = np.roll(known, shift, axis) & ~known
            values[take] = np.roll(values, shift, axis)[take]
            known |= take
    return values


def canvas(bust: Bust, skin: Part, size: int = SIZE) -> Canvas:
    """An empty canvas with the geometry under its texels."""
    radius = np.hypot(skin.positions[:, 0], skin.positions[:, 2] - AXIS_Z)
    screen = np.stack(
        [skin.uvs[:, 0] * size, (1 - skin.uvs[:, 1]) * size, 0.9 - 0.2 * radius], axis=1
    )
    known, position = coverage(screen, skin.triangles, size, skin.positions)
    position = _grow(position, known, 24 * size // 1024)
    group = bust.source.groups["body"]
    atlas = np.zeros((len(bust.positions), 3))
    atlas[group.vertices.ravel(), :2] = bust.source.uvs[group.uvs.ravel()]
    _, uv = coverage(screen, skin.triangles, size, atlas[skin.source])
    lips = bust.region("lips", uv[..., :2].reshape(-1, 2)).reshape(size, size) * known
    return Canvas(position, lips)


def stroke(at: F64, curve: F64, widths: F64, soft: float) -> F64:
    """Alpha of a tapering stroke: at [..., 2], curve [N, 2] and its half widths [N]."""
    t = np.linspace(0, len(curve) - 1, 80)
    # A smooth curve through the control points, parametrised by their number.
    fit = np.polyfit(np.arange(len(curve)), np.c_[curve, widths], min(4, len(curve) - 1))
    dense = np.stack([np.polyval(fit[:, c], t) for c in range(3)], axis=1)
    best = np.full(at.shape[:-1], -1e9)
    for x, y, width in dense:
        best = np.maximum(best, width - np.hypot(at[..., 0] - x, at[..., 1] - y))
    return np.asarray(np.clip(best / soft + 0.5, 0, 1))


def blur(image: F64, radius: int) -> F64:
    """Three box blurs, close to a Gaussian."""
    for _ in range(3):
        for axis in (0, 1):
            padded = np.concatenate(
                [np.repeat(np.take(image, [0], axis), radius + 1, axis), image,
                 np.repeat(np.take(image, [-1], axis), radius, axis)], axis=axis,
            )  # fmt: skip
            total = np.cumsum(padded, axis=axis)
            n = image.shape[axis]
            high = np.take(total, np.arange(2 * radius + 1, n + 2 * radius + 1), axis)
            image = (high - np.take(total, np.arange(n), axis)) / (2 * radius + 1)
    return image


def _brows(c: Canvas, who: Recipe) -> None:
    x, y = np.abs(c.position[..., 0]), c.position[..., 1]
    front = c.position[..., 2] > -0.5
    curve = np.array(who.brows.curve)
    alpha = stroke(np.stack([x, y], -1), curve[:, :2], curve[:, 2] * who.brows.thickness, 0.012)
    c.over("brow", alpha * front * 0.96)


def _lips(c: Canvas, who: Recipe, marks: dict[str, F64]) -> None:
    x, y, z = np.moveaxis(c.position, 2, 0)
    mask = smooth(0.50, 0.85, blur(c.lips, 2))
    seam, tint = marks["lip_upper_inner"][1], who.skin.lips
    c.over("lips", mask * tint)
    upper = smooth(seam - 0.005, seam + 0.02, y)
    c.over("lips_dark", mask * upper * tint * 0.75)
    # A soft light on the lower lip makes it round.
    shine = np.exp(-(((x + 0.03) / 0.075) ** 2) - ((y - seam + 0.055) / 0.017) ** 2)
    c.over("lips_light", shine * mask * 0.38 * tint)


def lip_seam(bust: Bust, skin: Part) -> F64:
    """Where the closed lips meet: points (x, y) [N, 2] from the middle to the left corner."""
    rest, opened = skin.positions, bust.shape("jawOpen")[skin.source]
    near = (rest[:, 2] > -0.1) & (np.abs(rest[:, 1] + 0.65) < 0.10) & (rest[:, 0] > -0.02)
    drop = -opened[:, 1] / max(float(-opened[near, 1].min()), 1e-6)
    points = []
    for x in np.linspace(0.0, 0.20, 6):
        column = near & (np.abs(rest[:, 0] - x) < 0.022)
        upper, lower = column & (drop < 0.35), column & (drop > 0.5)
        if upper.any() and lower.any():
            points.append((x, 0.5 * (rest[upper, 1].min() + rest[lower, 1].max())))
    return np.array(points)


def _mouth_line(c: Canvas, seam: F64) -> None:
    x, y, z = np.moveaxis(c.position, 2, 0)
    corner = seam[-1] + [[0.022, 0.006], [0.045, 0.022]]
    curve = np.concatenate([[[-0.03, seam[0, 1]]], seam, corner])
    width = np.interp(
        np.arange(len(curve)), [0, len(curve) - 2, len(curve) - 1], [0.008, 0.009, 0.002]
    )
    alpha = stroke(np.stack([np.abs(x), y], -1), curve, width, 0.010) * (z > -0.2)
    # A wider, softer shade stays visible when the lips are pressed or rolled in.
    shade = stroke(np.stack([np.abs(x), y], -1), curve, width * 1.5, 0.05) * (z > -0.2)
    c.over("mouth_line", np.maximum(alpha * 0.85, shade * 0.38))


def _nose(c: Canvas, who: Recipe) -> None:
    x, y, z = np.moveaxis(c.position, 2, 0)
    front = z > 0.0
    at = np.stack([np.abs(x), y], -1)
    base, wing = who.skin.nose_y, 0.105
    under = np.array(
        [[-0.03, base], [0.0, base - 0.002], [0.03, base + 0.002], [0.055, base + 0.012]]
    )
    c.over(
        "nose_line", stroke(at, under, np.array([0.004, 0.007, 0.006, 0.001]), 0.012) * front * 0.75
    )
    side = np.array([[wing - 0.015, base + 0.012], [wing, base + 0.03], [wing, base + 0.055],
                     [wing - 0.01, base + 0.075]])  # fmt: skip
    c.over(
        "nose_line", stroke(at, side, np.array([0.003, 0.005, 0.004, 0.001]), 0.010) * front * 0.55
    )
    light = np.exp(-(((x + 0.02) / 0.030) ** 2) - ((y - base - 0.085) / 0.026) ** 2)
    c.over("white", light * front * 0.5)


def _lids(c: Canvas, marks: dict[str, F64]) -> None:
    x, y, z = np.moveaxis(c.position, 2, 0)
    at, front = np.stack([np.abs(x), y], -1), z > -0.35
    inner, low, outer = (marks[f"{n}_left"][:2] for n in ("eye_inner", "lid_lower", "eye_outer"))
    width = np.array([0.001, 0.005, 0.005, 0.001])
    lower = np.array([inner + [0.12, -0.095], low + [0.0, -0.016], low + [0.06, -0.002],
                      outer + [-0.035, -0.075]])  # fmt: skip
    c.over("skin_line", stroke(at, lower, width, 0.012) * front * 0.35)


def _cheeks(c: Canvas, who: Recipe) -> None:
    x, y, z = np.moveaxis(c.position, 2, 0)
    front = smooth(-0.6, -0.2, z)
    blush = np.exp(-(((np.abs(x) - 0.47) / 0.16) ** 2) - ((y + 0.31) / 0.10) ** 2)
    c.over("blush", blush * front * who.skin.blush)
    nose = np.exp(-((x / 0.10) ** 2) - ((y + 0.33) / 0.07) ** 2)
    c.over("blush", nose * front * who.skin.blush * 0.55)


def jaw_edge(skin: Part, chin: F64) -> tuple[F64, F64]:
    """Where the face turns under: azimuths from the middle to the ear, and heights there."""
    a, b, c = (skin.positions[skin.triangles[:, k]] for k in range(3))
    face, centre = np.cross(b - a, c - a), (a + b + c) / 3
    down = face[:, 1] / np.maximum(np.linalg.norm(face, axis=1), 1e-12)
    at = np.abs(np.arctan2(centre[:, 0], centre[:, 2] - AXIS_Z))
    # Not the underlip, and nothing behind the jaw's corner.
    low = centre[:, 1] < np.interp(at, [0.0, 0.5, 1.2], [chin[1] + 0.06, chin[1] + 0.12, -0.42])
    under = low & (down < -0.45) & (centre[:, 1] > chin[1] - 0.25)
    azimuth = np.linspace(0, 1.25, 14)
    height = np.array([centre[under & (np.abs(at - t) < 0.09), 1].max() for t in azimuth])
    # A plain curve under all of it: a jaw has one bend, not the bumps of its muscles.
    fit = np.polyfit(azimuth, height, 2)
    curve = np.polyval(fit, azimuth)
    curve -= (curve - height).max()
    return np.r_[azimuth, 1.6], np.r_[curve, -0.40]


def _shadows(c: Canvas, cast: F64, edge: tuple[F64, F64]) -> None:
    x, y, z = np.moveaxis(c.position, 2, 0)
    # The jaw line falls from below the ear to the chin; the neck under it lies in its shadow.
    jaw = np.interp(np.abs(np.arctan2(x, z - AXIS_Z)), *edge)
    low_end = smooth(-1.50, -1.42, y - 0.10 * np.cos(np.arctan2(x, z - AXIS_Z)) + 0.12 * x)
    neck = smooth(-0.03, 0.01, jaw - y) * low_end * (np.hypot(x, z - AXIS_Z) < 0.85)
    c.over("skin_shadow", np.maximum(neck * 0.9, cast))


def cast_shadow(c: Canvas, hair: list[Part], shift: tuple[float, float]) -> F64:
    """Where hair, seen from the front and moved by `shift` dm, lies over the skin."""
    if not hair:
        return np.zeros(c.lips.shape)
    points = np.concatenate([p.positions for p in hair])
    counts = np.cumsum([0] + [len(p.positions) for p in hair])
    faces = np.concatenate([p.triangles + n for p, n in zip(hair, counts, strict=False)])
    scale, size = 160.0, 512
    screen = np.stack(
        [points[:, 0] * scale + size / 2, size / 2 - points[:, 1] * scale,
         0.5 - 0.1 * points[:, 2]], axis=1,
    )  # fmt: skip
    front = points[faces][:, :, 2].min(1) > -0.75
    covered, _ = coverage(screen, faces[front], size, points)
    mask = blur(covered.astype(float), 2)
    x = (c.position[..., 0] - shift[0]) * scale + size / 2
    y = size / 2 - (c.position[..., 1] - shift[1]) * scale
    column = np.clip(x.astype(int), 0, size - 1)
    row = np.clip(y.astype(int), 0, size - 1)
    return np.asarray(mask[row, column] * smooth(-0.7, -0.45, c.position[..., 2]))


def skin_inks(sitter: Sitter, hair: list[Part], size: int = SIZE) -> list[Ink]:
    """What is painted on the unrolled skin, in order."""
    who, marks = sitter.recipe, sitter.marks
    c = canvas(sitter.bust, sitter.skin, size)
    _cheeks(c, who)
    _lips(c, who, marks)
    _shadows(c, cast_shadow(c, hair, (0.05, -0.075)) * 0.85, jaw_edge(sitter.skin, marks["chin"]))
    _nose(c, who)
    _lids(c, marks)
    _mouth_line(c, lip_seam(sitter.bust, sitter.skin))
    _brows(c, who)
    return c.inks


def eye_inks(who: Recipe) -> list[Ink]:
    """An eyeball seen from the front [EYE_SIZE, EYE_SIZE], EYE_RADIUS dm to each side."""
    n = EYE_SIZE
    y, x = np.mgrid[0:n, 0:n]
    x, y = (x + 0.5) / n * 2 - 1, 1 - (y + 0.5) / n * 2
    x, y = x * EYE_RADIUS, y * EYE_RADIUS
    c = Canvas(np.stack([x, y, 0 * x], -1), 0 * x)

    def disc(cx: float, cy: float, rx: float, ry: float, edge: float = 0.004) -> F64:
        d = (1 - np.hypot((x - cx) / rx, (y - cy) / ry)) * min(rx, ry)
        return np.asarray(np.clip(d / edge + 0.5, 0, 1))

    r = who.eyes.iris
    c.over("iris_dark", disc(0, 0, r, r))
    c.over("iris", disc(0, 0, r * 0.88, r * 0.88, 0.01))
    c.over("iris_light", disc(0, -r * 0.42, r * 0.62, r * 0.40, 0.035) * 0.85)
    c.over("iris_dark", disc(0, r * 0.62, r * 0.86, r * 0.46, 0.05) * disc(0, 0, r, r) * 0.65)
    c.over("pupil", disc(0, 0, r * who.eyes.pupil, r * who.eyes.pupil))
    c.over("white", disc(-r * 0.36, r * 0.26, r * 0.25, r * 0.26))
    c.over("white", disc(r * 0.36, -r * 0.40, r * 0.12, r * 0.12) * 0.85)
    return c.inks


def eye_uv(points: F64, centre: F64) -> F64:
    """Front planar projection of an eyeball."""
    return np.asarray(0.5 + (points[:, :2] - centre[:2]) / (2 * EYE_RADIUS))


def hair_inks() -> list[Ink]:
    """A lock unrolled [256, 64]: root at the top, tip at the bottom, fine strands along it."""
    height, width = 256, 64
    v = ((np.arange(height) + 0.5) / height)[:, None]
    u = ((np.arange(width) + 0.5) / width)[None, :]
    share = smooth(0.05, 0.45, v) * (1 - 0.55 * smooth(0.6, 1.0, v)) + 0 * u
    strands = 0.5 + 0.5 * np.sin(2 * np.pi * (3.0 * u + 0.15 * np.sin(6 * v)))
    return [Ink("hair_light", np.clip(share * (0.72 + 0.28 * strands), 0, 1))]
