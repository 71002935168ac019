"""A person at random who could exist: traits within sensible ranges and colours that go together.

Contract: `roll` is a function of its seed and of the registries of cuts, garments and wearables.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from engine.face.background import Gradient
from engine.face.palette import code, from_oklch, oklch, rgb
from engine.train.beard import BEARDS
from engine.train.clothes import GARMENTS
from engine.train.hairdo import HAIRDOS
from engine.train.recipe import (
    PEOPLES,
    RANGES,
    Beard,
    Brows,
    Clothes,
    Eyes,
    Hair,
    Identity,
    Recipe,
    Skin,
)
from engine.train.wear import WEARABLES

Part = TypeVar("Part", Eyes, Brows, Skin, Hair)
NAMES = (
    "Ada", "Milo", "Juno", "Ravi", "Lena", "Omar", "Suki", "Enzo", "Tala", "Igor", "Zuri", "Finn",
    "Maya", "Luca", "Nila", "Hugo", "Iris", "Kofi", "Yuna", "Paco", "Elif", "Remy", "Anju", "Otto",
)  # fmt: skip
WOMENS = ("bob", "bun", "long", "pixie", "ponytail", "wavy")
MENS = ("crop", "quiff", "fringe", "receding", "undercut", "buzz", "manbun")
EVERYONES = ("afro", "coils", "curly")
# Two-sided targets that vary between people without making a caricature of anybody.
TRAITS = (
    "head-scale-horiz", "head-scale-vert", "cheek-bones", "cheek-volume", "chin-width",
    "chin-height", "chin-bones", "chin-prominent", "nose-scale-horiz", "nose-scale-vert",
    "nose-hump", "nose-point-width", "mouth-scale-horiz", "mouth-upperlip-volume",
    "mouth-lowerlip-volume", "forehead-scale-vert", "ear-scale",
)  # fmt: skip
# What the bundled cast has in common, on the same axes.
STYLE = {"eye-scale": 0.75, "forehead-scale-vert": -0.4, "mouth-scale-horiz": -0.3,
         "nose-scale-horiz": -0.35, "mouth-lowerlip-volume": 0.25}  # fmt: skip
WOMENS_STYLE = {"eye-scale": 0.9, "chin-width": -0.45, "nose-scale-vert": -0.3,
                "mouth-upperlip-volume": 0.3, "head-scale-horiz": -0.15}  # fmt: skip
MENS_STYLE = {"eye-scale": 0.65, "chin-bones": 0.2, "chin-prominent": 0.2}
# Skin (lightness, chroma, hue), by people, at the middle; natural hair and eyes.
TONES = {"african": (0.50, 0.082, 52.0), "asian": (0.84, 0.070, 66.0),
         "caucasian": (0.87, 0.060, 60.0)}  # fmt: skip
DARK_HAIR = ("#1f1a1f", "#2a1c1a", "#3b2419")
FAIR_HAIR = ("#3b2419", "#5b3a2c", "#8a5a36", "#b9793f", "#d9b06a", "#a8432f")
GREY_HAIR = ("#d9d6d8", "#b5b3b5", "#8d8f96")
DYED_HAIR = ("#e58aa8", "#4d7fc4", "#7a5bb5", "#3f9a8f")
DARK_EYES = ("#4a2c1c", "#3d2618", "#6a4424")
FAIR_EYES = ("#5a85ad", "#6a7f3f", "#3f9a8f", "#7c8794", "#7a4a2a", "#b07a35")


def roll(seed: int) -> Recipe:
    """The recipe of one made-up person."""
    rng = np.random.default_rng(seed)
    people = _people(rng)
    male = bool(rng.random() < 0.5)
    gender = float(np.clip((0.94 if male else 0.06) + rng.normal(0, 0.1), 0, 1))
    age = float(rng.uniform(55, 74) if rng.random() < 0.18 else rng.uniform(18, 46))
    title = str(rng.choice(NAMES))
    cut = _cut(rng, male, age)
    bearded = male and age > 22 and rng.random() < 0.4 and len(BEARDS) > 1
    return Recipe(
        title.lower(), title,
        identity=Identity(
            people,
            gender=round(gender, 2),
            age=round(age),
            weight=round(float(np.clip(rng.normal(0, 0.22), -0.5, 0.6)), 2),
            muscle=round(float(np.clip(rng.normal(0.35 if male else 0.05, 0.2), 0, 0.8)), 2),
            targets=_targets(rng, male, age),
        ),
        eyes=_rounded(Eyes(
            growth=rng.uniform(0.46, 0.56) if male else rng.uniform(0.54, 0.66),
            iris=rng.uniform(0.122, 0.13) if male else rng.uniform(0.132, 0.144),
            wide=rng.uniform(0.24, 0.3),
            lash=rng.uniform(0.3, 0.5) if male else rng.uniform(0.8, 1.3),
            crease=rng.uniform(0.3, 0.8),
        )),
        brows=_rounded(Brows(thickness=rng.uniform(1.0, 1.5) if male else rng.uniform(0.7, 1.1))),
        skin=_rounded(_skin(rng, male, age, bearded)),
        hair=_rounded(Hair(cut, volume=rng.uniform(0.9, 1.15), part=rng.choice([-1.0, 1.0]),
                            seed=int(rng.integers(0, 999)))),
        beard=Beard(_one(rng, (n for n in BEARDS if n != "none")) if bearded else "none"),
        clothes=Clothes(_one(rng, GARMENTS)),
        wears=_wears(rng, male),
        palette=(colors := _colors(rng, people, age)),
        background=_backdrop(rng, colors),
        smile=round(float(rng.uniform(0.28, 0.38)), 3),
    )  # fmt: skip


def _people(rng: np.random.Generator) -> dict[str, float]:
    """One descent that prevails, and often some of another."""
    main, other = rng.permutation(len(PEOPLES))[:2]
    share = float(rng.uniform(0, 0.4))
    out = {PEOPLES[main]: round(1 - share, 2), PEOPLES[other]: round(share, 2)}
    return {name: value for name, value in out.items() if value}


def _targets(rng: np.random.Generator, male: bool, age: float) -> dict[str, float]:
    """The house's stylisation, and what makes this face its own; two-sided ones by their sum."""
    young = float(np.clip((60 - age) / 40, 0, 1))
    style = STYLE | (MENS_STYLE if male else WOMENS_STYLE)
    traits = {trait: float(np.clip(rng.normal(0, 0.3), -0.55, 0.55)) for trait in TRAITS}
    sums = {trait: style.get(trait, 0.0) + traits.get(trait, 0.0) for trait in (*style, *traits)}
    out = {
        f"{trait}-{'incr' if value > 0 else 'decr'}": round(min(abs(value), 1.0), 2)
        for trait, value in sums.items() if abs(value) > 0.1
    }  # fmt: skip
    out |= {"mouth-angles-up": 1.2, "head-age-decr": round(0.15 + 0.35 * young, 2),
            "eye-trans-in": round(float(rng.uniform(0.25, 0.65)), 2)}  # fmt: skip
    shape = str(rng.choice(["head-round", "head-oval", "head-square" if male else "head-round"]))
    out[shape] = round(float(rng.uniform(0.15, 0.45)), 2)
    tilt = float(rng.normal(0.12, 0.2))
    out[f"eye-corner2-{'up' if tilt > 0 else 'down'}"] = round(min(abs(tilt), 0.5), 2)
    return out


