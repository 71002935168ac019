"""A glTF scene as one posed body: node transforms, skins in their pose, primitives end to end.

Contract: positions are in the file's world space; `Body.moved` gives what morph targets add there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import PackageError
from engine.train.accessor import array
from engine.train.gltf import Gltf, entries, table
from engine.train.skeleton import Tree, lower_arms, walk
from engine.train.vrm import Bind, Vrm

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
VERTICES = 500_000  # of the whole file, before the bust is cut out
TRIANGLES = 1_000_000
PIECES = 2048  # primitives in the scene
STRIP, FAN = 5, 6
# "held": 1 where a skeleton carries a vertex at all.
BONE_SHARES = ("head", "neck", "leftEye", "rightEye", "jaw", "held")


@dataclass
class Piece:
    """One primitive of one node."""

    node: int
    mesh: int
    primitive: Any
    first: int  # of its vertices in the body
    linear: F32  # [3, 3] or [V, 3, 3]: model -> world for movements
    count: int


@dataclass
class Body:
    """All primitives of a scene; `engine.train.placing` turns, scales and cuts it."""

    position: F64  # [V, 3]
    normal: F64  # [V, 3], zero where the file has none
    uvs: F64  # [V, 2, 2]: both sets, v down as in glTF
    triangle: I64  # [F, 3]
    material: I64  # [F] of the file, -1 none
    share: dict[str, F64]  # bone -> how much of a vertex it and its children carry [V]
    spring: F64  # [V] how much of a vertex sways
    joint: dict[str, F64]  # bone -> its place [3]
    pieces: list[Piece] = field(repr=False)
    gltf: Gltf = field(repr=False)
    kept: I64  # [V] vertices of the pieces, end to end, that are left
    turn: F64 = field(default_factory=lambda: np.eye(3))  # file's space -> ours, for movements

    def moved(self, binds: Iterable[Bind]) -> F64:
        """What morph targets add to the positions: [V, 3]."""
        out = np.zeros((sum(p.count for p in self.pieces), 3))
        for bind in binds:
            for piece in self.pieces:
                if bind.mesh == piece.mesh if bind.node is None else bind.node == piece.node:
                    rows = slice(piece.first, piece.first + piece.count)
                    out[rows] += bind.weight * _target(self.gltf, piece, bind.target)
        return out[self.kept] @ self.turn.T


def _target(gltf: Gltf, piece: Piece, number: int) -> F64:
    targets = piece.primitive.targets or []
    gltf.values -= 3 * piece.count
    if number >= len(targets):
        return np.zeros((piece.count, 3))
    where = f"meshes[{piece.mesh}] target {number}"
    found = _attribute(targets[number], "POSITION")
    if found is None:
        return np.zeros((piece.count, 3))
    delta = array(gltf, found, ("VEC3",), where).astype(float)
    if len(delta) != piece.count:
        raise PackageError(f"{where} has {len(delta)} rows, its mesh has {piece.count} vertices")
    if np.abs(delta).max() > 1e6:
        raise PackageError(f"{where} moves vertices by {np.abs(delta).max():g}: damaged")
    if piece.linear.ndim == 2:
        return np.asarray(delta @ piece.linear.T.astype(float))
    return np.asarray(np.einsum("vij,vj->vi", piece.linear, delta))


def _attribute(source: Any, name: str) -> Any:
    """Accessor number of an attribute, None if absent; pygltflib keeps targets as plain dicts."""
    return source.get(name) if isinstance(source, dict) else getattr(source, name, None)


def _indices(gltf: Gltf, primitive: Any, count: int, where: str) -> I64:
    """Triangles [F, 3] of a primitive; none for points and lines."""
    mode = 4 if primitive.mode is None else primitive.mode
    if mode not in (4, STRIP, FAN):
        return np.zeros((0, 3), np.int64)
    if primitive.indices is None:
        flat = np.arange(count)
    else:
        rows = array(gltf, primitive.indices, ("SCALAR",), f"{where} indices")
        if rows.dtype.kind != "u":
            raise PackageError(f"{where}: indices must be unsigned integers")
        flat = rows[:, 0].astype(np.int64)
        if int(flat.max()) >= count:
            raise PackageError(f"{where} refers to vertex {int(flat.max())} of only {count}")
    if mode == 4:
        return np.asarray(flat[: len(flat) // 3 * 3].reshape(-1, 3))
    if len(flat) < 3:
        return np.zeros((0, 3), np.int64)
    if mode == FAN:
        return np.stack([np.full(len(flat) - 2, flat[0]), flat[1:-1], flat[2:]], 1)
    strip = np.stack([flat[:-2], flat[1:-1], flat[2:]], 1)
    strip[1::2] = strip[1::2, [1, 0, 2]]
    return strip


@dataclass
class _Skin:
    """A skin in the pose of the scene."""

    matrices: F64  # [J, 4, 4]
    inside: dict[str, F64]  # bone, or "spring" -> whether a joint hangs on it [J]


def _joints(gltf: Gltf, of: Any, count: int, known: int, where: str) -> tuple[I64, F64]:
    """Joints [V, K] and weights [V, K], which add up to 1."""
    joints, weights = [], []
    for suffix in ("0", "1"):
        one, two = _attribute(of, f"JOINTS_{suffix}"), _attribute(of, f"WEIGHTS_{suffix}")
        if one is None or two is None:
            break
        joints.append(array(gltf, one, ("VEC4",), f"{where} joints").astype(np.int64))
        weights.append(array(gltf, two, ("VEC4",), f"{where} weights").astype(float))
        if len(joints[-1]) != count or len(weights[-1]) != count:
            raise PackageError(f"{where}: joints and weights differ from {count} vertices")
        if joints[-1].min() < 0 or joints[-1].max() >= known:
            raise PackageError(f"{where} refers to joint {joints[-1].max()} of {known}")
    if not joints:
        return np.zeros((count, 1), np.int64), np.ones((count, 1))
    share = np.maximum(np.concatenate(weights, 1), 0)
    total = share.sum(1, keepdims=True)
    share = np.where(total > 1e-6, share / np.maximum(total, 1e-6), 1 / share.shape[1])
    return np.concatenate(joints, 1), share


class _Collector:
    """Appends primitives to a body."""

    def __init__(self, gltf: Gltf, tree: Tree, vrm: Vrm) -> None:
        self.gltf, self.tree, self.count = gltf, tree, 0
        self.below = {b: tree.below(n) for b, n in vrm.bones.items() if n in tree.world}
        self.springs: set[int] = set()
        for n in sorted(vrm.springs):
            if n in tree.world and n not in self.springs:
                self.springs |= tree.below(n)
        self.rows: dict[str, list[npt.NDArray[Any]]] = {}
        self.pieces: list[Piece] = []
        self.triangles = 0
        self.skins: dict[int, _Skin] = {}

    def _skin(self, number: Any, where: str) -> _Skin:
        """A skin of the file; raises PackageError for joints outside the scene."""
        skin = self.gltf.item("skins", number, where)
        if number in self.skins:
            return self.skins[number]
        nodes = entries(skin.joints, f"skins[{number}].joints", 4096)
        for n in nodes:
            self.gltf.item("nodes", n, f"skins[{number}]")
        if not nodes or any(n not in self.tree.world for n in nodes):
            raise PackageError(f"skins[{number}] names joints that are not in the scene")
        inverse = np.tile(np.eye(4), (len(nodes), 1, 1))
        if skin.inverseBindMatrices is not None:
            rows = array(self.gltf, skin.inverseBindMatrices, ("MAT4",), f"skins[{number}]")
            if len(rows) < len(nodes):
                raise PackageError(
                    f"skins[{number}] has {len(rows)} matrices for {len(nodes)} joints"
                )
            inverse = rows[: len(nodes)].reshape(-1, 4, 4).transpose(0, 2, 1).astype(float)
        groups = {**self.below, "spring": self.springs}
        inside = {b: np.array([n in group for n in nodes], float) for b, group in groups.items()}
        matrices = np.stack([self.tree.world[n] for n in nodes]) @ inverse
        self.skins[number] = _Skin(matrices, inside)
        return self.skins[number]

    def _put(self, **columns: npt.NDArray[Any]) -> None:
        for name, values in columns.items():
            self.rows.setdefault(name, []).append(values)

    def _floats(self, number: Any, kind: str, count: int, where: str) -> F64:
        width = int(kind[-1])
        if number is None:
            return np.zeros((count, width))
        values = array(self.gltf, number, (kind,), where).astype(float)
        if len(values) != count:
            raise PackageError(f"{where} has {len(values)} rows for {count} vertices")
        return values

    def add(self, node: int, mesh: int, primitive: Any, skin: Any) -> None:
        """One primitive, placed in the world."""
        where, of = f"meshes[{mesh}]", primitive.attributes
        if len(self.pieces) >= PIECES:
            raise PackageError(f"the scene has more than {PIECES} primitives: join its meshes")
        if _attribute(of, "POSITION") is None or "KHR_draco_mesh_compression" in table(
            primitive.extensions
        ):
            raise PackageError(f"{where} has no positions: export without compression")
        local = array(self.gltf, _attribute(of, "POSITION"), ("VEC3",), where).astype(float)
        count = len(local)
        self.count += count
        if self.count > VERTICES:
            raise PackageError(
                f"the file's meshes have {self.count} vertices or more, expected at most "
                f"{VERTICES}: export the head and shoulders only, or reduce the meshes"
            )
        triangles = _indices(self.gltf, primitive, count, where)
        self.triangles += len(triangles)
        if self.triangles > TRIANGLES:
            raise PackageError(f"the file has more than {TRIANGLES} triangles: reduce its meshes")
        local += self._preset(mesh, primitive, count, where)
        normal = self._floats(_attribute(of, "NORMAL"), "VEC3", count, f"{where} normals")
        points, normal, linear, carried = self._posed(node, skin, of, local, normal, where)
        if skin is None and np.linalg.det(linear) < 0:  # a mirrored node turns triangles inside out
            triangles = triangles[:, ::-1]
        if not np.isfinite(points).all() or np.abs(points).max() > 1e6:
            raise PackageError(f"{where} reaches {np.abs(points).max():g} metres: damaged")
        self.pieces.append(
            Piece(node, mesh, primitive, self.count - count, linear.astype(np.float32), count)
        )
        uvs = [self._floats(_attribute(of, f"TEXCOORD_{k}"), "VEC2", count, f"{where} uvs")
               for k in (0, 1)]  # fmt: skip
        material = -1 if primitive.material is None else primitive.material
        if material != -1:
            self.gltf.item("materials", material, where)
        self._put(
            position=points, normal=normal, uvs=np.stack(uvs, 1), spring=carried["spring"],
            triangle=triangles + self.count - count, material=np.full(len(triangles), material),
            **{f"share {b}": carried.get(b, np.zeros(count)) for b in BONE_SHARES},
        )  # fmt: skip

    def _preset(self, mesh: int, primitive: Any, count: int, where: str) -> F64:
        """What morph targets that the file sets from the start add to the positions [V, 3]."""
        out = np.zeros((count, 3))
        at_rest = Piece(-1, mesh, primitive, 0, np.eye(3, dtype=np.float32), count)
        for number, weight in enumerate(entries(self.gltf.tree.meshes[mesh].weights, where)):
            if not isinstance(weight, int | float) or not abs(weight) <= 100:
                raise PackageError(f"{where}.weights are no small numbers")
            if weight:
                out += weight * _target(self.gltf, at_rest, number)
        return out

    def _posed(self, node: int, skin: Any, of: Any, local: F64, normal: F64, where: str
               ) -> tuple[F64, F64, F64, dict[str, F64]]:  # fmt: skip
        """Positions, normals, model -> world for movements, and bone -> share [V]."""
        count = len(local)
        if skin is None:
            matrix = self.tree.world[node]
            linear = matrix[:3, :3]
            groups = {**self.below, "spring": self.springs}
            carried = {b: np.full(count, float(node in g)) for b, g in groups.items()}
            carried["held"] = np.max([*carried.values(), np.zeros(count)], axis=0)
            points = local @ linear.T + matrix[:3, 3]
            return points, normal @ _cofactor(linear).T, linear, carried
        posed = self._skin(skin, where)
        joints, weights = _joints(self.gltf, of, count, len(posed.matrices), where)
        blend = np.zeros((count, 4, 4))
        for k in range(joints.shape[1]):
            blend += weights[:, k, None, None] * posed.matrices[joints[:, k]]
        linear = blend[:, :3, :3]
        points = np.einsum("vij,vj->vi", linear, local) + blend[:, :3, 3]
        carried = {b: (inside[joints] * weights).sum(1) for b, inside in posed.inside.items()}
        carried["held"] = np.ones(count)
        return points, np.einsum("vij,vj->vi", linear, normal), linear, carried

    def body(self, vrm: Vrm) -> Body:
        """All that was added."""
        if not self.triangles:
            raise PackageError("the file's scene has no triangles: export the meshes too")
        r = {name: np.concatenate(values) for name, values in self.rows.items()}
        joint = {b: self.tree.world[n][:3, 3] for b, n in vrm.bones.items() if n in self.tree.world}
        share = {b: r[f"share {b}"] for b in BONE_SHARES}
        return Body(r["position"], r["normal"], r["uvs"], r["triangle"], r["material"], share,
                    r["spring"], joint, self.pieces, self.gltf, np.arange(self.count))  # fmt: skip


def _cofactor(linear: F64) -> F64:
    """What turns normals: the inverse transpose up to scale; exists for singular matrices too."""
    a, b, c = linear
    return np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)])


def assemble(gltf: Gltf, vrm: Vrm) -> Body:
    """The scene's meshes as one body, spread arms lowered."""
    tree = walk(gltf)
    lower_arms(tree, vrm.bones)
    collector = _Collector(gltf, tree, vrm)
    for number in tree.world:
        node = gltf.tree.nodes[number]
        if node.mesh is None:
            continue
        mesh = gltf.item("meshes", node.mesh, f"nodes[{number}]")
        for primitive in mesh.primitives:
            collector.add(number, node.mesh, primitive, node.skin)
    return collector.body(vrm)
