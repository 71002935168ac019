"""Textures of a package in given colours: inks laid over a base through grey masks."""

import numpy as np

from engine.face.fields import RGB
from engine.face.package import Package
from engine.frames import U8

PLAIN = 4  # pixels a side of a texture without layers


def paint(package: Package, name: str, colors: dict[str, RGB]) -> U8:
    """The texture [H, W, 3] uint8; `colors`: engine.face.palette.derived."""
    texture = package.manifest.textures[name]
    if texture.picture is not None:
        return package.pictures[texture.picture]
    masks = [package.masks[layer.mask] for layer in texture.layers]
    shape = masks[0].shape if masks else (PLAIN, PLAIN)
    made = np.empty((*shape, 3), np.float32)
    made[:] = colors[texture.base or "white"]
    for layer, mask in zip(texture.layers, masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not len(rows):
            continue
        # Most inks cover a small part of the face.
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        here, share = made[part], mask[part][..., None] * np.float32(1 / 255)
        ink = np.array(colors[layer.ink], np.float32)
        goal = ink if layer.blend == "over" else here * ink
        made[part] = here + share * (goal - here)
    return np.asarray(np.rint(made * 255), np.uint8)
