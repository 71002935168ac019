"""GLB, glTF and VRM files -> avatar packages: `convert(path, folder, name) -> Report`.

Contract: the package passes the loader's checks; whatever is wrong with the file, or missing from
it, is a PackageError that says what was expected. An author's terms are kept in the package, and
where they rule an import out, it needs the word of a person who is permitted.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import PackageError
from engine.face.blendshapes import ARKIT
from engine.face.manifest import MATERIALS
from engine.face.package import load
from engine.face.palette import code
from engine.face.tensors import MOVE, ROWS, TRIANGLES, VERTICES
from engine.train import gltf, marks, pack, placing, rig, scene, surface, vrm
from engine.train.bust import breath_weight, smooth
from engine.train.mesh import Mesh, shape, tile, weld
from engine.train.report import Report
from engine.train.surface import Surface

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
TEXTURES = 16  # most a package has
_LINED = 0.05  # of the whole area: surfaces smaller than this get no line of their own
_SPRING = {"frequency": 1.9, "damping": 0.35, "reach": 4.0}


def _surfaces(source: gltf.Gltf, of: vrm.Vrm, body: scene.Body) -> dict[int, Surface]:
    """The surfaces of the materials that the bust uses."""
    numbers, counts = np.unique(body.material, return_counts=True)
    if len(numbers) > MATERIALS:
        raise PackageError(
            f"the bust has {len(numbers)} materials, a package holds {MATERIALS}: join materials "
            "in your editor and export again"
        )
    taken: set[str] = set()
    return {int(n): surface.read(source, of, int(n), taken)
            for n in numbers[np.argsort(-counts)]}  # fmt: skip


def _row(s: Surface, texture: str | None, flat: bool, lined: bool, cut: bool) -> dict[str, Any]:
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
        "rim": 0.08 if lit and not cut else 0.0, "lift": 0.0,
        "shine": {"strength": 0.0, "edge": 0.9, "softness": 0.05},
        "flat": False, "two_sided": s.two_sided or cut,
        "outline": f"{s.name}_line" if lined else None,
        "ambient": 1.0 if lit else 0.0, "casts": lit and not cut, "receives": 0.6 if lit else 0.0,
    }  # fmt: skip


def _looks(surfaces: dict[int, Surface], mesh: Mesh, points: F64, eyes: F64) -> tuple[
    dict[str, Any], dict[str, U8], dict[int, int], dict[int, bool], list[str]
]:  # fmt: skip
    """(palette, textures and materials of avatar.json; pictures; material -> row, lined; notes).

    eyes [V]: how much of a vertex an eye carries or a look moves.
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
    for number in np.unique(mesh.material):
        s = surfaces[int(number)]
        cut = s.alpha is not None
        flat = eyes[mesh.triangle[mesh.material == number]].mean() > 0.5
        lined = not cut and not flat and (
            s.outlined if s.outlined is not None else shares[number] > _LINED
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
        rows.append(_row(s, texture, bool(flat), bool(lined), cut))
    look = {"palette": palette, "textures": textures, "materials": rows}
    return look, pictures, index, lines, notes


def _halved(pictures: dict[str, U8]) -> dict[str, U8]:
    """Pictures of at most surface.SIDE pixels a side: tiled ones are larger."""
    out = {}
    for name, picture in pictures.items():
        step = max(1, -(-max(picture.shape[:2]) // surface.SIDE))
        high, wide = picture.shape[0] // step * step, picture.shape[1] // step * step
        blocks = picture[:high, :wide].reshape(high // step, step, wide // step, step, 3)
        out[name] = np.asarray(np.rint(blocks.mean((1, 3))), np.uint8)
    return out


def _shapes(found: rig.Rig, face: rig.Face, mesh: Mesh) -> F64:
    """All movements [52, V, 3]; zero where the file has nothing for a shape."""
    out = np.zeros((len(ARKIT), len(mesh.source), 3))
    for row, name in enumerate(ARKIT):
        move = found.shape(name, face)
        if move is not None:
            out[row] = mesh.mixed(move)
    if np.abs(out).max() >= MOVE:
        raise PackageError(
            f"a shape moves vertices by {np.abs(out).max():.0f} dm, ten times the face: damaged"
        )
    return out


def _tensors(
    body: scene.Body, mesh: Mesh, shapes: F64, rows: dict[int, int], lines: dict[int, bool]
) -> dict[str, npt.NDArray[Any]]:
    """Tensors of mesh.safetensors."""
    points, neck = mesh.mixed(body.position), mesh.mixed(placing.neck(body))
    normal = mesh.mixed(body.normal)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = np.where(length > 1e-6, normal / np.maximum(length, 1e-6), 0)
    lined = np.zeros(len(points))
    for number, drawn in lines.items():
        lined[mesh.triangle[mesh.material == number]] = float(drawn)
    # An author's normals are made for shading; below the neck they would turn with the head.
    share = np.where(length[:, 0] > 1e-6, 0.7 * smooth(0.8, 1.0, neck), 0.0)
    sway = mesh.mixed(body.spring) * smooth(0.9, 1.0, neck) * smooth(0.2, -1.2, points[:, 1])
    made: dict[str, npt.NDArray[Any]] = {
        "position": points.astype(np.float32),
        "uv": mesh.uv.astype(np.float32),
        "triangle": mesh.triangle.astype(np.uint16),
        "material": np.array([rows[int(n)] for n in mesh.material], np.uint8),
        "weld": weld(points, normal, shapes[ARKIT.index("jawOpen")]).astype(np.uint16),
        "neck": np.clip(neck, 0, 1).astype(np.float16),
        "outline": lined.astype(np.float16),
        "proxy": np.concatenate([normal, share[:, None]], 1).astype(np.float16),
        "ambient": np.full(len(points), 255, np.uint8),
        "loose": np.asarray(np.rint(np.clip(sway, 0, 1) * 255), np.uint8),
        "breath": np.asarray(
            np.rint(255 * np.where(neck < 1, breath_weight(points), 0)), np.uint8
        ),
        **pack.sparse(shapes),
    }  # fmt: skip
    if len(made["shape_row"]) > ROWS:
        raise PackageError(
            f"the shapes move {len(made['shape_row'])} vertices in all, a package holds {ROWS}: "
            "reduce the mesh of the face"
        )
    return made


def _pivot(body: scene.Body) -> list[float]:
    """About which the head turns: between neck and head, as far as the file tells."""
    low, high = body.joint.get("neck"), body.joint.get("head")
    if high is None:
        return [0.0, -1.0, -0.75]
    at = high if low is None else (low + high) / 2
    return [0.0, float(np.clip(at[1], -1.8, -0.5)), float(np.clip(at[2], -1.4, 0))]


def _allowed(of: vrm.Vrm, permitted: bool) -> list[str]:
    """Notes on the author's terms. Raises PackageError where they rule the import out."""
    if of.forbids and not permitted:
        who = f" by {of.author}" if of.author else ""
        raise PackageError(
            f"the terms of {of.title or 'this avatar'}{who} do not let everybody convert it: "
            f"{'; '.join(of.forbids)}. If you are its author or have their permission, say so "
            "(permitted=True, --permitted)"
        )
    if of.forbids:
        return [f"imported by somebody who states to be permitted: {'; '.join(of.forbids)}"]
    return []


def convert(path: Path | str, folder: Path | str, name: str, permitted: bool = False) -> Report:
    """Make the package `folder` of a .glb, .gltf or .vrm file.

    `name`: of the avatar, `[a-z][a-z0-9_-]*`; `permitted`: the person is the author or has
    permission, where the file's terms do not allow everybody to convert it. Raises PackageError
    for a file that is broken, hostile, too large, lacks eyes or a mouth that opens, or may not be
    used, and RuntimeUnavailable without pygltflib.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name):
        raise PackageError(
            f"the name {name!r:.40} does not fit: small letters, digits, - and _, at most 32"
        )
    source = gltf.read(Path(path))
    of = vrm.read(source)
    notes = _allowed(of, permitted)
    body = scene.assemble(source, of)
    found = rig.find(source, of, body)
    face, more = placing.place(found)
    placing.cut(body)
    surfaces = _surfaces(source, of, body)
    room = min(TRIANGLES - len(body.triangle), 2 * (VERTICES - len(body.position)))
    mesh, cuts = shape(body, surfaces, max(room, 0))
    if not 0 < len(mesh.source) <= VERTICES:
        raise PackageError(f"{len(mesh.source)} vertices are left, expected 1 to {VERTICES}")
    shapes, points = _shapes(found, face, mesh), mesh.mixed(body.position)
    landmarks = marks.find(points, mesh.triangle, shapes, face)
    looked = np.linalg.norm(shapes[[ARKIT.index("eyeLookUpLeft"), ARKIT.index("eyeLookUpRight")]],
                            axis=2).max(0)  # fmt: skip
    eyes = np.maximum(mesh.mixed(body.share["leftEye"] + body.share["rightEye"]),
                      looked > 0.5 * max(float(looked.max()), 1e-3))  # fmt: skip
    look, pictures, rows, lines, dull = _looks(surfaces, mesh, points, eyes)
    pictures = _halved(pictures)
    tensors = _tensors(body, mesh, shapes, rows, lines)
    terms = _terms(source, of)
    manifest = _manifest(name, of, look, body, landmarks, points)
    licence = "\n".join(["Imported by Vivify. What the file says of its author and terms:", "",
                         *(terms or ["nothing"]), ""])  # fmt: skip
    pack.write(Path(folder), tensors, manifest, pictures, {"LICENSE": licence})
    load(Path(folder))
    return Report(
        name, manifest["title"], f"VRM {of.version}" if of.version else "glTF",
        tuple(found.direct), {n: w for n, w in found.approximated.items() if n not in found.direct},
        len(points), len(mesh.triangle), tuple(m["name"] for m in look["materials"]),
        {n: (p.shape[1], p.shape[0]) for n, p in pictures.items()}, tuple(terms),
        tuple([*notes, *more, *cuts, *dull, *source.warnings]),
    )  # fmt: skip


def _terms(source: gltf.Gltf, of: vrm.Vrm) -> list[str]:
    said = [("copyright", source.asset.get("copyright")),
            ("made with", source.asset.get("generator"))]  # fmt: skip
    return [f"{k}: {vrm.line(v)}" for k, v in said if vrm.line(v)] + of.terms


def _manifest(
    name: str, of: vrm.Vrm, look: dict[str, Any], body: scene.Body, landmarks: dict[str, int],
    points: F64,
) -> dict[str, Any]:  # fmt: skip
    near, far = 9.0 - points[:, 2].max() - 1.5, 9.0 - points[:, 2].min() + 1.5
    credit = f" by {of.author}" if of.author else ""
    return {
        "format": "vivify-avatar", "version": 2, "name": name,
        "title": of.title or name.title(),
        "attribution": f"{of.title or name.title()}{credit}, imported; see LICENSE.",
        "camera": {"height": -0.22, "distance": 9.0, "fov_deg": 20.0,
                   "near": float(np.clip(near, 0.5, 5.0)), "far": float(np.clip(far, 13.0, 100))},
        "pivot": _pivot(body), "head_width": 1.7, "outline_width": 0.0035,
        "light": [-0.35, 0.45, 0.82],
        "background": {"kind": "gradient", "top": "#cfe3ee", "bottom": "#f3d9c9",
                       "glow": "#fdf3e7"},
        **look, "spring": _SPRING, "correctives": [], "rest": {}, "landmarks": landmarks,
    }  # fmt: skip
