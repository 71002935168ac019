"""What one picture does not show: whole eyeballs, shut lids, the inside of the mouth.

One square page holds it all: the picture with a margin, and beside it, in a strip, patches for
what lies hidden. Places on the page are pixels, x right and y down.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, gaussian_filter

from engine.frames import F32, U8
from engine.train.bust import F64, smooth
from engine.train.neural.backdrop import Bool, filled

SIDE = 672  # px of the page
MARGIN = 32  # px around the picture, its mirror image
_STRIP = 576  # its left edge
_WIDE, _TALL = 96, 80  # px of a patch
_LIDS = (  # right, left: upper from corner to corner, then lower back
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
_INNER_CORNER = 8  # row of it in these
_IRIS = (468, 473)  # and four points around each
_SOFT = 6.0  # px over which a shut lid takes the colours around it
_BROW = 0.8  # of the skin's light around an eye: what is darker is brow or lash
_CREASE = 0.15  # of the skin's colour in the line of shut lids: a crease, not a stroke of ink
_LASHES = 7  # px of the rim of an eye that belong to lashes and liner
_INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178,
               88, 95)  # fmt: skip
_OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181,
               91, 146)  # fmt: skip
_LIP_EDGE = 1.0  # px between the mouth's opening and where a lip is surely seen
_OPEN = 3.0  # px between lips from which on something else than lips is seen between them
_LINE = (0.38, 0.52, 0.50)  # of red, green, blue, lost in the dark line where lips meet
_LINE_FROM = (0.5, 4.0)  # px into the opening over which that line darkens
_BLEND = 1.2  # px of blur there: a step would show as dots where the picture is stretched
_CHEEKS = (50, 205, 280, 425, 117, 346)
# Linear enough: colours of a well lit mouth, front and deep; 0..255.
MOUTHS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "mouth": ((128, 66, 60), (62, 30, 28)),
    "teeth": ((228, 216, 202), (70, 52, 46)),
    "tongue": ((188, 108, 102), (92, 46, 44)),
}
_RAMPS = 400  # first row of their ramps
_RAMP = 12  # px of height of each
_SKIN = 0.72  # lightness of cheeks for which the colours above hold
_SHOWN = 60  # px of teeth that tell their colour


# What a place of the page is, for networks: what else is 0.
PARTS = {"lips": 0.2, "eye": 0.35, "lid": 0.5, "mouth": 0.65, "tongue": 0.8, "teeth": 1.0}


@dataclass(frozen=True, slots=True)
class Page:
    """The pixels and where its patches are."""

    pixels: F32  # [SIDE, SIDE, 4] in 0..1; the last says what a place is: one of PARTS, or 0
    centres: F64  # [2, 2] px of the picture that are the middles of the eyes' patches; right, left


def of_picture(places: F64) -> F64:
    """Pixels of the picture [..., 2] -> of the page."""
    return places + MARGIN


def of_eye(places: F64, eye: int, middle: F64, shut: bool = False) -> F64:
    """Pixels of the picture [..., 2] -> of an eyeball's patch, or of the lid's when shut."""
    row = eye + 2 * shut
    low = np.array([_STRIP + 2.0, row * _TALL + 2.0])
    high = low + np.array([_WIDE - 5.0, _TALL - 5.0])
    goal = np.array([_STRIP + _WIDE / 2, (row + 0.5) * _TALL])
    return np.asarray(np.clip(places - np.round(middle) + goal, low, high))


def of_ramp(name: str, shade: F64) -> F64:
    """Light [N] in 0..1 of a part of the mouth -> its place [N, 2] on the page."""
    row = list(MOUTHS).index(name)
    x = _STRIP + 6 + np.clip(shade, 0, 1) * (_WIDE - 12)
    return np.stack([x, np.full(len(x), _RAMPS + (row + 0.5) * _RAMP)], 1)


def centre(points: F32, eye: int) -> F64:
    """The middle [2] of an eye's opening, 0 the right one."""
    rim = points[list(_LIDS[eye]), :2].astype(float)
    return np.asarray((rim.min(0) + rim.max(0)) / 2)


