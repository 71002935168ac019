"""A character's palette -> material table of avatar.json and painted textures."""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.train.bust import Bust, Part
from engine.train.cast import Character, rgb

U8 = npt.NDArray[np.uint8]
KEY = [-0.35, 0.45, 0.82]  # the light comes from the upper left of the picture


def _material(name: str, color: Any, shadow: Any, **other: Any) -> dict[str, Any]:
    table: dict[str, Any] = {
        "name": name, "color": list(color), "shadow": list(shadow), "light": KEY,
        "threshold": 0.05, "softness": 0.2, "rim": 0.1, "lift": 0.0,
        "shine": {"strength": 0.0, "edge": 0.9, "softness": 0.05},
        "texture": None, "flat": False, "two_sided": False, "outline": None,
    }  # fmt: skip
    assert not set(other) - set(table)
    return table | other


def materials(character: Character) -> list[dict[str, Any]]:
    """Rows of the material table, in drawing-independent order."""
    p = character.palette
    tint = rgb(p.skin_shadow)
    return [
        _material("skin", rgb(p.skin), tint, outline=list(rgb(p.line)), lift=0.05),
        _material("mouth", rgb("#7a2b30"), rgb("#8a6060"), rim=0.0),
        _material("eye", rgb("#ffffff"), rgb("#c8d0e0"), rim=0.0),
        _material("lash", rgb("#3a211d"), rgb("#3a211d"), flat=True, two_sided=True),
        _material("teeth", rgb("#fdf8f0"), rgb("#d8c8c8"), rim=0.0),
        _material("tongue", rgb("#e0787c"), rgb("#b06a70"), rim=0.0),
    ]


def textures(character: Character, bust: Bust, parts: list[Part]) -> dict[str, U8]:
    """Texture name -> RGB picture."""
    return {}
