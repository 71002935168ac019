"""How clothes and things worn are coloured: their rows of the material table, and their inks.

The cloth of a garment has one texture, seen from the front as `shirts.planar` lays it: seams and
soft folds at places of the dress form, so they sit alike on everybody.
"""

from typing import Any

import numpy as np

from engine.train.bust import F64, smooth
from engine.train.canvas import Ink
from engine.train.form import Form, measure
from engine.train.shirts import PLANE, RIBS
from engine.train.sitter import Sitter

WIDTH, HEIGHT = 768, 256  # texels of the cloth
KNITTED = ("crew", "turtleneck", "vneck", "cardigan")

# Name of the parts, palette colour, its shadow, other fields of the material.
_CLOTH: dict[str, Any] = {
    "softness": 0.13, "threshold": 0.40, "receives": 0.8, "ambient": 0.6
}  # fmt: skip
FABRICS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("shirt", "cloth", "cloth_shadow", {**_CLOTH, "texture": "cloth", "outline": "cloth_line"}),
    ("rib", "cloth", "cloth_shadow",
     {**_CLOTH, "texture": "rib", "outline": "cloth_line", "casts": True}),
    ("under", "trim", "trim_shadow", {**_CLOTH, "outline": "trim_line"}),
    ("collar", "trim", "trim_shadow", {**_CLOTH, "outline": "trim_line", "casts": True}),
    ("lapel", "cloth", "cloth_shadow", {**_CLOTH, "outline": "cloth_line", "casts": True}),
    ("string", "trim", "trim_shadow", {"outline": "trim_line"}),
    ("frame", "frame", "frame_shadow",
     {"rim": 0.0, "outline": "frame_line", "casts": True,
      "shine": {"strength": 0.2, "edge": 0.86, "softness": 0.14}}),
    ("lens", "frame_shadow", "frame_line",
     {"rim": 0.0, "casts": True, "threshold": 0.75, "softness": 0.1,
      "shine": {"strength": 0.35, "edge": 0.95, "softness": 0.01}}),
    ("gleam", "white", "white", {"flat": True, "two_sided": True, "rim": 0.0}),
    ("accent", "accent", "accent_shadow",
     {"outline": "accent_line", "shine": {"strength": 0.5, "edge": 0.9, "softness": 0.04}}),
    ("ear", "skin", "skin_shadow",
     {"texture": "ear", "outline": "skin_line", "casts": True, "receives": 0.6}),
    ("hair_ear", "hair", "hair_shadow",
     {"texture": "hair_ear", "outline": "hair_line", "casts": True, "receives": 0.6}),
    ("fur", "skin", "skin_shadow", {"outline": "skin_line", "casts": True}),
    ("fluff", "fur_light", "skin_light", {"outline": "skin_line", "threshold": 0.2}),
    ("nose", "fur_dark", "fur_dark",
     {"outline": "fur_dark", "rim": 0.15,
      "shine": {"strength": 0.55, "edge": 0.93, "softness": 0.03}}),
    ("whisker", "fur_dark", "fur_dark", {"flat": True}),
    ("scarf", "trim", "trim_shadow",
     {**_CLOTH, "softness": 0.34, "threshold": 0.34, "texture": "scarf", "outline": "trim_line",
      "casts": True}),
    ("pad", "frame_shadow", "frame_line", {"outline": "frame_line", "casts": True}),
    ("hat", "accent", "accent_shadow", {**_CLOTH, "outline": "accent_line", "casts": True}),
    ("knit", "accent", "accent_shadow",
     {**_CLOTH, "texture": "knit", "outline": "accent_line", "casts": True}),
    ("band", "trim_shadow", "trim_shadow", {"rim": 0.0, "outline": "trim_line", "casts": True}),
    ("knob", "cloth", "cloth_shadow", {"outline": "cloth_line", "rim": 0.0}),
    ("button", "trim", "trim_shadow", {"outline": "trim_line", "rim": 0.0}),
)  # fmt: skip

# Strokes on the left half of a garment: (azimuth, depth) of points of the dress form.
_ARMHOLE = ((91, 1.26), (85, 1.36), (78, 1.52), (72, 1.75), (68, 2.0))
_RAGLAN = ((58, 0.06), (65, 0.36), (70, 0.75), (72, 1.15), (71, 1.7))
_SEAMS = {cut: (_RAGLAN,) for cut in ("crew", "tee", "turtleneck", "hoodie", "cardigan", "vneck")}
_FOLDS = (  # with half widths in dm
    (((81, 1.42), (76, 1.55), (72, 1.75), (70, 2.0)), (0.006, 0.024, 0.028, 0.0)),
)


