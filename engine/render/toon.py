"""The default look: materials, textures and background as tables for `kernels.cel.shade`."""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from engine.face.background import KEY, Background, Gradient, Picture, Plain, Transparent
from engine.face.camera import Camera
from engine.face.fields import RGB
from engine.face.manifest import Material
from engine.face.package import Package
from engine.face.palette import rgb
from engine.face.texture import paint
from engine.frames import F32, U8
from engine.render.gbuffer import Visibility
from engine.render.setting import Setting
from engine.render.workspace import Buffers
from kernels.cel import shade
from kernels.fragment import SMALL, fragments
from kernels.look import LOOKS, SCENES, Cast, Look, Scene

I32 = npt.NDArray[np.int32]
U32 = npt.NDArray[np.uint32]

_LONGEST = 1.3  # dm of contact shadow per dm of depth
_TEXELS = 1.25  # most texels a pixel may step over


def _row(material: Material, texture: int, colors: dict[str, RGB], light: RGB) -> F32:
    row = np.zeros(LOOKS, np.float32)
    base, dark = np.array(colors[material.color]), np.array(colors[material.shadow])
    row[Look.RED : Look.BLUE + 1] = 1.0 if texture >= 0 else base
    row[Look.SHADOW_RED : Look.SHADOW_BLUE + 1] = np.clip(dark / np.maximum(base, 0.02), 0, 1)
    row[Look.LIGHT_X : Look.LIGHT_Z + 1] = material.light or light
    row[Look.THRESHOLD], row[Look.SOFTNESS] = material.threshold, material.softness
    row[Look.RIM], row[Look.LIFT] = material.rim, material.lift
    row[Look.SHINE] = material.shine.strength
    row[Look.SHINE_EDGE] = material.shine.edge
    row[Look.SHINE_SOFTNESS] = material.shine.softness
    row[Look.TEXTURE], row[Look.FLAT] = texture, material.flat
    row[Look.AMBIENT], row[Look.RECEIVES] = material.ambient, material.receives
    row[Look.STRAND] = material.strand
    half = row[Look.LIGHT_X : Look.LIGHT_Z + 1] + np.array([0, 0, 1], np.float32)
    row[Look.HALF_X : Look.HALF_Z + 1] = half / max(float(np.linalg.norm(half)), 1e-6)
    return row


def _line(material: Material, colors: dict[str, RGB]) -> F32:
    row = np.zeros(LOOKS, np.float32)
    row[Look.RED : Look.BLUE + 1] = colors[material.outline or "black"]
    row[Look.TEXTURE], row[Look.FLAT] = -1, 1
    return row


def _cast(material: Material) -> Cast:
    if not material.casts:
        return Cast.NONE
    return Cast.BROAD if material.receives == 1 else Cast.FINE


def _scene(camera: Camera, light: RGB, rim: RGB, height: int, width: int) -> F32:
    """What holds for the whole picture, by kernels.cel.Scene."""
    scene = np.zeros(SCENES, np.float32)
    scene[Scene.RIM_RED : Scene.RIM_BLUE + 1] = rim
    x, y, z = light
    behind = -x if x else 1e-3, abs(x) * 0.6 + 0.1
    scene[Scene.RIM_X : Scene.RIM_Y + 1] = np.array(behind) / math.hypot(*behind)
    scene[Scene.NEAR], scene[Scene.RANGE] = camera.near, camera.far - camera.near
    focal = 0.5 * min(height, width) / math.tan(math.radians(camera.fov_deg) / 2)
    # A low light would throw shadows across the whole face.
    slope = max(z, 0.4, math.hypot(x, y) / _LONGEST)
    cell = 1 if min(height, width) <= SMALL else 2
    scene[Scene.AWAY_X : Scene.AWAY_Y + 1] = np.array([x, -y]) / slope * focal / cell
    return scene


def _gradient(colors: Gradient, height: int, width: int) -> U8:
    """Dithered against banding."""
    top, bottom, glow = (
        np.array(rgb(c), np.float32) for c in (colors.top, colors.bottom, colors.glow)
    )
    u = (np.arange(width, dtype=np.float32) + 0.5) / width - 0.5
    # An ordered pattern rather than noise: it is cheap to encode and never flickers.
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16
    out = np.empty((height, width, 3), np.uint8)
    for y, row in enumerate(out):
        v = (y + 0.5) / height
        share = np.exp(-(((u * width / height) / 0.42) ** 2 + ((v - 0.42) / 0.45) ** 2) * 1.2)
        plain = top + (bottom - top) * np.float32(v)
        color = plain + (glow - plain) * (0.85 * share)[:, None]
        row[:] = (color * 255 + np.resize(bayer[y % 4], width)[:, None]).clip(0, 255)
    return out


def _filled(picture: Picture, height: int, width: int) -> U8:
    """Scaled to cover the whole frame, cut evenly, blurred."""
    image = Image.fromarray(picture.pixels)
    scale = max(width / image.width, height / image.height)
    size = max(width, round(image.width * scale)), max(height, round(image.height * scale))
    image = image.resize(size, Image.Resampling.LANCZOS)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    image = image.crop((left, top, left + width, top + height))
    return np.array(image.filter(ImageFilter.GaussianBlur(picture.blur * height)))


