"""What a person may turn when making an avatar: the sliders, choices and colours of a recipe.

Contract: `groups` reads the ranges of engine.train.recipe and the registries of cuts, garments and
wearables when it is called, so whatever they gain appears by itself, in the group of its part.
Everything returned is plain JSON.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.face.palette import code, derived
from engine.train import recipe
from engine.train.beard import BEARDS
from engine.train.clay import Clay
from engine.train.clothes import GARMENTS
from engine.train.hairdo import HAIRDOS
from engine.train.paint import PATTERNS
from engine.train.recipe import PARTS, PEOPLES, RANGES, TEXTS
from engine.train.wear import PLACES, WEARABLES

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two opposite identity targets as one slider; `low` is empty where there is only one."""

    label: str
    low: str
    high: str
    ends: tuple[str, str]
    most: float = 1.0


# The parts of a recipe by the group they are shown in.
HOME = {"identity": "face", "eyes": "eyes", "brows": "brows", "skin": "skin", "hair": "hair",
        "beard": "beard", "clothes": "clothes"}  # fmt: skip
TITLES = {
    "face": "Face", "eyes": "Eyes", "nose": "Nose", "mouth": "Mouth", "brows": "Brows",
    "skin": "Skin", "hair": "Hair", "beard": "Beard", "clothes": "Clothes", "wear": "Wear",
    "colors": "Colours", "light": "Light & background",
}  # fmt: skip
# Field -> label, and what its two ends look like.
LABELS: dict[str, tuple[str, str, str]] = {
    "identity.gender": ("Sex", "feminine", "masculine"),
    "identity.age": ("Age", "11", "80"),
    "identity.weight": ("Weight", "thin", "heavy"),
    "identity.muscle": ("Muscle", "slim", "strong"),
    "identity.head": ("Head size", "small", "large"),
    "identity.muzzle": ("Muzzle", "none", "a snout"),
    "eyes.growth": ("Stylised size", "natural", "huge"),
    "eyes.iris": ("Iris", "small", "large"),
    "eyes.pupil": ("Pupil", "narrow", "wide"),
    "eyes.shift": ("Gaze", "inwards", "outwards"),
    "eyes.wide": ("Openness", "relaxed", "wide"),
    "eyes.lash": ("Lashes", "none", "long"),
    "eyes.lower_lash": ("Lower lashes", "none", "clear"),
    "eyes.crease": ("Lid crease", "none", "deep"),
    "eyes.slit": ("Pupil shape", "round", "slit"),
    "brows.thickness": ("Thickness", "none", "bushy"),
    "brows.hairy": ("Strokes", "smooth", "single hairs"),
    "skin.blush": ("Blush", "none", "rosy"),
    "skin.lips": ("Lip colour", "bare", "full"),
    "skin.freckles": ("Freckles", "none", "many"),
    "skin.wrinkles": ("Wrinkles", "none", "deep"),
    "skin.stubble": ("Stubble", "shaved", "dark"),
    "skin.mole": ("Beauty mark", "none", "clear"),
    "skin.relief": ("Soft forms", "flat", "carved"),
    "skin.shine": ("Soft light", "matte", "dewy"),
    "skin.nose": ("Nose line", "faint", "clear"),
    "hair.length": ("Length", "short", "long"),
    "hair.volume": ("Volume", "flat", "full"),
    "hair.curl": ("Curl", "straight", "curly"),
    "hair.part": ("Parting", "right", "left"),
    "hair.seed": ("Strands", "", ""),
    "beard.length": ("Length", "short", "long"),
    "clothes.height": ("Neckline", "low", "high"),
    "smile": ("Resting smile", "serious", "smiling"),
}
PAIRS: dict[str, tuple[_Pair, ...]] = {
    "face": (
        _Pair("Round", "", "head-round", ("", "")),
        _Pair("Square", "", "head-square", ("", "")),
        _Pair("Oval", "", "head-oval", ("", "")),
        _Pair("Heart-shaped", "", "head-invertedtriangular", ("", "")),
        _Pair("Width", "head-scale-horiz-decr", "head-scale-horiz-incr", ("narrow", "wide")),
        _Pair("Height", "head-scale-vert-decr", "head-scale-vert-incr", ("low", "high")),
        _Pair("Fullness", "head-fat-decr", "head-fat-incr", ("lean", "full")),
        _Pair("Youthfulness", "head-age-incr", "head-age-decr", ("aged", "youthful")),
        _Pair("Forehead", "forehead-scale-vert-decr", "forehead-scale-vert-incr", ("low", "high")),
        _Pair("Cheekbones", "cheek-bones-decr", "cheek-bones-incr", ("soft", "marked")),
        _Pair("Cheeks", "cheek-volume-decr", "cheek-volume-incr", ("hollow", "full")),
        _Pair("Jaw corners", "chin-bones-decr", "chin-bones-incr", ("soft", "marked")),
        _Pair("Chin width", "chin-width-decr", "chin-width-incr", ("pointed", "broad")),
        _Pair("Chin height", "chin-height-decr", "chin-height-incr", ("short", "long")),
        _Pair("Chin", "chin-prominent-decr", "chin-prominent-incr", ("receding", "prominent")),
        _Pair("Chin cleft", "chin-cleft-decr", "chin-cleft-incr", ("smooth", "cleft")),
        _Pair("Neck", "neck-scale-horiz-decr", "neck-scale-horiz-incr", ("slender", "broad")),
        _Pair("Ears", "ear-scale-decr", "ear-scale-incr", ("small", "large")),
        _Pair("Ears stand out", "ear-wing-decr", "ear-wing-incr", ("close", "out")),
        _Pair("Pointed ears", "", "ear-shape-pointed", ("", "")),
    ),
    "eyes": (
        _Pair("Size", "eye-scale-decr", "eye-scale-incr", ("small", "large")),
        _Pair("Upper lid", "eye-height1-decr", "eye-height1-incr", ("low", "high")),
        _Pair("Lower lid", "eye-height2-incr", "eye-height2-decr", ("low", "high")),
        _Pair("Distance", "eye-trans-in", "eye-trans-out", ("close", "apart")),
        _Pair("Height", "eye-trans-down", "eye-trans-up", ("low", "high")),
        _Pair("Outer corners", "eye-corner1-down", "eye-corner1-up", ("down", "up"), 1.5),
        _Pair("Inner corners", "eye-corner2-down", "eye-corner2-up", ("down", "up"), 1.5),
        _Pair("Inner fold", "eye-epicanthus-out", "eye-epicanthus-in", ("open", "folded")),
        _Pair("Lid fold", "eye-eyefold-down", "eye-eyefold-up", ("hooded", "high")),
        _Pair("Bags", "eye-bag-decr", "eye-bag-incr", ("smooth", "marked")),
    ),
    "nose": (
        _Pair("Width", "nose-scale-horiz-decr", "nose-scale-horiz-incr", ("narrow", "wide")),
        _Pair("Length", "nose-scale-vert-decr", "nose-scale-vert-incr", ("short", "long")),
        _Pair("Depth", "nose-scale-depth-decr", "nose-scale-depth-incr", ("flat", "deep")),
        _Pair("Height", "nose-trans-down", "nose-trans-up", ("low", "high")),
        _Pair("Bridge", "nose-hump-decr", "nose-hump-incr", ("scooped", "hooked")),
        _Pair("Profile", "nose-curve-concave", "nose-curve-convex", ("concave", "convex")),
        _Pair("Root", "nose-width1-decr", "nose-width1-incr", ("narrow", "wide")),
        _Pair("Bridge width", "nose-width2-decr", "nose-width2-incr", ("narrow", "wide")),
        _Pair("Tip", "nose-point-down", "nose-point-up", ("down", "up")),
        _Pair("Tip width", "nose-point-width-decr", "nose-point-width-incr", ("fine", "round")),
        _Pair("Nostrils", "nose-nostrils-width-decr", "nose-nostrils-width-incr",
              ("narrow", "wide")),
        _Pair("Wings", "nose-flaring-decr", "nose-flaring-incr", ("fine", "flared")),
    ),
    "mouth": (
        _Pair("Width", "mouth-scale-horiz-decr", "mouth-scale-horiz-incr", ("narrow", "wide")),
        _Pair("Corners", "mouth-angles-down", "mouth-angles-up", ("down", "up"), 1.5),
        _Pair("Upper lip", "mouth-upperlip-volume-decr", "mouth-upperlip-volume-incr",
              ("thin", "full")),
        _Pair("Lower lip", "mouth-lowerlip-volume-decr", "mouth-lowerlip-volume-incr",
              ("thin", "full")),
        _Pair("Upper lip height", "mouth-upperlip-height-decr", "mouth-upperlip-height-incr",
              ("low", "high")),
        _Pair("Lower lip height", "mouth-lowerlip-height-decr", "mouth-lowerlip-height-incr",
              ("low", "high")),
        _Pair("Cupid's bow", "mouth-cupidsbow-decr", "mouth-cupidsbow-incr", ("flat", "marked")),
        _Pair("Height", "mouth-trans-down", "mouth-trans-up", ("low", "high")),
        _Pair("Forward", "mouth-scale-depth-decr", "mouth-scale-depth-incr", ("back", "forward")),
        _Pair("Philtrum", "mouth-philtrum-volume-decr", "mouth-philtrum-volume-incr",
              ("smooth", "marked")),
        _Pair("Dimples", "mouth-dimples-out", "mouth-dimples-in", ("none", "deep")),
    ),
    "brows": (
        _Pair("Brow ridge", "eyebrows-trans-backward", "eyebrows-trans-forward",
              ("flat", "strong")),
    ),
}  # fmt: skip
COLORS = {
    "skin": "Skin", "lips": "Lips", "blush": "Blush", "hair": "Hair", "hair_light": "Hair light",
    "brow": "Brows", "beard": "Beard", "iris": "Eyes", "cloth": "Clothes", "trim": "Trim",
    "accent": "Jewellery", "frame": "Glasses",
}  # fmt: skip
SWATCHES = {
    "skin": ("#fbe0cd", "#f7cfb2", "#efbf9a", "#dca67c", "#c68a5e", "#a76d47", "#84512f", "#5f3a26",
             "#e98a3c", "#8fb8c9", "#a9c98f", "#c3a6dd"),
    "hair": ("#1f1a1f", "#3b2419", "#5b3a2c", "#8a5a36", "#b9793f", "#d9b06a", "#efdcae", "#a8432f",
             "#d9d6d8", "#8d8f96", "#e58aa8", "#4d7fc4"),
    "iris": ("#4a2c1c", "#7a4a2a", "#b07a35", "#6a7f3f", "#3f9a8f", "#5a85ad", "#4a7ec2", "#7c8794",
             "#8a63b8", "#c8932a"),
    "cloth": ("#3d6fb4", "#2f7a6b", "#7b3f62", "#8d2f2b", "#e0a526", "#394457", "#f2f0ee",
              "#2a2d33", "#46b8a6", "#c9657f"),
}  # fmt: skip