class _Drawing:
    """Inks on the plane of a garment's texture."""

    def __init__(self, form: Form) -> None:
        self._form = form
        x, y = np.meshgrid(np.arange(WIDTH) + 0.5, HEIGHT - np.arange(HEIGHT) - 0.5)
        self.x = PLANE[0] + x / WIDTH * PLANE[2]
        self.y = PLANE[1] + y / HEIGHT * PLANE[3]
        self.alpha: dict[str, F64] = {}

    def stroke(self, ink: str, knots: F64, widths: F64, soft: float, strength: float) -> None:
        """A tapering stroke through (azimuth, depth) knots [N, 2] on both sides."""
        t, dense = np.arange(len(knots)), np.linspace(0, len(knots) - 1, 100)
        fit = np.polyfit(t, np.c_[knots, widths], min(3, len(knots) - 1))
        a, d, width = (np.polyval(fit[:, c], dense) for c in range(3))
        for side in (-1, 1):
            line = self._form.at(side * a, d)[:, :2]
            self._draw(ink, line, np.maximum(width, 0), soft, strength)

    def _draw(self, ink: str, line: F64, widths: F64, soft: float, strength: float) -> None:
        reach = widths.max() + soft
        low, high = line.min(0) - reach, line.max(0) + reach
        columns = np.flatnonzero((self.x[0] > low[0]) & (self.x[0] < high[0]))
        rows = np.flatnonzero((self.y[:, 0] > low[1]) & (self.y[:, 0] < high[1]))
        if not len(rows) or not len(columns):
            return
        area = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        x, y = self.x[area], self.y[area]
        best = np.full(x.shape, -1e9)
        for (cx, cy), width in zip(line, widths, strict=True):
            np.maximum(best, width - np.hypot(x - cx, y - cy), out=best)
        coat = strength * smooth(-soft, soft, best)
        under = self.alpha.setdefault(ink, np.zeros((HEIGHT, WIDTH)))
        under[area] = np.maximum(under[area], coat)


def cloth_inks(sitter: Sitter) -> list[Ink]:
    """Seams and folds of a garment, [HEIGHT, WIDTH] each."""
    form, knitted = measure(sitter.bust), sitter.recipe.clothes.cut in KNITTED
    drawing = _Drawing(form)
    for knots, widths in _FOLDS:
        drawing.stroke("cloth_shadow", np.array(knots), np.array(widths), 0.03, 0.5)
    ink, width, strength = ("cloth_shadow", 0.010, 0.9) if knitted else ("cloth_line", 0.007, 0.45)
    for seam in _SEAMS.get(sitter.recipe.clothes.cut, (_ARMHOLE,)):
        drawing.stroke(ink, np.array(seam), np.full(len(seam), width), 0.010, strength)
    return [Ink(name, alpha.astype(np.float32)) for name, alpha in drawing.alpha.items()]


def rib_inks(shade: str) -> list[Ink]:
    """Ribs of knitwear [16, 1024], around it."""
    u = (np.arange(1024) + 0.5) / 1024
    groove = smooth(0.25, 0.9, np.cos(2 * np.pi * RIBS * u))
    return [Ink(shade, np.tile(0.8 * groove, (16, 1)).astype(np.float32))]


def ear_inks(creature: bool) -> list[Ink]:
    """An animal's ear unrolled [128, 256]: its front half left of the middle, tip at the top."""
    v, u = np.mgrid[0:128, 0:256]
    v, u = 1 - (v + 0.5) / 128, (u + 0.5) / 256
    front = (u < 0.5).astype(float)
    across = np.abs(u * 4 - 1)  # 0 in the middle of the front, 1 at its edges
    bowl = front * smooth(0.03, -0.03, across - 0.70) * smooth(0.03, -0.03, v - 0.80 + 0.5 * across)
    saw = 0.06 * np.abs((u * 14) % 1 - 0.5)
    tip = smooth(-0.02, 0.02, v - 0.72 + saw)
    deep = bowl * smooth(0.55, 0.0, across) * smooth(0.75, 0.2, v) * 0.8
    inks = [("fur_light" if creature else "blush", bowl), ("skin_shadow", deep)]
    if creature:
        inks.append(("fur_dark", np.maximum(tip, 0.0) * (1 - bowl * (v < 0.72))))
    return [Ink(name, np.asarray(alpha, np.float32)) for name, alpha in inks]
