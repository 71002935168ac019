"""What a cast member's surfaces are made of, and how skin lets light wander.

Textures are the package's painted inks in linear light, without the strokes that stand for shade in
a drawing; their fourth channel is where a surface is wet. `scatter` blurs irradiance over skin at
half the resolution, depth-aware, red farther than green and blue (d'Eon and Luebke, "Advanced
techniques for realistic real-time skin rendering", GPU Gems 3, 14; in screen space: Jimenez et al.,
"Screen-space perceptual rendering of human skin", TAP 2009).
"""

import numpy as np
import numpy.typing as npt

from engine.face.fields import RGB
from engine.face.package import Package
from engine.frames import F32
from engine.train.neural.jit import jit
from engine.train.neural.optics import MATTERS, Matter
from engine.train.neural.surface import Kind, kind

I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]

# Share that is left of inks: strokes and shades of a drawing are light and form here.
INKS = {"nose_line": 0.30, "mouth_line": 0.45, "crease": 0.40, "skin_shadow": 0.40,
        "skin_light": 0.45, "brow": 0.50, "blush": 0.85, "lips_light": 0.45,
        "hair_light": 0.35, "hair_shadow": 0.50, "cloth_line": 0.35, "trim_line": 0.35}  # fmt: skip
WET = {"lips": 0.85, "lips_dark": 0.85}
# Roughness, strength of the highlight, sheen.
_SURFACES = {
    Kind.SKIN: (0.48, 0.75, 0.04), Kind.EYE: (0.2, 0.0, 0.0), Kind.MOUTH: (0.35, 0.5, 0.0),
    Kind.TOOTH: (0.24, 0.9, 0.0), Kind.TONGUE: (0.34, 0.8, 0.02), Kind.HAIR: (0.5, 0.0, 0.10),
    Kind.CLOTH: (0.75, 0.25, 0.22), Kind.GLOSS: (0.28, 1.2, 0.05),
}  # fmt: skip
_SPREAD = (0.070, 0.030, 0.016)  # dm, deviation of the wandering light by channel
_STAYS = (0.22, 0.45, 0.60)  # share that leaves where it came in
_NEAR = 0.10  # dm of depth that light does not cross
_TAPS = 13  # each side


def linear(color: npt.ArrayLike) -> F32:
    """sRGB in [0, 1] -> linear light."""
    c = np.asarray(color, np.float32)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32)


def painted(package: Package, name: str, colors: dict[str, RGB]) -> F32:
    """One texture [H, W, 4]: linear RGB and wetness."""
    texture = package.manifest.textures[name]
    if texture.picture is not None:
        picture = linear(package.pictures[texture.picture] / np.float32(255))
        return np.concatenate([picture, np.zeros_like(picture[..., :1])], 2)
    masks = [package.masks[layer.mask] for layer in texture.layers]
    shape = masks[0].shape if masks else (4, 4)
    out = np.empty((*shape, 4), np.float32)
    out[..., :3], out[..., 3] = colors[texture.base or "white"], 0
    for layer, mask in zip(texture.layers, masks, strict=True):
        share = mask * np.float32(1 / 255)
        ink = np.array(colors[layer.ink], np.float32)
        goal = ink if layer.blend == "over" else out[..., :3] * ink
        out[..., :3] += (INKS.get(layer.ink, 1.0) * share)[..., None] * (goal - out[..., :3])
        if layer.ink in WET:
            out[..., 3] = np.maximum(out[..., 3], WET[layer.ink] * share)
    out[..., :3] = linear(out[..., :3])
    return out


def materials(package: Package, colors: dict[str, RGB]) -> tuple[F32, F32, I32]:
    """Material table [M, MATTERS], all texels [N, 4], and offset, height, width of each texture."""
    spec = package.manifest
    order = sorted(spec.textures)
    pictures = [painted(package, name, colors) for name in order]
    index = np.zeros((max(len(order), 1), 3), np.int32)
    offset = 0
    for row, picture in enumerate(pictures):
        index[row] = offset, *picture.shape[:2]
        offset += picture.shape[0] * picture.shape[1]
    texels = np.concatenate([p.reshape(-1, 4) for p in pictures] + [np.zeros((2, 4), np.float32)])
    table = np.zeros((len(spec.materials), MATTERS), np.float32)
    for values, material in zip(table, spec.materials, strict=True):
        what = kind(material.name)
        values[Matter.KIND] = what
        values[Matter.COLOR : Matter.COLOR + 3] = linear(colors[material.color])
        values[Matter.TEXTURE] = order.index(material.texture) if material.texture else -1
        values[Matter.ROUGH : Matter.SHEEN + 1] = _SURFACES[what]
    return table, np.ascontiguousarray(texels), index


