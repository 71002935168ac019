"""What a user may change of a picture while it runs: what draws it, light, colours, line,
background, mark."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import FrameError
from engine.face.background import Background
from engine.face.fields import RGB, color
from engine.face.palette import derived

LOOKS = ("auto", "toon", "neural")


def _directed(light: Any) -> RGB:
    """Three numbers that have a direction."""
    try:
        x, y, z = (float(c) for c in light if not isinstance(c, str))
    except (TypeError, ValueError, OverflowError):
        x = y = z = 0.0
    if not 0.1 <= math.hypot(x, y, z) <= 100:
        raise FrameError(
            f"the light {light!r:.80} has no direction, expected three numbers of about length 1 "
            "together"
        )
    return x, y, z


@dataclass(frozen=True, slots=True)
class Setting:
    """Overrides of a package's look; the defaults change nothing.

    A neural look has light, colours and lines as it was trained: `light`, `palette` and `outline`
    reach the toon only, the one that stands in for it too. `background` reaches a neural look
    unless it was trained to see what lies behind (Avatar.settled).

    Raises FrameError for an unknown look, a light without direction, an outline outside [0, 3], an
    unknown colour name or a value of another type, PackageError for a colour that is not
    '#rrggbb'.
    """

    light: RGB | None = None  # direction to the key light: +x right, +y up, +z to the viewer
    palette: Mapping[str, str] = field(default_factory=dict)  # names: engine.face.palette
    outline: float = 1.0  # factor on the lines' width, 0 for none
    background: Background | None = None
    look: str = "auto"  # of LOOKS; auto: what the package prefers
    mark: bool = True  # False: no badge on the likeness of a person, see engine.render.mark

    def __post_init__(self) -> None:
        if self.look not in LOOKS:
            raise FrameError(f"look is {self.look!r:.40}, expected one of {', '.join(LOOKS)}")
        if not isinstance(self.mark, bool):
            raise FrameError(f"mark is {self.mark!r:.40}, expected True or False")
        if self.light is not None:
            object.__setattr__(self, "light", _directed(self.light))
        if not isinstance(self.outline, int | float) or not 0 <= self.outline <= 3:
            raise FrameError(f"outline is {self.outline!r:.40}, expected 0 (none) to 3 (bold)")
        if self.background is not None and not isinstance(self.background, Background):
            raise FrameError(
                f"the background is {type(self.background).__name__}, expected Plain, Gradient, "
                "Picture or Transparent of engine.face.background"
            )
        if not isinstance(self.palette, Mapping):
            raise FrameError(
                f"the palette is {type(self.palette).__name__}, expected names and colours like "
                "{'hair': '#5b3a2c'}"
            )
        # A copy: what its owner does to it later must not change pictures half way.
        object.__setattr__(self, "palette", dict(self.palette))
        known = derived({})
        for name, value in self.palette.items():
            if name not in known:
                raise FrameError(f"no colour {name!r}, choose from: {', '.join(sorted(known))}")
            color(value, f"palette.{name}")

    def colors(self, package_palette: Mapping[str, str]) -> dict[str, RGB]:
        """All colours by name: the package's with these overrides, the rest derived."""
        return derived({**package_palette, **self.palette})
