"""Textures of a package in given colours: inks laid over a base through grey masks."""

import numpy as np

from engine.face.fields import RGB
from engine.face.package import Package
from engine.frames import U8

PLAIN = 4  # pixels a side of a texture without layers
STRIP = 32  # rows painted at a time


def paint(package: Package, name: str, colors: dict[str, RGB]) -> U8:
    """The texture [H, W, 3] uint8; `colors`: engine.face.palette.derived."""
    texture = package.manifest.textures[name]
    if texture.picture is not None:
        return package.pictures[texture.picture]
    masks = [package.masks[layer.mask] for layer in texture.layers]
    shape = masks[0].shape if masks else (PLAIN, PLAIN)
    inks = [np.array(colors[layer.ink], np.float32) for layer in texture.layers]
    out = np.empty((*shape, 3), np.uint8)
    # In strips: whole textures of numbers would be the largest thing a session ever holds.
    for top in range(0, shape[0], STRIP):
        rows = slice(top, top + STRIP)
        made = np.empty((*out[rows].shape[:2], 3), np.float32)
        made[:] = colors[texture.base or "white"]
        for layer, ink, mask in zip(texture.layers, inks, masks, strict=True):
            used = np.flatnonzero(mask[rows].any(0))
            if not len(used):
                continue
            # Most inks cover a small part of the face.
            part = slice(used[0], used[-1] + 1)
            here, share = made[:, part], mask[rows, part][..., None] * np.float32(1 / 255)
            goal = ink if layer.blend == "over" else here * ink
            made[:, part] = here + share * (goal - here)
        out[rows] = np.rint(made * 255)
    return out