def page(picture: U8, points: F32) -> Page:
    """`picture` [S, S, 3] with its landmarks [478, 3]."""
    pixels = np.zeros((SIDE, SIDE, 4), np.float32)
    size = len(picture) + 2 * MARGIN
    around = ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))
    pixels[:size, :size, :3] = np.pad(lips(picture, points), around, "reflect")
    outer = _filled_in(points[list(_OUTER_LIPS), :2].astype(float) + MARGIN, (size, size))
    pixels[:size, :size, 3] = 255 * PARTS["lips"] * gaussian_filter(outer.astype(np.float32), 2.0)
    centres = []
    for eye in range(2):
        rim = points[list(_LIDS[eye]), :2].astype(float)
        centres.append(centre(points, eye))
        crop, corner = _crop(picture, centres[eye])
        opening = _filled_in(rim - corner, crop.shape[:2])
        iris = points[_IRIS[eye] : _IRIS[eye] + 5, :2].astype(float) - corner
        made = {"eye": ball(crop, opening, iris), "lid": lid(crop, opening, _shut(rim - corner))}
        for row, (part, patch) in enumerate(made.items()):
            top = (eye + 2 * row) * _TALL
            pixels[top : top + _TALL, _STRIP : _STRIP + _WIDE, :3] = patch
            pixels[top : top + _TALL, _STRIP : _STRIP + _WIDE, 3] = 255 * PARTS[part]
    for row, (part, (front, deep)) in enumerate(mouth(picture, points).items()):
        share = np.clip((np.arange(_WIDE) - 6) / (_WIDE - 12), 0, 1)[:, None]
        ramp = np.array(deep) + share * (np.array(front) - np.array(deep))
        top = _RAMPS + row * _RAMP
        pixels[top : top + _RAMP, _STRIP : _STRIP + _WIDE, :3] = ramp
        pixels[top : top + _RAMP, _STRIP : _STRIP + _WIDE, 3] = 255 * PARTS[part]
    return Page(np.asarray(pixels / 255, np.float32), np.array(centres))


def _crop(picture: U8, middle: F64) -> tuple[U8, F64]:
    """A patch's part of the picture around a place, and its corner."""
    x, y = (int(v) for v in np.round(middle) - np.array([_WIDE // 2, _TALL // 2]))
    around = ((_TALL, _TALL), (_WIDE, _WIDE), (0, 0))
    part = np.pad(picture, around, "edge")[y + _TALL : y + 2 * _TALL, x + _WIDE : x + 2 * _WIDE]
    return part, np.array([x, y], float)


def _filled_in(corners: F64, shape: tuple[int, int]) -> Bool:
    canvas = Image.new("1", (shape[1], shape[0]))
    ImageDraw.Draw(canvas).polygon([(float(x) - 0.5, float(y) - 0.5) for x, y in corners], fill=1)
    return np.asarray(canvas, bool)


def ball(crop: U8, opening: Bool, iris: F64) -> U8:
    """An eyeball as if there were no lids: the white goes on, the iris is round."""
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]] + 0.5
    radius = float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean())
    away = np.hypot(x - iris[0, 0], y - iris[0, 1]) / max(radius, 1.0)
    inside = binary_erosion(opening, iterations=2)
    inside = inside if inside.any() else opening
    white = inside & (away > 1.15)
    out = filled(crop, ~white) if white.sum() > 6 else np.full_like(crop, 200)
    light = out.astype(np.float64)
    # Lids shade it from above; both ends of an eye lie deep.
    seen = inside & (away <= 1.15)
    if seen.sum() > 8:
        steps = np.linspace(0, 1.15, 10)
        known = np.digitize(away, steps)
        rows = [crop[seen & (known == k)] for k in range(1, len(steps))]
        mean = np.median(crop[seen], axis=0)
        profile = np.array([np.median(r, axis=0) if len(r) > 2 else mean for r in rows])
        middles = (steps[1:] + steps[:-1]) / 2
        disc = np.stack([np.interp(away, middles, profile[:, c]) for c in range(3)], -1)
        share = (1 - smooth(0.92, 1.12, away))[..., None]
        light = light + share * (disc - light)
    soft = gaussian_filter(binary_erosion(opening).astype(np.float32), 0.7)[..., None]
    light = light * (1 - soft) + crop * soft
    return np.asarray(np.clip(np.rint(light), 0, 255), np.uint8)


def _shut(rim: F64) -> F64:
    """Where lids meet [N, 2], from left to right: near the lower lid's edge. `rim` as _LIDS."""
    ends, lower = rim[[0, _INNER_CORNER]], rim[_INNER_CORNER + 1 :]
    line = np.concatenate([ends[:1], lower[::-1], ends[1:]])
    line = line[np.argsort(line[:, 0])]
    smooth_line = np.polyval(np.polyfit(line[:, 0], line[:, 1], 2), line[:, 0])
    return np.stack([line[:, 0], smooth_line], 1)


