"""The bundled characters: who they are (MakeHuman targets), their hair, clothes and colours."""

from dataclasses import dataclass, field

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
    hair_shadow: str
    hair_line: str
    hair_under: str
    shirt: str
    collar: str
    cloth_shadow: str
    cloth_line: str
    line: str  # outlines of the skin
    nose_line: str
    mouth_line: str
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
    hair: str
    # Brow of the left eye: (x, y, half width) from the nose outwards, dm.
    brow: tuple[tuple[float, float, float], ...] = (
        (0.155, 0.280, 0.020), (0.25, 0.314, 0.025), (0.37, 0.335, 0.023),
        (0.49, 0.318, 0.016), (0.59, 0.262, 0.005),
    )  # fmt: skip
    brow_thickness: float = 1.0
    lip_tint: float = 0.62
    lash: float = 1.0
    blush: float = 0.34
    nose_y: float = -0.415
    iris_radius: float = 0.126
    eye_shift: float = 0.048  # of the iris, outwards: a gaze that meets the viewer's
    rest: dict[str, float] = field(default_factory=dict)
    # Shapes made part of the rest mesh; a full blink takes them back.
    baked: dict[str, float] = field(default_factory=dict)

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
            "mouth-angles-up": 1.0,
        },
        eye_growth=0.48,
        head_growth=1.0,
    ),
    palette=Palette(
        skin="#f7cfb2",
        skin_shadow="#e0acA8",
        blush="#f08c84",
        lips="#e8868a",
        brow="#5a3328",
        iris="#3f9a8f",
        iris_dark="#17424a",
        hair="#6b3a2c",
        hair_light="#a5603f",
        hair_shadow="#9c7480",
        hair_line="#45241d",
        hair_under="#4f2a22",
        shirt="#3d6fb4",
        collar="#f6f2ea",
        cloth_shadow="#b4b2d0",
        cloth_line="#27395c",
        line="#7a4038",
        nose_line="#cf8473",
        mouth_line="#7d2f38",
        top="#cfe3ee",
        bottom="#f3d9c9",
        glow="#fdf3e7",
    ),
    hair="bob",
    rest={"browInnerUp": 0.15},
    baked={
        "eyeWideLeft": 0.45,
        "eyeWideRight": 0.45,
        "mouthSmileLeft": 0.22,
        "mouthSmileRight": 0.22,
    },  # fmt: skip,
)

THEO = Character(
    name="theo",
    title="Theo",
    identity=Identity(
        _ethnic("male")
        | {
            "head-round": 0.35,
            "head-age-decr": 0.55,
            "nose-scale-horiz-decr": 0.45,
            "nose-scale-vert-decr": 0.4,
            "nose-scale-depth-decr": 0.4,
            "l-eye-scale-incr": 0.8,
            "r-eye-scale-incr": 0.8,
            "mouth-angles-up": 1.0,
        },
        eye_growth=0.50,
    ),
    palette=Palette(
        skin="#c98f66",
        skin_shadow="#c29a94",
        blush="#c0665a",
        lips="#b8695f",
        brow="#231a1c",
        iris="#7a4a2a",
        iris_dark="#2c1710",
        hair="#2a2226",
        hair_light="#584850",
        hair_shadow="#7c7088",
        hair_line="#120d10",
        hair_under="#241c20",
        shirt="#2f7a6b",
        collar="#3f9583",
        cloth_shadow="#9fb0c4",
        cloth_line="#123c38",
        line="#54291f",
        nose_line="#95573f",
        mouth_line="#5a2a26",
        top="#f3e3cf",
        bottom="#c9dbe0",
        glow="#fdf6ea",
    ),
    hair="quiff",
    brow=(
        (0.140, 0.288, 0.025),
        (0.25, 0.312, 0.031),
        (0.38, 0.326, 0.028),
        (0.51, 0.302, 0.020),
        (0.62, 0.248, 0.006),
    ),  # fmt: skip
    lash=0.45,
    lip_tint=0.45,
    blush=0.20,
    iris_radius=0.120,
    rest={"browInnerUp": 0.12},
    baked={
        "eyeWideLeft": 0.50,
        "eyeWideRight": 0.50,
        "mouthSmileLeft": 0.22,
        "mouthSmileRight": 0.22,
    },  # fmt: skip
)

CAST = {c.name: c for c in (MIRA, THEO)}