def groups(clay: Clay) -> list[Json]:
    """Every group in order: {"id", "title", "dials": [...]}, each dial with its kind and place."""
    shown: dict[str, list[Json]] = {name: [] for name in TITLES}
    shown["face"].append({"kind": "mix", "path": "identity.people", "label": "Descent",
                          "names": {p: n for p, n in zip(PEOPLES, ("African", "Asian", "European"),
                                                         strict=True)}})  # fmt: skip
    shown["mouth"].append(_number("smile", 0, 0.6, recipe.Recipe("x", "x").smile))
    for part, kind in PARTS.items():
        default = kind()
        for name in TEXTS.get(kind, ()):
            options = _options(f"{part}.{name}")
            shown[HOME[part]].append({"kind": "choice", "path": f"{part}.{name}",
                                      "label": _words(name).capitalize(), "options": options,
                                      "default": getattr(default, name)})  # fmt: skip
        for name, (low, high) in RANGES[kind].items():
            dial = _number(f"{part}.{name}", low, high, getattr(default, name))
            shown[HOME[part]].append(dial)
    for group, pairs in PAIRS.items():
        shown[group] += [_pair(p) for p in pairs if _known(clay, p)]
    shown["brows"] += _brow_line()
    shown["wear"].append({"kind": "many", "path": "wears", "label": "Wears", "most": 8,
                          "options": _options("wears")})  # fmt: skip
    shown["colors"] += [
        {"kind": "color", "path": f"palette.{name}", "label": label,
         "swatches": list(SWATCHES.get(name, ()))} for name, label in COLORS.items()
    ]  # fmt: skip
    shown["light"] += [
        {"kind": "light", "path": "light", "label": "Key light", "default": list(recipe.KEY_LIGHT)},
        {"kind": "background", "path": "background", "label": "Background"},
    ]
    return [{"id": name, "title": TITLES[name], "dials": dials}
            for name, dials in shown.items() if dials]  # fmt: skip


