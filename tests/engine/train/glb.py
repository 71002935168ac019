"""Writes avatar packages as GLB and VRM files, independent of the importer: its counterpart.

`Options` switches on what real exporters do: other units and facings, sparse and quantised
accessors, interleaved buffers, alpha planes, skeletons, expressions.
"""

import io
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.face.blendshapes import ARKIT
from engine.face.package import Package
from engine.face.palette import derived
from engine.face.texture import paint

_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
_KINDS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125,
          "float32": 5126}  # fmt: skip


@dataclass
class Options:
    kind: str = "glb"  # or "vrm0", "vrm1"
    names: dict[str, str] = field(default_factory=lambda: {n: n for n in ARKIT})  # ours -> theirs
    morph_names: bool = True
    sparse: bool = False
    quantised: bool = False
    interleaved: bool = False
    skeleton: bool = True
    scale: float = 0.1  # metres per dm
    shift: tuple[float, float, float] = (0.0, 1.5, 0.02)
    quad: bool = False  # a plane with a disc of alpha before the forehead
    presets: dict[str, dict[str, float]] = field(default_factory=dict)  # name -> our shapes
    meta: dict[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()  # shapes left out


def dense(package: Package) -> np.ndarray:
    """All movements of a package [52, V, 3]."""
    mesh = package.mesh
    out = np.zeros((len(ARKIT), len(mesh.position), 3), np.float32)
    for k in range(len(ARKIT)):
        rows = slice(mesh.shape_start[k], mesh.shape_start[k + 1])
        out[k, mesh.shape_row[rows]] = mesh.shape_delta[rows] * mesh.shape_scale[k]
    return out


class Writer:
    """Grows a glTF tree and its binary chunk."""

    def __init__(self) -> None:
        self.tree: dict[str, Any] = {
            "asset": {"version": "2.0", "copyright": "CC0, tests of Vivify"},
            "accessors": [], "bufferViews": [], "materials": [], "meshes": [], "nodes": [],
            "textures": [], "images": [], "scenes": [], "scene": 0,
        }  # fmt: skip
        self.blob = bytearray()

    def put(self, kind: str, value: dict[str, Any]) -> int:
        self.tree.setdefault(kind, []).append(value)
        return len(self.tree[kind]) - 1

    def view(self, data: bytes, **more: int) -> int:
        self.blob += bytes(-len(self.blob) % 4)
        row = {"buffer": 0, "byteOffset": len(self.blob), "byteLength": len(data), **more}
        self.blob += data
        return self.put("bufferViews", row)

    def array(self, values: np.ndarray, normalized: bool = False) -> int:
        values = np.ascontiguousarray(values.reshape(len(values), -1))
        row = {"bufferView": self.view(values.tobytes()), "count": len(values),
               "componentType": _KINDS[str(values.dtype)],
               "type": _TYPES[values.shape[1]]}  # fmt: skip
        if normalized:
            row["normalized"] = True
        return self.put("accessors", row)

    def sparse(self, values: np.ndarray) -> int:
        rows = np.flatnonzero(np.abs(values).max(1) > 0).astype(np.uint16)
        row: dict[str, Any] = {"count": len(values), "componentType": 5126, "type": "VEC3"}
        if len(rows):
            row["sparse"] = {
                "count": len(rows),
                "indices": {"bufferView": self.view(rows.tobytes()), "componentType": 5123},
                "values": {"bufferView": self.view(values[rows].tobytes())},
            }
        return self.put("accessors", row)

    def together(self, *columns: np.ndarray) -> list[int]:
        """Float columns interleaved in one buffer view."""
        both = np.concatenate(columns, 1).astype(np.float32)
        view = self.view(both.tobytes(), byteStride=both.strides[0])
        out, start = [], 0
        for column in columns:
            out.append(self.put("accessors", {
                "bufferView": view, "byteOffset": start, "count": len(both),
                "componentType": 5126, "type": _TYPES[column.shape[1]]}))  # fmt: skip
            start += 4 * column.shape[1]
        return out

    def picture(self, pixels: np.ndarray, form: str = "PNG") -> int:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, form)
        image = self.put("images", {"bufferView": self.view(buffer.getvalue()),
                                    "mimeType": f"image/{form.lower()}"})  # fmt: skip
        return self.put("textures", {"source": image})

    def data(self) -> bytes:
        self.tree["buffers"] = [{"byteLength": len(self.blob)}]
        text = json.dumps({k: v for k, v in self.tree.items() if v != []}).encode()
        return packed(text, bytes(self.blob))


