"""What a guest wants of a picture while it runs, out of a message, checked: what draws it, light,
line, colours, background. The mark of a likeness is not the guest's to take off."""

from dataclasses import dataclass, field, replace
from typing import Any

from engine.face import background, palette
from engine.face.background import Background, Picture
from engine.face.fields import RGB, Fields, direction
from engine.frames import U8
from engine.render.setting import LOOKS as DRAWN
from engine.render.setting import Setting

LOOKS = ("skin", "hair", "iris", "cloth")  # colours that the page offers
BLUR = (0.0, 0.1)  # share of the height


@dataclass(frozen=True, slots=True)
class Look:
    """Overrides of an avatar's look; None and empty change nothing."""

    avatar: str = ""  # whose palette it is; the one that is worn
    light: RGB | None = None
    outline: float = 1.0
    palette: dict[str, str] = field(default_factory=dict)
    behind: Background | None = None
    blur: float | None = None  # of the guest's own picture, where that lies behind
    drawn: str = "auto"  # by what, of engine.render.setting.LOOKS

    def over(self, default: Setting, picture: U8 | None) -> Setting:
        """`default`: the server's setting; `picture`: what the guest has uploaded, if anything."""
        behind = self.behind or default.background
        if self.blur is not None and picture is not None:
            behind = Picture(picture, self.blur)
        return replace(
            default,
            light=self.light or default.light,
            palette={**default.palette, **self.palette},
            outline=default.outline * self.outline,
            background=behind,
            look=default.look if self.drawn == "auto" else self.drawn,
        )


def read(value: Any) -> Look:
    """{"avatar"?, "drawn"?, "light"?, "outline"?, "palette"?, "background"?}; the background is
    one of a package, or {"kind": "own"} or {"kind": "picture", "blur"}. Raises PackageError for a
    bad field, FrameError for what cannot be drawn."""
    f = Fields(value, "look")
    avatar = f.text("avatar", r"[^\x00-\x1f]{0,100}") if "avatar" in f else ""
    drawn = f.choice("drawn", DRAWN) if "drawn" in f else "auto"
    light = direction(f.take("light"), "look.light") if "light" in f else None
    outline = f.number("outline", 0, 3) if "outline" in f else 1.0
    colors = palette.parse(f.inner("palette"), most=32) if "palette" in f else {}
    behind, blur = _behind(f.take("background")) if "background" in f else (None, None)
    f.done()
    look = Look(avatar, light, outline, colors, behind, blur, drawn)
    look.over(Setting(), None)  # refuses colours that nothing has
    return look


def _behind(value: Any) -> tuple[Background | None, float | None]:
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind not in ("own", "picture"):
        return background.parse(value, "look.background"), None
    f = Fields(value, "look.background")
    f.take("kind")
    blur = f.number("blur", *BLUR) if kind == "picture" else None
    f.done()
    return None, blur