def colors(palette: dict[str, str]) -> dict[str, str]:
    """The colours that `groups` offers, chosen or derived, as '#rrggbb'."""
    known = derived(palette)
    return {name: code(known[name]) for name in COLORS}


def _known(clay: Clay, pair: _Pair) -> bool:
    """Whether this clay has the targets of a slider, on both sides where they come in two."""
    wanted = [name for name in (pair.low, pair.high) if name]
    return all(name in clay.names or f"l-{name}" in clay.names for name in wanted)


def _number(path: str, low: float, high: float, default: float) -> Json:
    label, *ends = LABELS.get(path, (_words(path.rpartition(".")[2]).capitalize(), "", ""))
    whole = path in ("identity.age", "hair.seed")
    return {"kind": "number", "path": path, "label": label, "ends": ends, "low": low, "high": high,
            "step": 1 if whole else round((high - low) / 100, 4), "default": default}  # fmt: skip


def _pair(pair: _Pair) -> Json:
    return {"kind": "pair", "label": pair.label, "ends": list(pair.ends), "targets":
            [pair.low, pair.high], "low": -pair.most if pair.low else 0, "high": pair.most,
            "step": 0.02}  # fmt: skip


def _brow_line() -> list[Json]:
    """Sliders that move the painted line of the brows; `curve` is the line they start from."""
    start = [list(knot) for knot in recipe.Brows().curve]
    moves = {"lift": ("Height", "low", "high"), "slant": ("Slant", "stern", "worried"),
             "arch": ("Arch", "straight", "arched")}  # fmt: skip
    return [{"kind": "line", "path": "brows.curve", "move": move, "label": label, "ends": ends,
             "curve": start, "low": -0.08, "high": 0.08, "step": 0.002}
            for move, (label, *ends) in moves.items()]  # fmt: skip


def _options(path: str) -> list[Json]:
    """Names that may stand at a place of the recipe, with a word for people and a hint."""
    table: dict[str, Any] = {"hair.cut": HAIRDOS, "beard.cut": BEARDS, "clothes.cut": GARMENTS,
                             "wears": WEARABLES, "skin.pattern": PATTERNS}  # fmt: skip
    made = table.get(path, ())
    names: Iterable[str] = sorted(made, key=lambda name: (name != "none", name))
    hints = made if isinstance(made, dict) else {}
    places = {thing: place for place, things in PLACES.items() for thing in things}
    return [{"value": name, "label": _words(name).capitalize(), "hint": _hint(hints.get(name)),
             **({"place": places[name]} if path == "wears" else {})}
            for name in names]  # fmt: skip


def _hint(maker: Any) -> str:
    return (getattr(maker, "__doc__", None) or "").strip().split("\n")[0]


def _words(name: str) -> str:
    return name.replace("_", " ")