def packed(text: bytes, blob: bytes) -> bytes:
    """GLB of a JSON and a binary chunk."""
    text += b" " * (-len(text) % 4)
    blob += bytes(-len(blob) % 4)
    size = 12 + 8 + len(text) + 8 + len(blob)
    return (struct.pack("<III", 0x46546C67, 2, size)
            + struct.pack("<II", len(text), 0x4E4F534A) + text
            + struct.pack("<II", len(blob), 0x004E4942) + blob)  # fmt: skip


def _materials(writer: Writer, package: Package, options: Options) -> list[int]:
    colors = derived(package.manifest.palette)
    textures = {}
    for name in package.manifest.textures:
        pixels = paint(package, name, colors)
        step = max(1, max(pixels.shape) // 256)  # small ones are quick to write and to read
        textures[name] = writer.picture(np.ascontiguousarray(pixels[::step, ::step]))
    out = []
    for m in package.manifest.materials:
        base = np.array(colors[m.color])
        linear = np.where(base <= 0.04045, base / 12.92, ((base + 0.055) / 1.055) ** 2.4)
        pbr: dict[str, Any] = {"baseColorFactor": [*linear.tolist(), 1.0]}
        if m.texture:
            pbr = {"baseColorTexture": {"index": textures[m.texture]}}
        row: dict[str, Any] = {"name": m.name, "pbrMetallicRoughness": pbr,
                               "doubleSided": m.two_sided}  # fmt: skip
        if options.kind == "vrm1":
            shade = (np.array(colors[m.shadow]) / np.maximum(colors[m.color], 0.02)).clip(0, 1)
            lit = shade if m.texture else np.array(colors[m.shadow])
            dark = np.where(lit <= 0.04045, lit / 12.92, ((lit + 0.055) / 1.055) ** 2.4)
            row["extensions"] = {"VRMC_materials_mtoon": {
                "specVersion": "1.0", "shadeColorFactor": dark.tolist(),
                "shadingShiftFactor": -m.threshold, "shadingToonyFactor": 1 - min(m.softness, 1),
                "outlineWidthMode": "worldCoordinates" if m.outline else "none"}}  # fmt: skip
        out.append(writer.put("materials", row))
    return out


def _nodes(writer: Writer, package: Package, place: Any, options: Options) -> dict[str, int]:
    """Bones with absolute rest places turned into a chain; returns name -> node."""
    left, right = _eye_centres(package)
    points = {"hips": [0, -5.0, -0.7], "neck": [0, -1.4, -0.7], "head": [0, -0.6, -0.6],
              "leftEye": left, "rightEye": right,
              "leftUpperArm": [1.4, -2.0, -0.7], "leftLowerArm": [3.5, -2.0, -0.7],
              "rightUpperArm": [-1.4, -2.0, -0.7], "rightLowerArm": [-3.5, -2.0, -0.7]}  # fmt: skip
    parents = {"hips": None, "neck": "hips", "head": "neck", "leftEye": "head",
               "rightEye": "head", "leftUpperArm": "hips", "leftLowerArm": "leftUpperArm",
               "rightUpperArm": "hips", "rightLowerArm": "rightUpperArm"}  # fmt: skip
    nodes: dict[str, int] = {}
    for name, parent in parents.items():
        at = place(np.array([points[name]]))[0]
        above = place(np.array([points[parent]]))[0] if parent else np.zeros(3)
        nodes[name] = writer.put("nodes", {"name": name, "translation": (at - above).tolist()})
        if parent:
            writer.tree["nodes"][nodes[parent]].setdefault("children", []).append(nodes[name])
    return nodes


def _eye_centres(package: Package) -> tuple[list[float], list[float]]:
    row = [m.name for m in package.manifest.materials].index("eye")
    used = np.unique(package.mesh.triangle[package.mesh.material == row])
    points = package.mesh.position[used]
    both = [points[points[:, 0] > 0], points[points[:, 0] < 0]]
    return tuple(((p.max(0) + p.min(0)) / 2).tolist() for p in both)  # type: ignore[return-value]


def _weights(package: Package, used: np.ndarray, eye: bool, bones: list[str]) -> Any:
    """Joints u8[V, 4] and weights f32[V, 4]."""
    neck, x = package.mesh.neck[used], package.mesh.position[used, 0]
    weights = np.zeros((len(used), len(bones)), np.float32)
    at = {name: bones.index(name) for name in bones}
    weights[:, at["head"]] = np.clip(2 * neck - 1, 0, 1)
    weights[:, at["neck"]] = np.where(neck < 0.5, 2 * neck, 2 - 2 * neck)
    weights[:, at["hips"]] = np.clip(1 - 2 * neck, 0, 1)
    if eye:
        weights[:] = 0
        weights[:, at["leftEye"]], weights[:, at["rightEye"]] = x > 0, x < 0
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    return joints.astype(np.uint8), np.take_along_axis(weights, joints, 1)


def export(package: Package, path: Path, options: Options) -> None:
    """Write the file; one mesh per material, as avatars have them."""
    writer, mesh, shapes = Writer(), package.mesh, dense(package)
    flip = np.array([-1, 1, -1]) if options.kind == "vrm0" else np.ones(3)

    def place(points: np.ndarray) -> np.ndarray:
        return np.asarray((points * flip * options.scale + options.shift).astype(np.float32))

    table = _materials(writer, package, options)
    names = [n for n in ARKIT if n not in options.drop]
    presets = {name: sum(w * shapes[ARKIT.index(n)] for n, w in parts.items())
               for name, parts in options.presets.items()}  # fmt: skip
    moves = [shapes[ARKIT.index(n)] for n in names] + list(presets.values())
    called = [options.names[n] for n in names] + list(presets)
    bones = _nodes(writer, package, place, options) if options.skeleton else {}
    skin = None
    if bones:
        inverse = np.tile(np.eye(4, dtype=np.float32), (len(bones), 1, 1))
        inverse[:, :3, 3] = -_absolute(writer, list(bones.values()))
        skin = writer.put("skins", {"joints": list(bones.values()), "inverseBindMatrices":
                                    writer.array(inverse.transpose(0, 2, 1))})  # fmt: skip
    roots = [bones["hips"]] if bones else []
    for row, m in enumerate(package.manifest.materials):
        faces = mesh.triangle[mesh.material == row]
        if not len(faces):
            continue
        used, flat = np.unique(faces, return_inverse=True)
        points, uv = place(mesh.position[used]), mesh.uv[used] * [1, -1] + [0, 1]
        node: dict[str, Any] = {"name": m.name}
        if options.quantised:
            low, span = points.min(0), float(np.ptp(points, axis=0).max()) + 1e-6
            short = np.zeros((len(points), 4), np.uint16)
            short[:, :3] = np.rint((points - low) / span * 65535)
            view = writer.view(short.tobytes(), byteStride=8)
            at = {"POSITION": writer.put("accessors", {
                "bufferView": view, "componentType": 5123, "normalized": True, "type": "VEC3",
                "count": len(points)})}  # fmt: skip
            node |= {"translation": low.tolist(), "scale": [span] * 3}
            size = options.scale / span
            at["TEXCOORD_0"] = writer.array(uv.astype(np.float32))
        elif options.interleaved:
            one, two = writer.together(points, uv.astype(np.float32))
            at, size = {"POSITION": one, "TEXCOORD_0": two}, options.scale
        else:
            at = {"POSITION": writer.array(points),
                  "TEXCOORD_0": writer.array(uv.astype(np.float32))}  # fmt: skip
            size = options.scale
        if bones:
            joints, weights = _weights(package, used, m.name == "eye", list(bones))
            at |= {"JOINTS_0": writer.array(joints), "WEIGHTS_0": writer.array(weights)}
        targets = []
        for move in moves:
            delta = (move[used] * flip * size).astype(np.float32)
            targets.append({"POSITION": (writer.sparse if options.sparse else writer.array)(delta)})
        primitive = {"attributes": at, "material": table[row], "targets": targets,
                     "indices": writer.array(flat.reshape(-1).astype(np.uint32))}  # fmt: skip
        body: dict[str, Any] = {"name": m.name, "primitives": [primitive]}
        if options.morph_names:
            body["extras"] = {"targetNames": called}
        node["mesh"] = writer.put("meshes", body)
        if skin is not None and not options.quantised:
            node["skin"] = skin
        roots.append(writer.put("nodes", node))
    if options.quad:
        roots.append(_quad(writer, place))
    writer.put("scenes", {"nodes": roots})
    _vrm(writer, options, bones, called)
    path.write_bytes(writer.data())


def _absolute(writer: Writer, nodes: list[int]) -> np.ndarray:
    place = {}
    parent = {c: n for n, row in enumerate(writer.tree["nodes"]) for c in row.get("children", [])}
    for node in nodes:
        at = np.array(writer.tree["nodes"][node]["translation"])
        place[node] = at + (place[parent[node]] if node in parent else 0)
    return np.stack([place[n] for n in nodes])


def _quad(writer: Writer, place: Any) -> int:
    """A plane .5 dm wide before the forehead, its picture a red disc in nothing."""
    y, x = np.mgrid[0:64, 0:64]
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[(x - 31.5) ** 2 + (y - 31.5) ** 2 < 24**2] = (220, 20, 20, 255)
    corners = np.array([[-0.25, 0.4, 0.6], [0.25, 0.4, 0.6], [0.25, 0.9, 0.6], [-0.25, 0.9, 0.6]])
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    material = writer.put("materials", {
        "name": "disc", "alphaMode": "MASK", "alphaCutoff": 0.5, "pbrMetallicRoughness":
        {"baseColorTexture": {"index": writer.picture(pixels)}}})  # fmt: skip
    mesh = writer.put("meshes", {"primitives": [{
        "attributes": {"POSITION": writer.array(place(corners)), "TEXCOORD_0": writer.array(uv)},
        "indices": writer.array(np.array([0, 1, 2, 0, 2, 3], np.uint16)),
        "material": material}]})  # fmt: skip
    return writer.put("nodes", {"mesh": mesh})


def _vrm(writer: Writer, options: Options, bones: dict[str, int], called: list[str]) -> None:
    if options.kind == "glb":
        return
    human = {n: bones[n] for n in bones}
    meshes = range(len(writer.tree["meshes"]))
    nodes = [n for n, row in enumerate(writer.tree["nodes"]) if "mesh" in row]
    if options.kind == "vrm0":
        groups = [{"name": name, "presetName": name if name in options.presets else "unknown",
                   "binds": [{"mesh": m, "index": k, "weight": 100} for m in meshes]}
                  for k, name in enumerate(called)]  # fmt: skip
        writer.tree["extensions"] = {"VRM": {
            "meta": {"title": "Tester", "author": "Vivify", "allowedUserName": "Everyone",
                     "licenseName": "CC0", **options.meta},
            "humanoid": {"humanBones": [{"bone": b, "node": n} for b, n in human.items()]},
            "blendShapeMaster": {"blendShapeGroups": groups}}}  # fmt: skip
    else:
        rows = {name: {"morphTargetBinds": [{"node": n, "index": k, "weight": 1.0}
                                            for n in nodes]}
                for k, name in enumerate(called)}  # fmt: skip
        preset = {n: v for n, v in rows.items() if n in options.presets}
        custom = {n: v for n, v in rows.items() if n not in options.presets}
        writer.tree["extensions"] = {"VRMC_vrm": {
            "specVersion": "1.0",
            "meta": {"name": "Tester", "authors": ["Vivify"], "avatarPermission": "everyone",
                     "modification": "allowModificationRedistribution", **options.meta},
            "humanoid": {"humanBones": {b: {"node": n} for b, n in human.items()}},
            "expressions": {"preset": preset, "custom": custom}}}  # fmt: skip


def tiny() -> Writer:
    """A face of one curved sheet with jawOpen and two blinks: the least that can be imported."""
    writer = Writer()
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(-0.8, 0.8, 17), np.linspace(-1.2, 0.8, 21)))
    points = np.stack([x, y, 0.3 - 0.4 * x * x], 1).astype(np.float32) / 10
    rows = np.arange(20)[:, None] * 17 + np.arange(16)
    corners = [rows, rows + 1, rows + 18, rows, rows + 18, rows + 17]
    faces = np.stack(corners, -1).reshape(-1, 3)
    still = np.zeros_like(points)
    jaw, left, right = still.copy(), still.copy(), still.copy()
    jaw[y < -0.65, 1] = -0.02
    for move, sign in ((left, 1), (right, -1)):
        move[np.hypot(x - 0.4 * sign, y - 0.1) < 0.16, 1] = -0.01
    mesh = {"primitives": [{
        "attributes": {"POSITION": writer.array(points)},
        "indices": writer.array(faces.reshape(-1).astype(np.uint16)),
        "targets": [{"POSITION": writer.array(m)} for m in (jaw, left, right)]}],
        "extras": {"targetNames": ["jawOpen", "eyeBlinkLeft", "eyeBlinkRight"]}}  # fmt: skip
    writer.put("meshes", mesh)
    writer.put("nodes", {"mesh": 0})
    writer.put("scenes", {"nodes": [0]})
    return writer
