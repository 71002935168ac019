"""`avatar.json` -> Manifest: every field checked for type, range and spelling; none is guessed."""

import re
from dataclasses import dataclass
from typing import Any

from engine.errors import PackageError
from engine.face import background, likeness, palette
from engine.face.background import Background
from engine.face.blendshapes import ARKIT
from engine.face.camera import Camera
from engine.face.fields import NAME, RGB, Fields, direction
from engine.face.likeness import Likeness

FORMAT, VERSION = "vivify-avatar", 2
MATERIALS = 32  # most a package may have
CORRECTIVES = 32
BLENDS = ("over", "multiply")
LAYERS = 24  # of one texture
LANDMARKS = (  # that a package must name: vertices by which motion is measured
    "lip_upper_inner", "lip_lower_inner", "mouth_corner_left", "mouth_corner_right",
    "eye_outer_left", "eye_outer_right", "eye_inner_left", "eye_inner_right",
    "lid_upper_left", "lid_upper_right", "lid_lower_left", "lid_lower_right", "nose_tip", "chin",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shine:
    """A highlight: strength, and where n . h makes it appear."""

    strength: float
    edge: float
    softness: float


@dataclass(frozen=True, slots=True)
class Material:
    """How one kind of surface is drawn; colours are names of the palette."""

    name: str
    color: str
    shadow: str  # what the colour becomes in shadow
    texture: str | None
    light: RGB | None  # direction to its own light, view space; None: the avatar's
    threshold: float
    softness: float
    rim: float
    lift: float
    shine: Shine
    flat: bool
    two_sided: bool
    outline: str | None  # colour of the outline, None for no outline
    ambient: float  # how much of the baked occlusion is shown
    casts: bool  # contact shadows on what lies behind
    receives: float  # how dark they are on this; 1: it casts only on what follows the head less
    strand: bool = False  # its highlight is a band across strands that run along v


@dataclass(frozen=True, slots=True)
class Layer:
    """One ink of a texture: a palette colour spread by a mask."""

    ink: str
    mask: str  # name of a grey PNG
    blend: str  # "over" or "multiply"


@dataclass(frozen=True, slots=True)
class Texture:
    """Either a picture, or inks over a base colour: those follow the palette."""

    picture: str | None  # name of an RGB PNG
    base: str | None
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Spring:
    """How loose hair follows the head (engine.face.swing)."""

    frequency: float  # Hz, undamped
    damping: float  # 1 = critical
    reach: float  # degrees of lag per (100 degrees per second) of head turn, at rest length


@dataclass(frozen=True, slots=True)
class Manifest:
    """The checked content of avatar.json."""

    name: str
    title: str
    attribution: str
    camera: Camera
    pivot: RGB  # about which the head turns, dm
    head_width: float  # dm: the unit of tx, ty, tz
    outline_width: float  # share of the picture's shorter side
    light: RGB  # unit vector to the key light, view space
    background: Background
    palette: dict[str, str]  # chosen colours; the others are derived
    textures: dict[str, Texture]
    materials: tuple[Material, ...]
    spring: Spring
    correctives: tuple[tuple[str, ...], ...]  # shapes 52...: weight = product of these shapes'
    rest: dict[str, float]  # weights added to every motion
    landmarks: dict[str, int]  # name -> vertex
    likeness: Likeness | None = None  # None: a drawn character

    def masks(self) -> set[str]:
        """Names of the grey PNGs."""
        return {layer.mask for t in self.textures.values() for layer in t.layers}

    def pictures(self) -> set[str]:
        """Names of the RGB PNGs."""
        return {t.picture for t in self.textures.values() if t.picture is not None}


def _camera(f: Fields) -> Camera:
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
    f = Fields(value, f"materials[{index}]")
    shine = f.inner("shine")
    texture, outline, light = f.take("texture"), f.take("outline"), f.take("light")
    for field, name in (("texture", texture), ("outline", outline)):
        if name is not None and not (isinstance(name, str) and re.fullmatch(NAME, name)):
            raise PackageError(f"{f.where}.{field} is {name!r:.60}, expected a plain name or null")
    material = Material(
        name=f.text("name", NAME),
        color=f.text("color", NAME),
        shadow=f.text("shadow", NAME),
        texture=texture,
        light=None if light is None else direction(light, f"{f.where}.light"),
        threshold=f.number("threshold", -2, 2),
        softness=f.number("softness", 0.001, 2),
        rim=f.number("rim", 0, 1),
        lift=f.number("lift", 0, 1),
        shine=Shine(
            shine.number("strength", 0, 1),
            shine.number("edge", -1, 2),
            shine.number("softness", 0.001, 2),
        ),
        flat=f.flag("flat"),
        two_sided=f.flag("two_sided"),
        outline=outline,
        ambient=f.number("ambient", 0, 1),
        casts=f.flag("casts"),
        receives=f.number("receives", 0, 1),
        strand=f.flag("strand") if "strand" in f else False,
    )
    shine.done()
    f.done()
    return material


def _texture(value: Any, where: str) -> Texture:
    f = Fields(value, where)
    if "picture" in f:
        made = Texture(f.text("picture", NAME), None, ())
    else:
        base, layers = f.text("base", NAME), []
        for row in f.rows("layers", 0, LAYERS):
            layer = Fields(row, f"{where}.layers")
            layers.append(
                Layer(layer.text("ink", NAME), layer.text("mask", NAME),
                      layer.choice("blend", BLENDS))
            )  # fmt: skip
            layer.done()
        made = Texture(None, base, tuple(layers))
    f.done()
    return made


def _spring(f: Fields) -> Spring:
    spring = Spring(
        f.number("frequency", 0.2, 20), f.number("damping", 0.05, 4), f.number("reach", 0, 40)
    )
    f.done()
    return spring


def _correctives(f: Fields) -> tuple[tuple[str, ...], ...]:
    found = []
    for row in f.rows("correctives", 0, CORRECTIVES):
        named = isinstance(row, list) and all(isinstance(n, str) and n in ARKIT for n in row)
        if not named or not 2 <= len(row) <= 3:
            raise PackageError(
                f"avatar.json: corrective {row!r:.80} is no list of two or three blendshape names"
            )
        found.append(tuple(row))
    return tuple(found)


def _known(manifest: Manifest) -> Manifest:
    """The same manifest, if all it refers to exists."""
    colors = set(palette.derived(manifest.palette))
    names = [m.name for m in manifest.materials]
    if doubled := sorted({n for n in names if names.count(n) > 1}):
        raise PackageError(f"avatar.json: two materials are called {doubled}: name them apart")
    if missing := set(LANDMARKS) - set(manifest.landmarks):
        raise PackageError(f"avatar.json: landmarks lack {sorted(missing)[:5]}")
    for m in manifest.materials:
        if m.texture is not None and m.texture not in manifest.textures:
            raise PackageError(f"avatar.json: material {m.name} has no texture {m.texture!r}")
        if missing := {m.color, m.shadow, m.outline or m.color} - colors:
            raise PackageError(f"avatar.json: material {m.name}: no colour {sorted(missing)}")
    for name, t in manifest.textures.items():
        if missing := ({layer.ink for layer in t.layers} | {t.base or "white"}) - colors:
            raise PackageError(f"avatar.json: texture {name}: no colour {sorted(missing)}")
    return manifest


def parse(value: Any) -> Manifest:
    """Check the parsed JSON of avatar.json; raises PackageError naming the field."""
    f = Fields(value, "avatar.json")
    if f.take("format") != FORMAT:
        raise PackageError(f"avatar.json: format is not {FORMAT!r}: this is no avatar package")
    if (version := f.take("version")) != VERSION:
        raise PackageError(f"avatar.json: version {version!r:.20}, this build reads {VERSION}")
    materials = f.rows("materials", 1, MATERIALS)
    textures = f.inner("textures").rest()
    if len(textures) > 16 or any(not re.fullmatch(NAME, str(name)) for name in textures):
        raise PackageError("avatar.json: textures must be at most 16, with plain names")
    landmarks = f.inner("landmarks").rest()
    if len(landmarks) > 64 or any(not re.fullmatch(NAME, name) for name in landmarks):
        raise PackageError("avatar.json: landmarks must be at most 64, with plain names")
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
        light=direction(f.take("light"), "avatar.json.light"),
        background=background.parse(f.take("background"), "avatar.json.background"),
        palette=palette.parse(f.inner("palette")),
        textures={k: _texture(v, f"avatar.json.textures.{k}") for k, v in textures.items()},
        materials=tuple(_material(m, i) for i, m in enumerate(materials)),
        spring=_spring(f.inner("spring")),
        correctives=_correctives(f),
        rest=f.numbers("rest", -1, 1, ARKIT),
        landmarks=landmarks,
        likeness=likeness.parse(f.inner("likeness")) if "likeness" in f else None,
    )
    f.done()
    return _known(manifest)
