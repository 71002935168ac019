"""The bundled characters: who they are (MakeHuman targets), their hair, clothes and colours."""

from dataclasses import dataclass, field
from typing import Any

from engine.train.bust import Identity

RGB = tuple[float, float, float]


def rgb(code: str) -> RGB:
    """'#rrggbb' -> three numbers in [0, 1]."""
    r, g, b = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return round(r, 4), round(g, 4), round(b, 4)


@dataclass(frozen=True)
class Palette:
    """Colours by name, '#rrggbb'."""

    skin: str
    skin_shadow: str  # tint of the shadow tone
    blush: str
    lips: str
    brow: str
    iris: str
    iris_dark: str
    hair: str
    hair_light: str
    shirt: str
    collar: str
    line: str  # outlines of the skin
    top: str  # backdrop
    bottom: str
    glow: str


@dataclass(frozen=True)
class Character:
    """One bundled avatar."""

    name: str
    title: str
    identity: Identity
    palette: Palette
    hair: dict[str, Any] = field(default_factory=dict)
    brow_thickness: float = 1.0
    lash: float = 1.0
    lip_tint: float = 0.8
    rest: dict[str, float] = field(default_factory=dict)

    def backdrop(self) -> dict[str, RGB]:
        p = self.palette
        return {"top": rgb(p.top), "bottom": rgb(p.bottom), "glow": rgb(p.glow)}


def _ethnic(gender: str) -> dict[str, float]:
    peoples = ("african", "asian", "caucasian")
    targets = {f"{people}-{gender}-young": 1 / 3 for people in peoples}
    return targets | {f"universal-{gender}-young-averagemuscle-averageweight": 1.0}


MIRA = Character(
    name="mira",
    title="Mira",
    identity=Identity(
        _ethnic("female")
        | {
            "head-round": 0.5,
            "nose-scale-horiz-decr": 0.6,
            "nose-scale-vert-decr": 0.5,
            "nose-scale-depth-decr": 0.5,
            "head-age-decr": 0.7,
            "chin-width-decr": 0.5,
            "l-eye-scale-incr": 0.8,
            "r-eye-scale-incr": 0.8,
            "mouth-angles-up": 0.35,
        },
        eye_growth=0.35,
        head_growth=1.0,
    ),
    palette=Palette(
        skin="#f7cfb2",
        skin_shadow="#e0acA8",
        blush="#f08c84",
        lips="#d9737a",
        brow="#5a3328",
        iris="#3f9a8f",
        iris_dark="#17424a",
        hair="#6b3a2c",
        hair_light="#c07a4e",
        shirt="#3d6fb4",
        collar="#f4f1ea",
        line="#7a4038",
        top="#cfe3ee",
        bottom="#f3d9c9",
        glow="#fdf3e7",
    ),
    rest={"browInnerUp": 0.2},
)

CAST = {c.name: c for c in (MIRA,)}
