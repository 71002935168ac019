"""The looks of an imported face: palette, textures and materials of avatar.json from surfaces."""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.face.palette import code
from engine.train import surface
from engine.train.mesh import Mesh, tile
from engine.train.surface import Surface

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
TEXTURES = 16  # most a package has
LINED = 0.05  # of the whole area: surfaces smaller than this get no line of their own


def _row(
    s: Surface, texture: str | None, flat: bool, lined: bool, cut: bool, face: bool
) -> dict[str, Any]:
    """A material of avatar.json."""
    lit = s.lit and not flat
    return {
        "name": s.name,
        "color": "white" if texture else s.name,
        "shadow": f"{s.name}_shadow",
        "texture": texture, "light": None,
        # Where the threshold lies below all n . l, no shadow begins.
        "threshold": float(np.clip(s.threshold, -1, 1)) if lit else -2.0,
        "softness": float(np.clip(s.softness, 0.02, 1)),
        "rim": 0.25 if lit and not cut else 0.0, "lift": 0.0,
        "shine": {"strength": 0.0, "edge": 0.9, "softness": 0.05},
        "flat": False, "two_sided": s.two_sided or cut,
        "outline": f"{s.name}_line" if lined else None,
        "ambient": 0.7 if lit else 0.0, "casts": lit and not cut,
        "receives": 1.0 if face else 0.6 if lit else 0.0,
    }  # fmt: skip


def looks(
    surfaces: dict[int, Surface], mesh: Mesh, points: F64, eyes: F64, mobile: F64
) -> tuple[
    dict[str, Any], dict[str, U8], dict[int, int], dict[int, bool], list[str]
]:  # fmt: skip
    """(palette, textures and materials of avatar.json; pictures; material -> row, lined; notes).

    eyes [V]: how much of a vertex an eye carries or a look moves; mobile [V]: how much shapes move.
    """
    corners = points[mesh.triangle]
    size = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    shares = {n: size[mesh.material == n].sum() / size.sum() for n in surfaces}
    palette: dict[str, str] = {}
    textures: dict[str, Any] = {}
    pictures: dict[str, U8] = {}
    rows: list[dict[str, Any]] = []
    index: dict[int, int] = {}
    lines: dict[int, bool] = {}
    named: dict[tuple[Any, ...], str] = {}
    notes: list[str] = []
    moved = {n: (size * mobile[mesh.triangle].mean(1))[mesh.material == n].sum() for n in shares}
    face = max(moved, key=lambda n: float(moved[n]))  # the skin of the face
    for number in np.unique(mesh.material):
        s = surfaces[int(number)]
        cut = s.alpha is not None
        flat = eyes[mesh.triangle[mesh.material == number]].mean() > 0.5
        lined = not cut and not flat and (
            s.outlined if s.outlined is not None else shares[number] > LINED
        )  # fmt: skip
        texture = None
        if s.picture is not None:
            key = (*s.key, number in mesh.tiled and s.wrap)
            if key not in named and len(named) == TEXTURES:
                notes.append(f"{s.name}: more than {TEXTURES} pictures; drawn in its mean colour")
            else:
                texture = named.setdefault(key, f"p{len(named)}")
                pictures[texture] = tile(s.picture, s.wrap) if number in mesh.tiled else s.picture
                textures[texture] = {"picture": texture}
        palette[s.name] = code(s.color)
        palette[f"{s.name}_shadow"] = code(s.tint if texture else s.tint * s.color)
        if lined:
            asked = s.outline if s.outline is not None else surface.dark(s.color)
            palette[f"{s.name}_line"] = code(asked)
        index[int(number)], lines[int(number)] = len(rows), bool(lined)
        rows.append(_row(s, texture, bool(flat), bool(lined), cut, number == face))
    look = {"palette": palette, "textures": textures, "materials": rows}
    return look, _halved(pictures), index, lines, notes


def _halved(pictures: dict[str, U8]) -> dict[str, U8]:
    """Pictures of at most surface.SIDE pixels a side: tiled ones are larger."""
    out = {}
    for name, picture in pictures.items():
        step = max(1, -(-max(picture.shape[:2]) // surface.SIDE))
        high, wide = picture.shape[0] // step * step, picture.shape[1] // step * step
        blocks = picture[:high, :wide].reshape(high // step, step, wide // step, step, 3)
        out[name] = np.asarray(np.rint(blocks.mean((1, 3))), np.uint8)
    return out
