"""What a user may change of a picture while it runs: light, colours, line, background."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import FrameError
from engine.face.background import Background
from engine.face.fields import RGB, color
from engine.face.palette import derived


@dataclass(frozen=True, slots=True)
class Setting:
    """Overrides of a package's look; the defaults change nothing.

    Raises FrameError for a light without direction, an outline outside [0, 3] or an unknown
    colour name, PackageError for a colour that is not '#rrggbb'.
    """

    light: RGB | None = None  # direction to the key light: +x right, +y up, +z to the viewer
    palette: Mapping[str, str] = field(default_factory=dict)  # names: engine.face.palette
    outline: float = 1.0  # factor on the lines' width, 0 for none
    background: Background | None = None

    def __post_init__(self) -> None:
        if self.light is not None and not 0.1 <= math.hypot(*self.light) < math.inf:
            raise FrameError(f"the light {self.light} has no direction, expected about length 1")
        if not 0 <= self.outline <= 3:
            raise FrameError(f"outline is {self.outline:g}, expected 0 (none) to 3 (bold)")
        known = derived({})
        for name, value in self.palette.items():
            if name not in known:
                raise FrameError(f"no colour {name!r}, choose from: {', '.join(sorted(known))}")
            color(value, f"palette.{name}")

    def colors(self, package_palette: Mapping[str, str]) -> dict[str, RGB]:
        """All colours by name: the package's with these overrides, the rest derived."""
        return derived({**package_palette, **self.palette})
