"""A character's palette -> material table of avatar.json and painted textures."""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.train.bust import Bust, Part
from engine.train.cast import Character, rgb
from engine.train.paint import eye_texture, hair_texture, skin_texture

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
    tint, white = rgb(p.skin_shadow), (1.0, 1.0, 1.0)
    return [
        _material("skin", white, tint, texture="skin", outline=list(rgb(p.line)), lift=0.03),
        _material("mouth", rgb("#6b2029"), rgb("#705058"), rim=0.0),
        _material(
            "eye",
            white,
            rgb("#b9bfd6"),
            rim=0.0,
            texture="eye",
            light=[0.1, -0.6, 0.6],
            threshold=0.36,
            softness=0.10,
        ),  # fmt: skip
        _material("lash", rgb("#3a211d"), rgb("#3a211d"), flat=True, two_sided=True),
        _material("teeth", rgb("#fdf8f0"), rgb("#d8c8c8"), rim=0.0),
        _material("tongue", rgb("#c25a66"), rgb("#9c4a56"), rim=0.0),
        _material(
            "hair",
            white,
            rgb(p.hair_shadow),
            texture="hair",
            threshold=0.12,
            softness=0.10,
            rim=0.10,
            shine={"strength": 0.16, "edge": 0.90, "softness": 0.03},
            outline=list(rgb(p.hair_line)),
        ),  # fmt: skip
        _material(
            "shirt",
            rgb(p.shirt),
            rgb(p.cloth_shadow),
            softness=0.06,
            outline=list(rgb(p.cloth_line)),
        ),
        _material("collar", rgb(p.collar), rgb(p.cloth_shadow), outline=list(rgb(p.cloth_line))),
        _material("underhair", rgb(p.hair_under), rgb("#c0b0b0"), two_sided=True, rim=0.0),
    ]


def textures(
    character: Character, bust: Bust, parts: list[Part], landmarks: dict[str, int]
) -> dict[str, U8]:
    """Texture name -> RGB picture; `parts` is the whole figure, its skin first."""
    hair = [p for p in parts if p.name == "hair"]
    marks = {
        name: parts[0].positions[vertex]
        for name, vertex in landmarks.items()
        if vertex < len(parts[0].positions)
    }
    return {
        "skin": skin_texture(character, bust, parts[0], hair, marks),
        "eye": eye_texture(character),
        "hair": hair_texture(character),
    }
