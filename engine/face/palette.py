"""Colours by name: a few that a person chooses, the others derived from them.

Derivation happens in OKLCh (Björn Ottosson, "A perceptual color space for image processing",
2020), where lightness, colourfulness and hue are what the eye calls so: a shadow derived from any
skin looks like its shadow. A recipe and `avatar.json` hold only what was chosen; whatever they
name explicitly is never overridden.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.errors import PackageError
from engine.face.fields import NAME, RGB, Fields, color

CHOSEN = {  # what a palette falls back to
    "skin": "#f2c8a6", "hair": "#5b3a2c", "iris": "#5a8f8a", "cloth": "#3d6fb4",
    "trim": "#f6f2ea", "accent": "#d9b45a", "frame": "#2b2a33",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rule:
    """A colour made of another: in OKLCh, L and C multiplied, the hue turned (degrees)."""

    of: str
    light: float = 1.0
    chroma: float = 1.0
    turn: float = 0.0
    add: float = 0.0  # to lightness, after the factor
    towards: str = ""  # a colour mixed in: '#rrggbb' or a name that stands before
    share: float = 0.0
    most: str = ""  # a colour by which it stays darker, that much: `gap` of lightness
    gap: float = 0.0
    floor: float = 0.0  # chroma is at least that, if there is any to speak of
    peak: float = 0.4  # chroma rises to that at most: a shadow of dark skin must not glow
    room: float = 0.5  # of the way to white that a lighter colour may go


RULES: dict[str, _Rule] = {
    "skin_shadow": _Rule("skin", 0.845, 1.30, -11, floor=0.05, peak=0.088),
    "skin_light": _Rule("skin", 1.0, 0.80, 6, add=0.055),
    "skin_line": _Rule("skin", 0.48, 1.0, -18, floor=0.045, peak=0.065),
    "blush": _Rule("skin", 0.92, 1.6, -22, floor=0.10, peak=0.12, towards="#e2605f", share=0.30),
    "lips": _Rule("skin", 0.86, 1.6, -26, floor=0.075, peak=0.115, towards="#e05a62", share=0.38),
    "lips_dark": _Rule("lips", 0.88, 1.08, -2, peak=0.125),
    "lips_light": _Rule("lips", 1.0, 0.6, 8, add=0.12),
    "mouth_line": _Rule("lips", 0.50, 0.9, -2, peak=0.07),
    "nose_line": _Rule("skin", 0.62, 1.25, -18, floor=0.05, peak=0.08),
    "freckles": _Rule("skin", 0.76, 1.4, -6, peak=0.085),
    "crease": _Rule("skin", 0.70, 1.25, -16, floor=0.05, peak=0.08),
    "mole": _Rule("skin", 0.50, 1.0, -14),
    "stubble": _Rule("skin", 0.70, 0.72, -10, towards="hair", share=0.30),
    "fur_light": _Rule("skin", 1.0, 0.16, 10, add=0.25, room=0.92),
    "fur_dark": _Rule("skin", 0.36, 0.5, -14),
    "brow": _Rule("hair", 0.80, 0.95, most="skin", gap=0.26),
    "lash": _Rule("hair", 0.55, 0.6, towards="#241a1c", share=0.6),
    "iris_dark": _Rule("iris", 0.48, 0.95, -8),
    "iris_light": _Rule("iris", 1.22, 1.15, 10, add=0.08),
    "pupil": _Rule("iris", 0.18, 0.5),
    "hair_light": _Rule("hair", 1.12, 1.45, 6, add=0.12, floor=0.02, peak=0.11),
    "hair_shadow": _Rule("hair", 0.63, 1.0, -12, add=0.055),
    "hair_line": _Rule("hair", 0.46, 0.9, -10, add=0.03),
    "hair_under": _Rule("hair", 0.55, 0.95, -8, add=0.10, towards="skin", share=0.13),
    "beard": _Rule("hair", 1.0, 1.0, add=0.03),
    "beard_light": _Rule("beard", 1.14, 1.05, 6, add=0.03),
    "beard_shadow": _Rule("beard", 0.76, 1.0, -10, add=0.03),
    "beard_line": _Rule("beard", 0.50, 0.9, -10),
    "cloth_shadow": _Rule("cloth", 0.76, 1.05, -10),
    "cloth_line": _Rule("cloth", 0.45, 0.8, -8),
    "trim_shadow": _Rule("trim", 1.0, 0.95, -6, add=-0.10),
    "trim_line": _Rule("trim", 0.42, 0.9),
    "accent_shadow": _Rule("accent", 0.72, 1.1, -16),
    "accent_line": _Rule("accent", 0.45, 0.9, -12),
    "frame_shadow": _Rule("frame", 0.7, 1.0),
    "frame_line": _Rule("frame", 0.5, 0.8),
}  # fmt: skip
CALM = 0.08  # chroma up to which hues turn in full
FIXED = {
    "white": "#ffffff", "black": "#000000", "sclera": "#fdfcfa", "sclera_shadow": "#dcdfe9",
    "teeth": "#fbf6ee", "teeth_shadow": "#cdb9bb", "gums": "#c96f76", "tongue": "#cf6a73",
    "tongue_shadow": "#964650", "mouth": "#5d1a26", "mouth_shadow": "#3a0f1a",
    "rim": "#fff4e4",
}  # fmt: skip

_TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                    [0.2119034982, 0.6806995451, 0.1073969566],
                    [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
_TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                    [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip


def rgb(code: str) -> RGB:
    """'#rrggbb' -> three numbers in [0, 1]."""
    r, g, b = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return r, g, b


def code(color: np.ndarray | RGB) -> str:
    """Three numbers, clipped to [0, 1] -> '#rrggbb'."""
    return "#" + "".join(f"{round(255 * float(np.clip(c, 0, 1))):02x}" for c in color)


def oklab(colors: np.ndarray) -> np.ndarray:
    """sRGB [..., 3] in [0, 1] -> OKLab [..., 3]."""
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T)


def oklch(color: RGB) -> tuple[float, float, float]:
    """sRGB in [0, 1] -> lightness [0, 1], chroma, hue in degrees."""
    lab = oklab(np.asarray(color, float))
    return (float(lab[0]), float(np.hypot(lab[1], lab[2])),
            float(np.degrees(np.arctan2(lab[2], lab[1]))))  # fmt: skip


def from_oklch(light: float, chroma: float, hue: float) -> RGB:
    """The inverse; what no screen can show loses chroma until one can."""
    for share in np.linspace(1, 0, 21):
        a, b = chroma * share * np.cos(np.radians(hue)), chroma * share * np.sin(np.radians(hue))
        linear = np.linalg.solve(_TO_LMS, np.linalg.solve(_TO_LAB, [light, a, b]) ** 3)
        if linear.min() >= -1e-4 and linear.max() <= 1 + 1e-4:
            break
    linear = np.clip(linear, 0, 1)
    r, g, b = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return float(r), float(g), float(b)


def derived(chosen: Mapping[str, str]) -> dict[str, RGB]:
    """All colours by name, as sRGB in [0, 1], from the chosen ones ('#rrggbb')."""
    known = {name: rgb(value) for name, value in {**CHOSEN, **FIXED, **chosen}.items()}
    for name, rule in RULES.items():  # in order: a rule's source stands before it
        if name in chosen:
            continue
        light, chroma, hue = oklch(known[rule.of])
        # A shadow never rises above what it shades, however dark that is.
        highest = light if rule.light < 1 else light + rule.room * (1 - light)
        light = min(light * rule.light + rule.add, max(light, highest))
        if rule.most:
            light = min(light, max(oklch(known[rule.most])[0] - rule.gap, 0.12))
        least = min(rule.floor, 6 * chroma)
        peak = rule.peak * min(0.3 + light, 1.0)  # what is dark shows less colour
        vivid = min(max(chroma * rule.chroma, least), max(peak, 0.91 * chroma))
        # The hue of a vivid colour is its character: it turns less.
        turn = rule.turn * min(1.0, CALM / max(chroma, 1e-6))
        made = from_oklch(light, vivid, hue + turn)
        if rule.share:
            goal = known.get(rule.towards) or rgb(rule.towards)
            # Dark skin keeps more of itself: a full share would be paint on it.
            share = rule.share * min(max(light / 0.7, 0.5), 1.0)
            r, g, b = (a + share * (b - a) for a, b in zip(made, goal, strict=True))
            mixed = oklch((r, g, b))
            # What is mixed in tints: it never makes a shadow lighter than what it shades.
            most = max(light, 0.5 * (1 + rule.light) * oklch(known[rule.of])[0])
            made = from_oklch(min(mixed[0], most), *mixed[1:])
        known[name] = made
    return known


def parse(f: Fields, most: int = 128) -> dict[str, str]:
    """The checked object of a `palette` field: name -> '#rrggbb'."""
    left = f.rest()
    if len(left) > most:
        raise PackageError(f"{f.where} has {len(left)} colours, expected at most {most}")
    for name in left:
        if not re.fullmatch(NAME, name):
            raise PackageError(f"{f.where} names a colour {name!r:.40}, expected a plain name")
    return {name: color(value, f"{f.where}.{name}") for name, value in left.items()}