def lid(crop: U8, opening: Bool, edge: F64) -> U8:
    """The same place with the eye shut: skin, and lashes along the upper lid's `edge` [N, 2]."""
    hole = binary_dilation(opening, iterations=_LASHES)
    light = crop.mean(-1)
    # Of the skin alone: lids under dark brows are no darker for it.
    known = (~hole & (light > _BROW * np.median(light[~hole])))[..., None].astype(np.float32)
    around = gaussian_filter(known * crop, (_SOFT, _SOFT, 0))
    around /= np.maximum(gaussian_filter(known, (_SOFT, _SOFT, 0)), 1e-4)
    edge_of = gaussian_filter(hole.astype(np.float32), 1.0)[..., None]
    skin = crop + edge_of * (around - crop)
    rim = binary_dilation(opening, iterations=2) & ~binary_erosion(opening, iterations=1)
    pixels = crop[rim].astype(np.float32)
    dark = pixels[pixels.sum(1) <= np.quantile(pixels.sum(1), 0.25)].mean(0)
    dark = dark + _CREASE * (np.median(crop[~hole], axis=0) - dark)
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]] + 0.5
    above = np.interp(x, edge[:, 0], edge[:, 1]) - y  # px over the line where the lids meet
    ends = smooth(edge[0, 0] - 2, edge[0, 0] + 2, x) * smooth(edge[-1, 0] + 2, edge[-1, 0] - 2, x)
    lash = smooth(-1.8, 0.3, above) * smooth(3.4, 0.6, above)
    shade = 0.18 * smooth(-1.0, 0.5, above) * smooth(9.0, 1.0, above)
    share = gaussian_filter((np.maximum(0.7 * lash, shade) * ends).astype(np.float32), 0.8)
    skin += share[..., None] * (dark - skin)
    return np.asarray(np.clip(np.rint(skin), 0, 255), np.uint8)


def lips(picture: U8, points: F32) -> U8:
    """The picture with the lips' colours where it shows what lies between them: else teeth and dark
    corners would stick to lips that shut."""
    rim = points[list(_INNER_LIPS), :2].astype(float)
    apart = float(np.linalg.norm(points[13, :2] - points[14, :2]))
    if apart < _OPEN:
        return picture
    hole = _filled_in(_grown(rim), picture.shape[:2])
    made = filled(picture, hole).astype(np.float32)
    soft = gaussian_filter(made, (_BLEND, _BLEND, 0))
    made += gaussian_filter(hole.astype(np.float32), _BLEND)[..., None] * (soft - made)
    # Where lips meet they shade each other: a line, once they are shut.
    deep = distance_transform_edt(hole)
    shade = gaussian_filter(smooth(*_LINE_FROM, deep).astype(np.float32), _BLEND)
    made *= 1 - shade[..., None] * np.array(_LINE, np.float32)
    return np.asarray(np.clip(np.rint(made), 0, 255), np.uint8)


def _grown(rim: F64) -> F64:
    """The mouth's opening [N, 2] and its rim, where lips are not surely seen."""
    middle = rim.mean(0)
    grown = rim + (rim - middle) * [0.06, 0.0] + np.sign(rim - middle) * [0.0, _LIP_EDGE]
    return np.asarray(grown)


def outside_mouth(places: F64, points: F32) -> F64:
    """Places of lips [N, 2] in the picture -> the same, none between the lips: those lie where the
    lips meet."""
    rim = points[list(_INNER_LIPS), :2].astype(float)
    ring = np.concatenate([
        a + np.linspace(0, 1, 8, endpoint=False)[:, None] * (b - a)
        for a, b in zip(rim, np.roll(rim, -1, 0), strict=True)
    ])  # fmt: skip
    x, y = places.T
    a, b = ring, np.roll(ring, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = (a[:, 0] - b[:, 0]) * (y[:, None] - b[:, 1]) / (a[:, 1] - b[:, 1]) + b[:, 0]
    crosses = ((a[:, 1] > y[:, None]) != (b[:, 1] > y[:, None])) & (x[:, None] < cut)
    inside = crosses.sum(1) % 2 == 1
    out = places.copy()
    apart = np.linalg.norm(places[inside][:, None] - ring, axis=-1)
    out[inside] = ring[apart.argmin(1)]
    return out


def mouth(picture: U8, points: F32) -> dict[str, tuple[F64, F64]]:
    """Colours of the mouth's parts, front and deep, as bright as the picture's skin; teeth as the
    picture shows them, where it does."""
    at = np.clip(np.rint(points[list(_CHEEKS), :2]).astype(int), 3, len(picture) - 4)
    skin = np.median([picture[y - 3 : y + 4, x - 3 : x + 4].mean((0, 1)) for x, y in at], axis=0)
    light = float(np.clip(skin.mean() / 255 / _SKIN, 0.35, 1.1))
    made = {
        name: (light * np.array(front, float), light * np.array(deep, float))
        for name, (front, deep) in MOUTHS.items()
    }
    inner = _filled_in(points[list(_INNER_LIPS), :2].astype(float), picture.shape[:2])
    shown = picture[inner].astype(float)
    bright = shown[shown.mean(1) > 0.62 * skin.mean()]
    bright = bright[np.ptp(bright, axis=1) < 0.35 * bright.mean(1)] if len(bright) else bright
    if len(bright) >= _SHOWN:
        front = np.quantile(bright, 0.7, axis=0)
        made["teeth"] = (front, front * np.array([0.34, 0.28, 0.26]))
    return made