def _skin(rng: np.random.Generator, male: bool, age: float, bearded: bool) -> Skin:
    return Skin(
        blush=rng.uniform(0.12, 0.25) if male else rng.uniform(0.25, 0.4),
        lips=rng.uniform(0.25, 0.4) if male else rng.uniform(0.45, 0.68),
        freckles=rng.uniform(0.4, 0.9) if rng.random() < 0.15 else 0.0,
        wrinkles=float(np.clip((age - 45) / 35, 0, 0.7)),
        stubble=rng.uniform(0.3, 0.6) if male and not bearded and rng.random() < 0.3 else 0.0,
        mole=1.0 if rng.random() < 0.08 else 0.0,
    )


def _cut(rng: np.random.Generator, male: bool, age: float) -> str:
    ours = [*(MENS if male else WOMENS), *EVERYONES]
    if age < 45:
        ours = [name for name in ours if name != "receding"]
    return _one(rng, [name for name in HAIRDOS if name in ours] or HAIRDOS)


def _wears(rng: np.random.Generator, male: bool) -> tuple[str, ...]:
    """Perhaps glasses, perhaps something at the ears; nothing of an animal's."""
    out = []
    for words, chance in (
        (("glasses",), 0.25),
        (("earring", "hoop", "stud"), 0.06 if male else 0.4),
    ):
        fitting = [name for name in WEARABLES if any(word in name for word in words)]
        fitting = [name for name in fitting if "sun" not in name]  # eyes are to be met
        if fitting and rng.random() < chance:
            out.append(_one(rng, fitting))
    return tuple(out)


def _colors(rng: np.random.Generator, people: dict[str, float], age: float) -> dict[str, str]:
    tone = np.sum([share * np.array(TONES[name]) for name, share in people.items()], axis=0)
    tone += rng.normal(0, (0.025, 0.006, 4.0))
    fair = float(people.get("caucasian", 0.0)) > 0.55
    chance = rng.random()
    if age > 55 and chance < 0.85:
        hair = str(rng.choice(GREY_HAIR))
    elif chance < 0.08:
        hair = str(rng.choice(DYED_HAIR))
    else:
        hair = str(rng.choice(FAIR_HAIR if fair else DARK_HAIR))
    hue = float(rng.uniform(0, 360))
    light_trim = rng.random() < 0.6
    trim = (0.94, 0.015, hue + 60) if light_trim else (0.72, 0.11, hue + 150)
    out = {
        "skin": from_oklch(*(float(x) for x in tone)),
        "cloth": from_oklch(float(rng.uniform(0.42, 0.62)), float(rng.uniform(0.06, 0.13)), hue),
        "trim": from_oklch(*trim),
    }
    named = {name: code(color) for name, color in out.items()}
    iris = str(rng.choice(FAIR_EYES if fair else DARK_EYES))
    brow = {"brow": "#6b5248"} if hair in DYED_HAIR else {}
    return named | {"hair": hair, "iris": iris, "accent": "#d9b45a",
                    "frame": str(rng.choice(["#22222a", "#5b3a2c", "#8a2f3e"]))} | brow  # fmt: skip


def _backdrop(rng: np.random.Generator, palette: dict[str, str]) -> Gradient:
    """Pale, in a hue across from the clothes', so that the figure stands out."""
    hue = oklch(rgb(palette["cloth"]))[2] + float(rng.choice([30, 150, 180, 210]))
    return Gradient(
        code(from_oklch(0.92, 0.028, hue)),
        code(from_oklch(0.84, 0.050, hue + 35)),
        code(from_oklch(0.975, 0.015, hue + 20)),
    )


def _rounded(part: Part) -> Part:
    """Numbers as a slider would give them."""
    kind = type(part)
    made: dict[str, Any] = {
        name: round(float(np.clip(getattr(part, name), low, high)), 3)
        for name, (low, high) in RANGES[kind].items() if name != "seed"
    }  # fmt: skip
    return replace(part, **made)


def _one(rng: np.random.Generator, names: Iterable[str]) -> str:
    return str(rng.choice(sorted(names)))
