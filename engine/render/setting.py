"""What a user may change of a picture while it runs: light, colours, line, background."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import FrameError
from engine.face.background import Background
from engine.face.fields import RGB, color
from engine.face.palette import derived


def _directed(light: RGB) -> bool:
    try:
        return len(light) == 3 and 0.1 <= math.hypot(*light) <= 100
    except TypeError:
        return False


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
        if self.light is not None and not _directed(self.light):
            raise FrameError(
                f"the light {self.light!r:.80} has no direction, expected three numbers of about "
                "length 1 together"
            )
        if not isinstance(self.outline, int | float) or not 0 <= self.outline <= 3:
            raise FrameError(f"outline is {self.outline!r:.40}, expected 0 (none) to 3 (bold)")
        if self.background is not None and not isinstance(self.background, Background):
            raise FrameError(
                f"the background is {type(self.background).__name__}, expected Plain, Gradient, "
                "Picture or Transparent of engine.face.background"
            )
        known = derived({})
        for name, value in self.palette.items():
            if name not in known:
                raise FrameError(f"no colour {name!r}, choose from: {', '.join(sorted(known))}")
            color(value, f"palette.{name}")

    def colors(self, package_palette: Mapping[str, str]) -> dict[str, RGB]:
        """All colours by name: the package's with these overrides, the rest derived."""
        return derived({**package_palette, **self.palette})