@jit
def _gather(seen: I32, material: U8, matter: F32, far: F32, light: F32, out: F32) -> None:
    """out [h, w, 5] = mean light, depth and share of skin in each 2 x 2 pixels."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            r, g, b, z, n = 0.0, 0.0, 0.0, 0.0, 0
            for j in range(2 * y, 2 * y + 2):
                for i in range(2 * x, 2 * x + 2):
                    t = seen[j, i]
                    if t >= 0 and matter[material[t], 0] == 0:
                        r += light[j, i, 0]
                        g += light[j, i, 1]
                        b += light[j, i, 2]
                        z += far[j, i]
                        n += 1
            f = 1 / n if n else 0.0
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = r * f, g * f, b * f
            out[y, x, 3], out[y, x, 4] = z * f, n * 0.25


@jit
def _blur(image: F32, kernel: F32, near: float, down: bool, out: F32) -> None:
    """One direction of the blur; kernel [TAPS + 1, 3] of one side."""
    height, width = image.shape[0], image.shape[1]
    taps = kernel.shape[0]
    for y in range(height):
        for x in range(width):
            for c in range(5):
                out[y, x, c] = image[y, x, c]
            if image[y, x, 4] == 0:
                continue
            z = image[y, x, 3]
            r, g, b = (
                image[y, x, 0] * kernel[0, 0], image[y, x, 1] * kernel[0, 1],
                image[y, x, 2] * kernel[0, 2],
            )  # fmt: skip
            wr, wg, wb = kernel[0, 0], kernel[0, 1], kernel[0, 2]
            for n in range(1, taps):
                for side in range(2):
                    step = n if side else -n
                    j, i = (y + step, x) if down else (y, x + step)
                    if j < 0 or j >= height or i < 0 or i >= width or image[j, i, 4] == 0:
                        continue
                    away = (image[j, i, 3] - z) * near
                    keep = image[j, i, 4] / (1 + away * away)
                    kr, kg, kb = kernel[n, 0] * keep, kernel[n, 1] * keep, kernel[n, 2] * keep
                    r += image[j, i, 0] * kr
                    g += image[j, i, 1] * kg
                    b += image[j, i, 2] * kb
                    wr += kr
                    wg += kg
                    wb += kb
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = r / wr, g / wg, b / wb


@jit
def _lay(seen: I32, material: U8, matter: F32, soft: F32, stays: F32, light: F32) -> None:
    """Mix the blurred light [h, w, 5], read bilinearly, into light [H, W, 4] where skin is."""
    height, width = soft.shape[0], soft.shape[1]
    for y in range(seen.shape[0]):
        for x in range(seen.shape[1]):
            t = seen[y, x]
            if t < 0 or matter[material[t], 0] != 0:
                continue
            r, g, b, total = 0.0, 0.0, 0.0, 0.0
            for dy in range(2):
                j = min(max((y >> 1) + ((y & 1) * 2 - 1) * dy, 0), height - 1)
                for dx in range(2):
                    i = min(max((x >> 1) + ((x & 1) * 2 - 1) * dx, 0), width - 1)
                    w = (0.25 if dy else 0.75) * (0.25 if dx else 0.75) * soft[j, i, 4]
                    r += w * soft[j, i, 0]
                    g += w * soft[j, i, 1]
                    b += w * soft[j, i, 2]
                    total += w
            if total > 0:
                light[y, x, 0] = stays[0] * light[y, x, 0] + (1 - stays[0]) * r / total
                light[y, x, 1] = stays[1] * light[y, x, 1] + (1 - stays[1]) * g / total
                light[y, x, 2] = stays[2] * light[y, x, 2] + (1 - stays[2]) * b / total


class Scatter:
    """The wandering of light in skin at one picture size."""

    def __init__(self, height: int, width: int, per_dm: float, range_dm: float) -> None:
        """Of the supersampled picture; `per_dm`: its pixels per dm where the face is, `range_dm`:
        of its depth from 0 to 1."""
        self._a = np.zeros((height // 2, width // 2, 5), np.float32)
        self._b = np.zeros_like(self._a)
        spread = np.maximum(np.array(_SPREAD) * per_dm / 2, 0.35)
        # A blur of `reach` pixels by `_TAPS` of them: wide pictures would need more.
        at = np.arange(min(_TAPS, int(2.4 * spread.max()) + 1) + 1)[:, None]
        self._kernel = np.exp(-0.5 * (at / spread) ** 2).astype(np.float32)
        self._near = float(range_dm / _NEAR)
        self._stays = np.array(_STAYS, np.float32)

    def spread(self, seen: I32, material: U8, matter: F32, far: F32, light: F32) -> None:
        """Let light [H, W, 4] wander where skin is seen."""
        _gather(seen, material, matter, far, light, self._a)
        _blur(self._a, self._kernel, self._near, False, self._b)
        _blur(self._b, self._kernel, self._near, True, self._a)
        _lay(seen, material, matter, self._a, self._stays, light)
