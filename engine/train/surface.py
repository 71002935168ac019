"""glTF and MToon materials -> what our cel shading needs: colour, shadow, picture, line.

Contract: a `Surface` per material of the file; colours are sRGB in [0, 1]. Metal, roughness, bumps
and reflections have no place in cel shading and are left out.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from engine.errors import PackageError
from engine.face.palette import from_oklch, oklch
from engine.train.gltf import Gltf, table, vector
from engine.train.vrm import Vrm, line

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
SIDE = 1024  # px of a picture
_CLAMP, _MIRROR = 33071, 33648


@dataclass
class Surface:
    """One material: how it looks, and how its uvs are made from the file's."""

    name: str  # plain, fit for a package
    color: F64  # [3] without a picture; the picture's mean with one
    tint: F64  # [3] what a shadow multiplies it by
    picture: U8 | None  # [H, W, 3], the factor multiplied in
    alpha: F64 | None  # [H, W] where the picture cuts, None: opaque
    cutoff: float
    visible: bool  # False: nothing of it can be seen
    two_sided: bool
    lit: bool
    threshold: float
    softness: float
    outline: F64 | None  # [3]; None: none asked for by the file
    outlined: bool | None  # whether the file says so, None: it says nothing
    uv_set: int
    uv_turn: F64  # [2, 3] of KHR_texture_transform
    wrap: tuple[int, int]
    key: tuple[Any, ...]  # surfaces of one key share a picture


def srgb(linear: F64) -> F64:
    """Linear light in [0, 1] -> sRGB."""
    c = np.clip(linear, 0, 1)
    return np.asarray(np.where(c <= 0.0031308, c * 12.92, 1.055 * c ** (1 / 2.4) - 0.055))


def linear(color: F64) -> F64:
    """The inverse of `srgb`."""
    c = np.clip(color, 0, 1)
    return np.asarray(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4))


def shadow(color: F64) -> F64:
    """What a colour becomes in shadow where the file does not say."""
    light, chroma, hue = oklch((float(color[0]), float(color[1]), float(color[2])))
    return np.array(from_oklch(light * 0.80, chroma * 1.1, hue - 10))


def dark(color: F64) -> F64:
    """The line around a colour."""
    light, chroma, hue = oklch((float(color[0]), float(color[1]), float(color[2])))
    return np.array(from_oklch(light * 0.46, chroma * 0.9, hue - 10))


def plain(name: Any, taken: set[str]) -> str:
    """A name of the file as one that a package may have, unlike all `taken`."""
    text = re.sub(r"[^a-z0-9]+", "_", line(name, 80).lower()).strip("_")
    text = re.sub(r"^(?=[0-9]|$)", "m", text)[:18].rstrip("_")
    unique, number = text, 1
    while unique in taken:
        number += 1
        unique = f"{text}_{number}"
    taken.add(unique)
    return unique


def _number(value: Any, default: float, low: float, high: float) -> float:
    fine = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
    return float(np.clip(value, low, high)) if fine else default


def _rgb(value: Any) -> F64 | None:
    """The first three of a list of numbers in [0, 1]."""
    if not isinstance(value, list) or len(value) not in (3, 4):
        return None
    if not all(isinstance(v, int | float) and abs(v) < 1e9 for v in value):
        return None
    return np.asarray(np.clip(np.array(value[:3], float), 0, 1))


@dataclass
class _Toon:
    """MToon, of either version."""

    shade: F64 | None = None  # sRGB
    threshold: float = 0.05
    softness: float = 0.2
    outlined: bool | None = None
    outline: F64 | None = None


def _toon(material: Any, old: dict[str, Any]) -> _Toon:
    new = table(table(material.extensions).get("VRMC_materials_mtoon"))
    if new:
        shade, outline = _rgb(new.get("shadeColorFactor")), _rgb(new.get("outlineColorFactor"))
        toony = _number(new.get("shadingToonyFactor"), 0.9, 0, 1)
        return _Toon(
            srgb(shade) if shade is not None else None,
            -_number(new.get("shadingShiftFactor"), 0.0, -1, 1), max(1 - toony, 0.03),
            new.get("outlineWidthMode", "none") != "none",
            srgb(outline) if outline is not None else None,
        )  # fmt: skip
    if "mtoon" not in line(old.get("shader")).lower():
        return _Toon()
    floats, colors = table(old.get("floatProperties")), table(old.get("vectorProperties"))
    shift = _number(floats.get("_ShadeShift"), 0.0, -1, 1)
    width = (1 - shift) * (1 - _number(floats.get("_ShadeToony"), 0.9, 0, 1)) / 2
    return _Toon(
        _rgb(colors.get("_ShadeColor")), shift + width, max(width, 0.03),
        _number(floats.get("_OutlineWidthMode"), 0, 0, 3) > 0
        and _number(floats.get("_OutlineWidth"), 0, 0, 10) > 0,
        _rgb(colors.get("_OutlineColor")),
    )  # fmt: skip


