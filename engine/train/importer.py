"""GLB, glTF and VRM files -> avatar packages: `convert(path, folder, name) -> Report`.

Contract: the package passes the loader's checks; whatever is wrong with the file, or missing from
it, is a PackageError that says what was expected. An author's terms are kept in the package, and
where they rule an import out, it needs the word of a person who is permitted.
"""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import PackageError
from engine.face.blendshapes import ARKIT, INDEX
from engine.face.manifest import MATERIALS
from engine.face.package import load
from engine.face.tensors import MOVE, ROWS, TRIANGLES, VERTICES
from engine.train import gltf, marks, pack, placing, rig, scene, surface, vrm
from engine.train.ambient import bake
from engine.train.avatar import BOTTOM, FIELD, MARGIN, SPRING
from engine.train.bust import Part, breath_weight, smooth
from engine.train.coat import looks
from engine.train.mesh import Mesh, shape, weld
from engine.train.pack import FAST
from engine.train.prune import prune
from engine.train.report import Report
from engine.train.surface import Surface

F64 = npt.NDArray[np.float64]
# What moves the parts of a face that a thick line would smudge: lips, lids, the nose.
_THIN = ("mouthPucker", "mouthFunnel", "mouthUpperUpLeft", "mouthUpperUpRight",
         "mouthLowerDownLeft", "mouthLowerDownRight", "noseSneerLeft", "noseSneerRight",
         "eyeBlinkLeft", "eyeBlinkRight")  # fmt: skip


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


def _mobile(shapes: F64, names: tuple[str, ...]) -> F64:
    """How much these shapes move a vertex [V], 1 from .15 dm on."""
    rows = shapes[[INDEX[name] for name in names]]
    return smooth(0.03, 0.15, np.linalg.norm(rows, axis=2).max(0))


def _line(points: F64, shapes: F64) -> F64:
    """Width of a vertex's line [V]: thin on lips and lids and over the nose."""
    x, y, z = points.T
    nose = np.exp(-((x / 0.2) ** 2)) * smooth(-0.75, -0.6, y) * smooth(0.3, 0.15, y)
    return np.asarray(1 - 0.8 * np.maximum(_mobile(shapes, _THIN), nose * smooth(-0.4, -0.2, z)))


def _ambient(points: F64, mesh: Mesh, group: npt.NDArray[np.int64], shapes: F64) -> F64:
    """Light [V] in [0, 1] that occlusion leaves.

    What the closed mouth or a lid encloses, and what moves out of its place, keeps most of it.
    """
    count = len(points)
    part = Part(
        "import", points, mesh.triangle, mesh.uv, np.full(count, -1), np.ones(count), group,
        np.zeros(count),
    )  # fmt: skip
    light = bake([part], quick=True)
    floor = np.where(light < 0.15, 0.75, 0.3)
    return np.maximum(light, np.maximum(floor, 0.75 * _mobile(shapes, ARKIT)))


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
    group = weld(points, normal, shapes[ARKIT.index("jawOpen")])
    made: dict[str, npt.NDArray[Any]] = {
        "position": points.astype(np.float32),
        "uv": mesh.uv.astype(np.float32),
        "triangle": mesh.triangle.astype(np.uint16),
        "material": np.array([rows[int(n)] for n in mesh.material], np.uint8),
        "weld": group.astype(np.uint16),
        "neck": np.clip(neck, 0, 1).astype(np.float16),
        "outline": (lined * _line(points, shapes)).astype(np.float16),
        "proxy": np.concatenate([normal, share[:, None]], 1).astype(np.float16),
        "ambient": np.asarray(np.rint(255 * _ambient(points, mesh, group, shapes)), np.uint8),
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


def _camera(top: float, points: F64) -> dict[str, float]:
    """Shows the head with a margin and the shoulders, as engine.train.avatar does."""
    top += MARGIN
    distance = (top - BOTTOM) / 2 / math.tan(math.radians(FIELD / 2))
    near = distance - max(4.0, float(points[:, 2].max()) + 1.5)
    far = distance + max(4.0, 1.5 - float(points[:, 2].min()))
    return {
        "height": round((top + BOTTOM) / 2, 4), "distance": round(distance, 4), "fov_deg": FIELD,
        "near": round(max(near, 0.5), 4), "far": round(far, 4),
    }  # fmt: skip


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
    target = Path(folder)
    if target.exists() and not (target / "avatar.json").is_file() and (
        not target.is_dir() or any(target.iterdir())
    ):  # fmt: skip
        raise PackageError(f"{target.name} holds other files: give an empty or missing folder")
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
    look, pictures, rows, lines, dull = looks(surfaces, mesh, points, eyes, _mobile(shapes, ARKIT))
    tensors = _tensors(body, mesh, shapes, rows, lines)
    terms = _terms(source, of)
    manifest = _manifest(name, of, look, body, landmarks, points, face.top)
    licence = "\n".join(["Imported by Vivify. What the file says of its author and terms:", "",
                         *(terms or ["nothing"]), ""])  # fmt: skip
    with pack.replacing(target) as spare:
        pack.write(spare, tensors, manifest, pictures, {"LICENSE": licence})
        made = load(spare)
        if len(mesh.triangle) > FAST:
            tensors = prune(tensors, made)
            pack.write(spare, tensors, manifest, pictures, {"LICENSE": licence})
    if hidden := len(mesh.triangle) - len(tensors["triangle"]):
        notes.append(f"{hidden} hidden triangles left out")
    if len(tensors["triangle"]) > FAST:
        notes.append(f"more than {FAST} triangles: a picture may take longer than planned for")
    return Report(
        name, manifest["title"], f"VRM {of.version}" if of.version else "glTF",
        tuple(found.direct), {n: w for n, w in found.approximated.items() if n not in found.direct},
        len(points), len(tensors["triangle"]), tuple(m["name"] for m in look["materials"]),
        {n: (p.shape[1], p.shape[0]) for n, p in pictures.items()}, tuple(terms),
        tuple([*notes, *more, *cuts, *dull, *source.warnings]),
    )  # fmt: skip


def _terms(source: gltf.Gltf, of: vrm.Vrm) -> list[str]:
    said = [("copyright", source.asset.get("copyright")),
            ("made with", source.asset.get("generator"))]  # fmt: skip
    return [f"{k}: {vrm.line(v)}" for k, v in said if vrm.line(v)] + of.terms


def _manifest(
    name: str, of: vrm.Vrm, look: dict[str, Any], body: scene.Body, landmarks: dict[str, int],
    points: F64, top: float,
) -> dict[str, Any]:  # fmt: skip
    credit = f" by {of.author}" if of.author else ""
    return {
        "format": "vivify-avatar", "version": 2, "name": name,
        "title": of.title or name.title(),
        "attribution": f"{of.title or name.title()}{credit}, imported; see LICENSE.",
        "camera": _camera(top, points),
        "pivot": _pivot(body), "head_width": 1.7, "outline_width": 0.0035,
        "light": [-0.35, 0.45, 0.82],
        "background": {"kind": "gradient", "top": "#cfe3ee", "bottom": "#f3d9c9",
                       "glow": "#fdf3e7"},
        **look, "spring": SPRING, "correctives": [], "rest": {}, "landmarks": landmarks,
    }  # fmt: skip
