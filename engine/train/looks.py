"""Material table and textures of an avatar: which colours of its palette go where."""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.train.curls import MATT
from engine.train.fabric import FABRICS, cloth_inks, ear_inks, rib_inks
from engine.train.hijab import fold_inks
from engine.train.paint import QUICK, SIZE, Ink, eye_inks, skin_inks
from engine.train.sitter import Sitter
from engine.train.strands import beard_inks, hair_inks

U8 = npt.NDArray[np.uint8]


def _row(name: str, color: str, shadow: str, **other: Any) -> dict[str, Any]:
    table: dict[str, Any] = {
        "name": name, "color": color, "shadow": shadow, "texture": None, "light": None,
        "threshold": 0.05, "softness": 0.2, "rim": 0.25, "lift": 0.0,
        "shine": {"strength": 0.0, "edge": 0.9, "softness": 0.05},
        "flat": False, "two_sided": False, "outline": None,
        "ambient": 1.0, "casts": False, "receives": 0.0, "strand": False,
    }  # fmt: skip
    assert not set(other) - set(table)
    return table | other


def _hair(name: str, ink: str, shine: float) -> dict[str, Any]:
    return _row(
        name, ink, f"{ink}_shadow", texture=name, threshold=-0.02, softness=0.26,
        shine={"strength": shine, "edge": 0.93, "softness": 0.05}, outline=f"{ink}_line",
        casts=True, receives=0.0, strand=True, rim=0.26,
    )  # fmt: skip


def materials(sitter: Sitter, names: set[str]) -> list[dict[str, Any]]:
    """Rows of the material table for the parts called `names`."""
    hair = sitter.recipe.hair
    rows = [
        _row("skin", "skin", "skin_shadow", texture="skin", outline="skin_line", lift=0.03,
             threshold=0.10, softness=0.2, casts=True, receives=1.0),
        # So is the dark of the throat, and the groove of the tongue.
        _row("mouth", "mouth", "mouth_shadow", rim=0.0, light=[0.0, 0.0, 1.0], threshold=0.55,
             softness=0.35, ambient=0.0),
        _row("eye", "sclera", "sclera_shadow", rim=0.0, texture="eye", light=[0.1, -0.6, 0.6],
             threshold=0.32, softness=0.12, ambient=0.35),
        _row("glint", "white", "white", flat=True, two_sided=True),
        _row("lash", "lash", "lash", flat=True, two_sided=True),
        # Lit from the front whatever the key light: the lips' shadow is in the teeth's normals.
        _row("teeth", "teeth", "teeth_shadow", rim=0.0, light=[0.0, 0.0, 1.0], threshold=0.55,
             softness=0.35, ambient=0.0),
        _row("tongue", "tongue", "tongue_shadow", rim=0.0, light=[0.0, 0.0, 1.0], threshold=0.55,
             softness=0.35, ambient=0.0),
        _hair("hair", "hair", 0.0 if hair.cut in MATT else 0.13 * (1 - 0.5 * hair.curl)),
        _row("underhair", "hair_under", "hair_shadow", two_sided=True, rim=0.0, ambient=0.25),
        _hair("beard", "beard", 0.0),
        *(_row(name, color, shadow, **more) for name, color, shadow, more in FABRICS),
    ]  # fmt: skip
    known = {row["name"] for row in rows}
    assert names <= known, f"no material for {names - known}"
    return [row for row in rows if row["name"] in names]


def textures(
    sitter: Sitter, names: set[str | None], quick: bool
) -> tuple[dict[str, Any], dict[str, U8]]:
    """(`textures` of avatar.json, file name -> grey mask [S, S]); `names`: those wanted."""
    inks = {"skin": ("skin", skin_inks(sitter, QUICK if quick else SIZE)),
            "eye": ("sclera", eye_inks(sitter.recipe)),
            "hair": ("hair", hair_inks()),
            "beard": ("beard", beard_inks()),
            "cloth": ("cloth", cloth_inks(sitter)),
            "rib": ("cloth", rib_inks("cloth_shadow")),
            "knit": ("accent", rib_inks("accent_shadow")),
            "scarf": ("trim", fold_inks()),
            "ear": ("skin", ear_inks(True)),
            "hair_ear": ("hair", ear_inks(False))}  # fmt: skip
    table: dict[str, Any] = {}
    masks: dict[str, U8] = {}
    for name, (base, laid) in inks.items():
        if name not in names:
            continue
        table[name] = {"base": base, "layers": []}
        for number, ink in enumerate(laid):
            mask = f"{name}_{number}_{ink.name}"
            masks[mask] = _grey(ink)
            table[name]["layers"].append({"ink": ink.name, "mask": mask, "blend": ink.blend})
    return table, masks


def _grey(ink: Ink) -> U8:
    return np.asarray(np.rint(np.clip(ink.alpha, 0, 1) * 255), np.uint8)
