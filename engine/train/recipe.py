"""Recipe: who an avatar is, as a small JSON that people can read, edit and share.

A recipe names identity targets, proportions of the eyes, brows, hair, beard, clothes, things worn,
colours, light and background; `engine.train.avatar.build` turns it into a package. Every field is
checked on reading (PackageError names it), because recipes come from other people too.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.errors import PackageError
from engine.face import background, palette
from engine.face.background import Background, Gradient
from engine.face.blendshapes import ARKIT
from engine.face.fields import NAME, RGB, Fields, direction, number

FORMAT, VERSION = "vivify-recipe", 1
KEY_LIGHT: RGB = (-0.45, 0.48, 0.75)  # from the upper left of the picture
PEOPLES = ("african", "asian", "caucasian")
SPECIES = ("human", "creature")


@dataclass(frozen=True)
class Identity:
    """MakeHuman's macro targets by their meaning, local targets by name.

    A target without `l-` or `r-` that exists only with them moves both sides.
    """

    people: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PEOPLES, 1 / 3))
    gender: float = 0.0  # 0 female, 1 male
    age: float = 25.0  # years, 11 to 80
    weight: float = 0.0  # -1 thin, 1 heavy
    muscle: float = 0.0  # 0 average, 1 strong
    head: float = 1.0  # size of the head above the neck
    muzzle: float = 0.0  # how far nose and mouth stand out as a snout
    targets: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Eyes:
    """Stylisation of the eyes; lengths in dm."""

    growth: float = 0.55  # how much they and their surroundings are enlarged
    iris: float = 0.132  # radius
    pupil: float = 0.46  # share of the iris
    shift: float = 0.0  # of the iris from the middle of the opening, outwards
    wide: float = 0.28  # eyeWide that is part of the rest face
    lash: float = 1.0  # length of the upper lashes
    lower_lash: float = 0.0
    crease: float = 0.5  # fold above the lid
    slit: float = 0.0  # pupil: 0 round, 1 a cat's


@dataclass(frozen=True)
class Brows:
    """Painted brows: (x, y, half width) of the left one from the nose outwards, dm."""

    curve: tuple[tuple[float, float, float], ...] = (
        (0.148, 0.302, 0.019), (0.25, 0.322, 0.029), (0.37, 0.339, 0.029),
        (0.50, 0.330, 0.020), (0.61, 0.284, 0.006),
    )  # fmt: skip
    thickness: float = 1.0
    hairy: float = 0.0  # 0 one soft stroke, 1 single hairs


@dataclass(frozen=True)
class Skin:
    """What is painted on the skin, each from 0 (none) to 1."""

    blush: float = 0.34
    lips: float = 0.5  # tint of the lips
    relief: float = 0.8  # soft shade of sockets, nose and chin
    shine: float = 0.5  # soft light on nose, cheeks and forehead
    nose: float = 0.75  # nostrils and the edge of the wings
    freckles: float = 0.0
    wrinkles: float = 0.0
    stubble: float = 0.0
    mole: float = 0.0
    pattern: str = "none"  # fur and the like: engine.train.pattern.PATTERNS


@dataclass(frozen=True)
class Hair:
    """A cut by name (engine.train.hairdo.HAIRDOS; "none" for bald) and how it is worn."""

    cut: str = "bob"
    length: float = 1.0
    volume: float = 1.0
    curl: float = 0.0
    part: float = 1.0  # side of the parting: 1 the subject's left, -1 right
    seed: int = 4


@dataclass(frozen=True)
class Beard:
    """engine.train.beard.BEARDS; "none"."""

    cut: str = "none"
    length: float = 1.0


@dataclass(frozen=True)
class Clothes:
    """engine.train.clothes.GARMENTS."""

    cut: str = "shirt"
    height: float = 0.0  # dm by which the neckline is raised


@dataclass(frozen=True)
class Recipe:
    """One avatar."""

    name: str
    title: str
    species: str = "human"
    identity: Identity = field(default_factory=Identity)
    eyes: Eyes = field(default_factory=Eyes)
    brows: Brows = field(default_factory=Brows)
    skin: Skin = field(default_factory=Skin)
    hair: Hair = field(default_factory=Hair)
    beard: Beard = field(default_factory=Beard)
    clothes: Clothes = field(default_factory=Clothes)
    wears: tuple[str, ...] = ()  # engine.train.wear.WEARABLES: glasses, earrings, ears ...
    palette: dict[str, str] = field(default_factory=dict)
    light: RGB = KEY_LIGHT
    background: Background = Gradient("#cfe3ee", "#f3d9c9", "#fdf3e7")
    smile: float = 0.3  # mouthSmile that is part of the rest face
    rest: dict[str, float] = field(default_factory=lambda: {"browInnerUp": 0.05})


# Numbers of a part: name -> (lowest, highest). What the sliders of make_avatar offer.
RANGES: dict[type, dict[str, tuple[float, float]]] = {
    Identity: {"gender": (0, 1), "age": (11, 80), "weight": (-1, 1), "muscle": (0, 1),
               "head": (0.85, 1.25), "muzzle": (0, 1)},
    Eyes: {"growth": (0, 0.9), "iris": (0.08, 0.19), "pupil": (0.2, 0.8), "shift": (-0.06, 0.06),
           "wide": (0, 0.8), "lash": (0, 1.6), "lower_lash": (0, 1), "crease": (0, 1),
           "slit": (0, 1)},
    Brows: {"thickness": (0, 2.5), "hairy": (0, 1)},
    Skin: {"blush": (0, 1), "lips": (0, 1), "relief": (0, 1), "shine": (0, 1), "nose": (0, 1),
           "freckles": (0, 1), "wrinkles": (0, 1), "stubble": (0, 1), "mole": (0, 1)},
    Hair: {"length": (0.3, 2), "volume": (0.3, 2), "curl": (0, 1), "part": (-1, 1),
           "seed": (0, 999)},
    Beard: {"length": (0.3, 2)},
    Clothes: {"height": (-0.3, 0.3)},
}  # fmt: skip
TEXTS: dict[type, tuple[str, ...]] = {
    Hair: ("cut",), Beard: ("cut",), Clothes: ("cut",), Skin: ("pattern",)
}  # fmt: skip
PARTS: dict[str, type] = {
    "identity": Identity, "eyes": Eyes, "brows": Brows, "skin": Skin, "hair": Hair,
    "beard": Beard, "clothes": Clothes,
}  # fmt: skip


def _part(kind: type, value: Any, where: str) -> Any:
    """One part; what it lacks keeps its default."""
    f = Fields(value, where)
    made: dict[str, Any] = {}
    for name, (low, high) in RANGES[kind].items():
        if name in f:
            found = f.number(name, low, high)
            made[name] = int(found) if name == "seed" else found
    for name in TEXTS.get(kind, ()):
        if name in f:
            made[name] = f.text(name, NAME)
    if kind is Identity:
        if "people" in f:
            made["people"] = f.numbers("people", 0, 1, PEOPLES)
        if "targets" in f:
            made["targets"] = f.numbers("targets", -2, 2)
    if kind is Brows and "curve" in f:
        rows = [f"{where}.curve[{i}]" for i in range(8)]
        made["curve"] = tuple(
            _knot(row, at) for row, at in zip(f.rows("curve", 3, 8), rows, strict=False)
        )
    f.done()
    return kind(**made)


def _knot(value: Any, where: str) -> tuple[float, float, float]:
    if not isinstance(value, list) or len(value) != 3:
        raise PackageError(f"{where} is {value!r:.60}, expected three numbers")
    x, y, w = (number(v, low, high, where)
               for v, low, high in zip(value, (0, -0.5, 0), (1, 1, 0.2), strict=True))  # fmt: skip
    return x, y, w


def parse(value: Any) -> Recipe:
    """Check the parsed JSON of a recipe; raises PackageError naming the field."""
    f = Fields(value, "recipe")
    if f.take("format") != FORMAT:
        raise PackageError(f"recipe: format is not {FORMAT!r}: this is no recipe")
    if (version := f.take("version")) != VERSION:
        raise PackageError(f"recipe: version {version!r:.20}, this build reads {VERSION}")
    made: dict[str, Any] = {
        "name": f.text("name", r"[a-z][a-z0-9_-]{0,31}"), "title": f.text("title"),
    }  # fmt: skip
    if "species" in f:
        made["species"] = f.choice("species", SPECIES)
    for name, kind in PARTS.items():
        if name in f:
            made[name] = _part(kind, f.take(name), f"recipe.{name}")
    if "wears" in f:
        wears = f.rows("wears", 0, 8)
        if not all(isinstance(w, str) and w.isidentifier() for w in wears):
            raise PackageError(f"recipe.wears is {wears!r:.80}, expected a list of names")
        made["wears"] = tuple(wears)
    if "palette" in f:
        made["palette"] = palette.parse(f.inner("palette"))
    if "light" in f:
        made["light"] = direction(f.take("light"), "recipe.light")
    if "background" in f:
        made["background"] = background.parse(f.take("background"), "recipe.background")
    if "smile" in f:
        made["smile"] = f.number("smile", 0, 0.6)
    if "rest" in f:
        made["rest"] = f.numbers("rest", -1, 1, ARKIT)
    f.done()
    return Recipe(**made)


def dump(recipe: Recipe) -> dict[str, Any]:
    """The JSON object of a recipe: what equals a default is left out."""
    plain = Recipe(recipe.name, recipe.title)
    out: dict[str, Any] = {
        "format": FORMAT, "version": VERSION, "name": recipe.name, "title": recipe.title,
    }  # fmt: skip
    if recipe.species != plain.species:
        out["species"] = recipe.species
    for name, kind in PARTS.items():
        default = asdict(kind())
        part = {k: v for k, v in asdict(getattr(recipe, name)).items() if v != default[k]}
        if part:
            out[name] = part
    for name in ("wears", "palette", "smile", "rest"):
        if getattr(recipe, name) != getattr(plain, name):
            out[name] = getattr(recipe, name)
    if recipe.light != plain.light:
        out["light"] = [round(x, 4) for x in recipe.light]
    out["background"] = background.dump(recipe.background)
    return out


def text(recipe: Recipe) -> str:
    """The recipe as JSON for people."""
    return json.dumps(dump(recipe), indent=1) + "\n"


def renamed(recipe: Recipe, name: str, title: str) -> Recipe:
    """The same face under another name."""
    return replace(recipe, name=name, title=title)
