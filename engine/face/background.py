"""What lies behind a face: a plain colour, a gradient with a glow, a picture, or nothing."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import FrameError, PackageError
from engine.face.fields import Fields, color, number

KEY = "#00b140"  # chroma-key green: what a transparent background is in formats without alpha


@dataclass(frozen=True, slots=True)
class Plain:
    """One colour, '#rrggbb'. Raises PackageError for anything else."""

    color: str

    def __post_init__(self) -> None:
        color(self.color, "the background's color")


@dataclass(frozen=True, slots=True)
class Gradient:
    """Vertical, with a soft glow behind the head; '#rrggbb'. Raises PackageError for anything
    else."""

    top: str
    bottom: str
    glow: str

    def __post_init__(self) -> None:
        for name in ("top", "bottom", "glow"):
            color(getattr(self, name), f"the background's {name}")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture [H, W, 3] uint8, scaled to fill and blurred by `blur` (share of the height, 0 to
    0.2). Raises FrameError for other arrays, PackageError for another blur."""

    pixels: npt.NDArray[np.uint8] = field(repr=False)
    blur: float = 0.02

    def __post_init__(self) -> None:
        if not isinstance(self.pixels, np.ndarray):
            raise FrameError(
                f"the background's picture is {type(self.pixels).__name__}, expected a numpy array "
                "of uint8 RGB [H, W, 3]"
            )
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or min(shape) < 2:
            raise FrameError(
                f"the background's picture is {self.pixels.dtype} {shape}, expected uint8 RGB "
                "[H, W, 3] of at least 2 x 2 pixels"
            )
        number(self.blur, 0, 0.2, "the background's blur")


@dataclass(frozen=True, slots=True)
class Transparent:
    """Alpha 0 in `Renderer.render_rgba`; KEY green in I420, which has no alpha."""


Background = Plain | Gradient | Picture | Transparent


def parse(value: Any, where: str) -> Background:
    """The checked `background` object of avatar.json or a recipe."""
    f = Fields(value, where)
    kind = f.choice("kind", ("plain", "gradient", "transparent"))
    made: Background
    if kind == "plain":
        made = Plain(color(f.take("color"), f"{where}.color"))
    elif kind == "gradient":
        made = Gradient(*(color(f.take(k), f"{where}.{k}") for k in ("top", "bottom", "glow")))
    else:
        made = Transparent()
    f.done()
    return made


def dump(background: Background) -> dict[str, str]:
    """The JSON object that `parse` reads. Raises PackageError for a Picture, which has none."""
    match background:
        case Plain():
            return {"kind": "plain", "color": background.color}
        case Gradient():
            return {
                "kind": "gradient", "top": background.top, "bottom": background.bottom,
                "glow": background.glow,
            }  # fmt: skip
        case Transparent():
            return {"kind": "transparent"}
        case Picture():
            raise PackageError("a picture is set at run time, a package cannot hold one")
