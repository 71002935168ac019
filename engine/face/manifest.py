"""`avatar.json` -> Manifest: every field checked for type, range and spelling; none is guessed."""

import math
import re
from dataclasses import dataclass
from typing import Any

from engine.errors import PackageError
from engine.face.blendshapes import ARKIT
from engine.face.camera import Camera

FORMAT, VERSION = "vivify-avatar", 1
RGB = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Shine:
    """A highlight: strength, and where n . h makes it appear."""

    strength: float
    edge: float
    softness: float


@dataclass(frozen=True, slots=True)
class Material:
    """How one kind of surface is drawn; colours in [0, 1]."""

    name: str
    color: RGB
    shadow: RGB  # tint of the shadow tone
    light: RGB  # direction to the light, view space
    threshold: float
    softness: float
    rim: float
    lift: float
    shine: Shine
    texture: str | None
    flat: bool
    two_sided: bool
    outline: RGB | None  # colour of the outline, None for no outline


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A vertical gradient with a soft glow behind the head."""

    top: RGB
    bottom: RGB
    glow: RGB


@dataclass(frozen=True, slots=True)
class Manifest:
    """The checked content of avatar.json."""

    name: str
    title: str
    attribution: str
    camera: Camera
    pivot: RGB  # about which the head turns, dm
    head_width: float  # dm: the unit of tx, ty, tz
    outline_width: float  # share of the picture's height
    backdrop: Backdrop
    materials: tuple[Material, ...]
    rest: dict[str, float]  # weights added to every motion
    landmarks: dict[str, int]  # name -> vertex

    def texture_names(self) -> set[str]:
        return {m.texture for m in self.materials if m.texture is not None}


class _Fields:
    """One JSON object, read field by field; `done` refuses what was not read."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise PackageError(f"{where} is {type(value).__name__}, expected an object")
        self._left = dict(value)
        self._where = where

    def take(self, key: str) -> Any:
        if key not in self._left:
            raise PackageError(f"{self._where} lacks {key!r}")
        return self._left.pop(key)

    def text(self, key: str, pattern: str = r"[^\x00-\x1f]{1,2000}") -> str:
        value = self.take(key)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise PackageError(
                f"{self._where}.{key} is {value!r:.60}, expected text matching {pattern}"
            )
        return value

    def number(self, key: str, low: float, high: float) -> float:
        return number(self.take(key), low, high, f"{self._where}.{key}")

    def triple(self, key: str, low: float, high: float) -> RGB:
        return triple(self.take(key), low, high, f"{self._where}.{key}")

    def flag(self, key: str) -> bool:
        value = self.take(key)
        if not isinstance(value, bool):
            raise PackageError(f"{self._where}.{key} is {value!r:.60}, expected true or false")
        return value

    def inner(self, key: str) -> "_Fields":
        return _Fields(self.take(key), f"{self._where}.{key}")

    def rest(self) -> dict[str, Any]:
        left, self._left = self._left, {}
        return left

    def done(self) -> None:
        if self._left:
            raise PackageError(f"{self._where} has unknown fields {sorted(self._left)[:5]}")