def _transform(info: Any, where: str) -> tuple[int, F64]:
    """(uv set, [2, 3] matrix) of a texture reference."""
    more = table(table(info.extensions).get("KHR_texture_transform"))
    chosen = more.get("texCoord", info.texCoord)
    scale = vector(more.get("scale", [1, 1]), 2, f"{where} scale")
    offset = vector(more.get("offset", [0, 0]), 2, f"{where} offset")
    angle = _number(more.get("rotation"), 0.0, -1e6, 1e6)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, s], [-s, c]]) * scale
    return (1 if chosen == 1 else 0), np.concatenate([turn, offset[:, None]], 1)


def _filled(rgba: U8) -> U8:
    """Colours [H, W, 3] with those under transparent texels replaced by their neighbours', so
    that edges cut along alpha show no fringe."""
    share = rgba[..., 3:].astype(float) / 255
    if share.min() > 0.99:
        return np.ascontiguousarray(rgba[..., :3])
    out, weight = rgba[..., :3] * share, share
    solid = Image.fromarray(np.uint8(np.rint(out)))
    mask = Image.fromarray(np.uint8(np.rint(share[..., 0] * 255)))
    for radius in (2, 8, 32):
        near = np.asarray(solid.filter(ImageFilter.GaussianBlur(radius)), float)
        amount = np.asarray(mask.filter(ImageFilter.GaussianBlur(radius)), float)[..., None] / 255
        mix = np.where(weight < 0.5, np.minimum(amount, 1 - weight) * (amount > 0.02), 0)
        out = out + mix * near / np.maximum(amount, 0.02)
        weight = weight + mix
    return np.asarray(np.clip(np.rint(out / np.maximum(weight, 1e-3)), 0, 255), np.uint8)


def _mean(picture: U8, alpha: F64 | None) -> F64:
    small = picture[::8, ::8].reshape(-1, 3) / 255
    if alpha is None:
        return np.asarray(small.mean(0))
    share = alpha[::8, ::8].reshape(-1, 1) + 1e-6
    return np.asarray((small * share).sum(0) / share.sum())


def read(gltf: Gltf, vrm: Vrm, number: int, taken: set[str]) -> Surface:
    """The surface of a material of the file; -1: that of triangles without one."""
    where = f"materials[{number}]"
    material = gltf.tree.materials[number] if number >= 0 else None
    pbr = getattr(material, "pbrMetallicRoughness", None)
    factor = vector(getattr(pbr, "baseColorFactor", None) or [1, 1, 1, 1], 4, where)
    factor = np.clip(factor, 0, 1)
    info = getattr(pbr, "baseColorTexture", None)
    extensions = table(getattr(material, "extensions", None))
    toon = _toon(material, vrm.toon.get(number, {})) if material is not None else _Toon()
    mode = getattr(material, "alphaMode", None) or "OPAQUE"
    if mode not in ("OPAQUE", "MASK", "BLEND"):
        raise PackageError(f"{where}.alphaMode is {mode!r:.30}, expected OPAQUE, MASK or BLEND")
    given = getattr(material, "alphaCutoff", None)
    cutoff = _number(given, 0.5, 0.02, 0.98) if mode == "MASK" else 0.5
    picture, alpha, uv_set, turn, wrap = None, None, 0, np.eye(3)[:2], (10497, 10497)
    image = None
    if info is not None:
        texture = gltf.item("textures", info.index, where)
        image = texture.source
        if image is None:
            raise PackageError(f"{where}: its picture is neither PNG nor JPEG: export it as PNG")
        rgba = gltf.picture(image, SIDE)
        uv_set, turn = _transform(info, where)
        if texture.sampler is not None:
            sampler = gltf.item("samplers", texture.sampler, where)
            wrap = (sampler.wrapS or 10497, sampler.wrapT or 10497)
        picture = _filled(rgba) if mode != "OPAQUE" else np.ascontiguousarray(rgba[..., :3])
        if (factor[:3] < 0.996).any():
            ramp = np.arange(256) / 255
            tables = [np.rint(255 * srgb(linear(ramp) * f)).astype(np.uint8) for f in factor[:3]]
            picture = np.stack([tables[c][picture[..., c]] for c in range(3)], -1)
        if mode != "OPAQUE":
            alpha = rgba[..., 3] / 255 * factor[3]
    visible = mode == "OPAQUE" or (factor[3] > cutoff if alpha is None else alpha.max() > cutoff)
    if alpha is not None and alpha.min() > cutoff:
        alpha = None
    color = srgb(factor[:3]) if picture is None else _mean(picture, alpha)
    darker = shadow(color)
    if toon.shade is not None:
        # MToon's shade colour multiplies the picture as its lit colour does.
        lit = srgb(factor[:3]) if picture is not None else color
        darker = color * np.clip(toon.shade / np.maximum(lit, 0.02), 0, 1)
    return Surface(
        name=plain(getattr(material, "name", None) or "surface", taken),
        color=color, tint=np.clip(darker / np.maximum(color, 0.02), 0, 1),
        picture=picture, alpha=alpha, cutoff=cutoff, visible=bool(visible),
        two_sided=getattr(material, "doubleSided", None) is True,
        lit="KHR_materials_unlit" not in extensions or toon.shade is not None,
        threshold=toon.threshold, softness=toon.softness,
        outline=toon.outline, outlined=toon.outlined, uv_set=uv_set, uv_turn=turn, wrap=wrap,
        key=(image, *np.rint(factor[:3] * 100).astype(int).tolist(), mode == "OPAQUE"),
    )  # fmt: skip