def backdrop(background: Background, height: int, width: int) -> U8:
    """The background as pixels [H, W, 3]."""
    match background:
        case Gradient():
            return _gradient(background, height, width)
        case Picture():
            return _filled(background, height, width)
        case Plain(color=color):
            flat = rgb(color)
        case _:
            flat = rgb(KEY)
    out = np.empty((height, width, 3), np.uint8)
    out[:] = np.rint(np.array(flat) * 255)
    return out


def unit(direction: RGB) -> RGB:
    """The same direction at length 1."""
    x, y, z = direction
    length = math.hypot(x, y, z)
    return x / length, y / length, z / length


def _fineness(package: Package, height: int, width: int) -> dict[str, float]:
    """Texels of each texture per pixel, where the face at rest shows it: a median over area."""
    mesh, spec = package.mesh, package.manifest
    screen = spec.camera.project(mesh.position, width, height)[mesh.triangle][..., :2]
    found = {}
    for name in spec.textures:
        used = np.array([m.texture == name for m in spec.materials])[mesh.material]
        shown, read = _areas(screen[used]), np.abs(_areas(mesh.uv[mesh.triangle[used]]))
        front = shown < 0  # y points down
        ratio, weight = read[front] / -shown[front], -shown[front]
        order = np.argsort(ratio)
        total = np.cumsum(weight[order])
        middle = ratio[order][np.searchsorted(total, total[-1] / 2)] if len(total) else 0.0
        found[name] = math.sqrt(float(middle))
    return found


def _areas(corners: F32) -> F32:
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])


def _calm(picture: U8, fineness: float) -> U8:
    """The picture with about as many texels as there are pixels to show them: more of them would
    flicker as they pass under the pixels' centres."""
    height, width = picture.shape[:2]
    scale = min(1.0, _TEXELS / max(fineness * math.sqrt(height * width), 1e-6))
    size = max(2, round(width * scale)), max(2, round(height * scale))
    if size == (width, height) or min(height, width) < 8:
        return picture
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.HAMMING))


def _atlas(
    package: Package, colors: dict[str, RGB], fineness: dict[str, float]
) -> tuple[U32, I32]:  # fmt: skip
    """All textures end to end as words, and the offset, height and width of each [T, 3]."""
    order = sorted(package.manifest.textures)
    pictures = [_calm(paint(package, name, colors), fineness[name]) for name in order]
    index = np.zeros((max(len(order), 1), 3), np.int32)
    offset = 0
    for row, picture in enumerate(pictures):
        index[row] = offset, picture.shape[0], picture.shape[1]
        offset += picture.shape[0] * picture.shape[1]
    words = np.zeros((max(offset, 1), 4), np.uint8)
    for (first, rows, columns), picture in zip(index, pictures, strict=False):
        words[first : first + rows * columns, :3] = picture.reshape(-1, 3)
    return words.view("<u4").astype(np.uint32, copy=False).reshape(-1), index


class Toon:
    """Cel shading of one package at one size in one setting."""

    def __init__(
        self, package: Package, height: int, width: int, setting: Setting,
        like: "Toon | None" = None,
    ) -> None:  # fmt: skip
        """`like`: the same at the same size in another setting, whose pictures are shared where
        the settings agree."""
        spec = package.manifest
        self._package, self._shape, self._setting = package, (height, width), setting
        self.background = setting.background or spec.background
        colors = setting.colors(spec.palette)
        order, light = sorted(spec.textures), unit(setting.light or spec.light)
        rows = [
            _row(m, order.index(m.texture) if m.texture else -1, colors, light)
            for m in spec.materials
        ]
        self.light = light
        self.scene = _scene(spec.camera, light, colors["rim"], height, width)
        casts = [_cast(m) for m in spec.materials]
        self.casts = np.array(casts + casts, np.uint8)
        self.table = np.stack(rows + [_line(m, colors) for m in spec.materials])
        self.textures: U32
        self.index: I32
        self.backdrop: U8
        if like and setting.palette == like._setting.palette:
            self.textures, self.index = like.textures, like.index
        else:
            self.textures, self.index = _atlas(package, colors, _fineness(package, height, width))
        if like and self.background is like.background:
            self.backdrop = like.backdrop
        else:
            self.backdrop = backdrop(self.background, height, width)

    def staged(self, setting: Setting) -> "Toon":
        """The same package and size in another setting."""
        return Toon(self._package, *self._shape, setting, like=self)

    def shade(self, seen: Visibility, buffers: Buffers, out: U8, clear: bool = False) -> None:
        """Colour what `seen` has drawn into out [H, W, 3]; `clear`: a Transparent background is
        black."""
        width = out.shape[1]
        behind = self.backdrop
        if clear and isinstance(self.background, Transparent):
            behind = np.zeros_like(behind)
        count = fragments(
            buffers.keys,
            seen.materials,
            self.casts,
            behind,
            *buffers.room[:4],
            *buffers.casters,
            out,
        )
        shade(
            count, width, *buffers.room, seen.screen, seen.triangles, seen.traits,
            self.table, self.scene, *buffers.casters, self.textures, self.index,
            behind.reshape(-1, 3), out.reshape(-1, 3),
        )  # fmt: skip