def number(value: Any, low: float, high: float, where: str) -> float:
    """A finite number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PackageError(f"{where} is {value!r:.60}, expected a number")
    try:
        result = float(value)
    except OverflowError as error:
        raise PackageError(f"{where} is too large for a number") from error
    if not math.isfinite(result) or not low <= result <= high:
        raise PackageError(f"{where} is {result:g}, expected {low:g} to {high:g}")
    return result


def triple(value: Any, low: float, high: float, where: str) -> RGB:
    """Three numbers in [low, high]."""
    if not isinstance(value, list) or len(value) != 3:
        raise PackageError(f"{where} is {value!r:.60}, expected three numbers")
    x, y, z = (number(v, low, high, f"{where}[{i}]") for i, v in enumerate(value))
    return x, y, z


def _camera(f: _Fields) -> Camera:
    camera = Camera(
        height=f.number("height", -100, 100),
        distance=f.number("distance", 1, 1000),
        fov_deg=f.number("fov_deg", 2, 100),
        near=f.number("near", 0.05, 999),
        far=f.number("far", 0.1, 1000),
    )
    f.done()
    if camera.far <= camera.near:
        raise PackageError(f"camera.far {camera.far:g} is not beyond near {camera.near:g}")
    return camera


def _material(value: Any, index: int) -> Material:
    f = _Fields(value, f"materials[{index}]")
    shine = f.inner("shine")
    texture, outline = f.take("texture"), f.take("outline")
    if texture is not None and (
        not isinstance(texture, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", texture)
    ):
        raise PackageError(f"materials[{index}].texture is {texture!r:.60}, expected a plain name")
    light = f.triple("light", -1, 1)
    length = math.hypot(*light)
    if length < 0.1:
        raise PackageError(f"materials[{index}].light has length {length:g}, expected about 1")
    material = Material(
        name=f.text("name", r"[a-z][a-z0-9_]{0,31}"),
        color=f.triple("color", 0, 1),
        shadow=f.triple("shadow", 0, 1),
        light=(light[0] / length, light[1] / length, light[2] / length),
        threshold=f.number("threshold", -2, 2),
        softness=f.number("softness", 0.001, 2),
        rim=f.number("rim", 0, 1),
        lift=f.number("lift", 0, 1),
        shine=Shine(
            shine.number("strength", 0, 1),
            shine.number("edge", -1, 2),
            shine.number("softness", 0.001, 2),
        ),
        texture=texture,
        flat=f.flag("flat"),
        two_sided=f.flag("two_sided"),
        outline=None if outline is None else triple(outline, 0, 1, f"materials[{index}].outline"),
    )
    shine.done()
    f.done()
    return material


def _backdrop(f: _Fields) -> Backdrop:
    backdrop = Backdrop(f.triple("top", 0, 1), f.triple("bottom", 0, 1), f.triple("glow", 0, 1))
    f.done()
    return backdrop


def parse(value: Any) -> Manifest:
    """Check the parsed JSON of avatar.json; raises PackageError naming the field."""
    f = _Fields(value, "avatar.json")
    if f.take("format") != FORMAT:
        raise PackageError(f"avatar.json: format is not {FORMAT!r}: this is no avatar package")
    if (version := f.take("version")) != VERSION:
        raise PackageError(f"avatar.json: version {version!r:.20}, this build reads {VERSION}")
    materials = f.take("materials")
    if not isinstance(materials, list) or not 1 <= len(materials) <= 64:
        raise PackageError("avatar.json: materials must be a list of 1 to 64 objects")
    rest = f.inner("rest").rest()
    if unknown := sorted(set(rest) - set(ARKIT)):
        raise PackageError(f"avatar.json: rest names unknown blendshapes {unknown[:5]}")
    landmarks = f.inner("landmarks").rest()
    for name, vertex in landmarks.items():
        if isinstance(vertex, bool) or not isinstance(vertex, int) or not 0 <= vertex < 65536:
            raise PackageError(f"avatar.json: landmark {name!r:.40} is no vertex number")
    manifest = Manifest(
        name=f.text("name", r"[a-z][a-z0-9_-]{0,31}"),
        title=f.text("title"),
        attribution=f.text("attribution"),
        camera=_camera(f.inner("camera")),
        pivot=f.triple("pivot", -100, 100),
        head_width=f.number("head_width", 0.01, 100),
        outline_width=f.number("outline_width", 0, 0.05),
        backdrop=_backdrop(f.inner("backdrop")),
        materials=tuple(_material(m, i) for i, m in enumerate(materials)),
        rest={k: number(v, -1, 1, f"rest.{k}") for k, v in rest.items()},
        landmarks=landmarks,
    )
    f.done()
    return manifest
