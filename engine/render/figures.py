"""Avatars as what CUDA kernels read: rows of kernels.cuda's `struct Figure`, and tables of a batch.

A row is one avatar in one setting at one size of picture; rows of one avatar share its mesh on the
device. Arrays are gathered by vertex and by weld group here, once, so that kernels need no atomics.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import FrameError
from engine.face.camera import Camera
from engine.face.fields import RGB
from engine.face.learned import Learned
from engine.face.mesh import BREATH, STEPS, SWING_STEPS, breath
from engine.face.package import Package
from engine.frames import F32, Motion
from engine.render.gbuffer import Visibility, line
from engine.render.mark import Badge, badge, marked
from engine.render.poses import bent, swung
from engine.render.setting import Setting
from engine.render.toon import Toon
from kernels.cuda.backend import Array, Backend
from kernels.cuda.layout import FIGURE, SCENE, VIEWS, View
from kernels.look import Trait

Arrays = dict[str, npt.NDArray[Any]]


def gathered(seen: Visibility, package: Package) -> Arrays:
    """The mesh by members of Figure."""
    mesh = package.mesh
    shape = np.repeat(np.arange(len(mesh.shape_scale)), np.diff(mesh.shape_start))
    order = np.lexsort((shape, mesh.shape_row))
    count = len(mesh.position)
    group = seen.weld[mesh.triangle].reshape(-1)
    around = np.argsort(group, kind="stable")
    eyes = [disc for pair in seen.catchlight.eyes for disc in pair]
    return {
        "rest": _four(mesh.position, mesh.neck),
        "ride": _four(mesh.loose, mesh.breath, mesh.outline * package.manifest.outline_width),
        "proxy": _four(mesh.proxy),
        "tangent": _four(seen.tangents),
        "skin": np.ascontiguousarray(
            seen.traits[:, [Trait.U, Trait.V, Trait.AMBIENT, Trait.SHELTER]]
        ),
        "push_start": _starts(mesh.shape_row[order], count),
        "push": np.column_stack(
            [mesh.shape_delta[order].view(np.uint16), shape[order].astype(np.uint16)]
        ),
        "scale": mesh.shape_scale,
        "weld": seen.weld,
        "fan_start": _starts(group[around], int(seen.weld.max()) + 1),
        "fan": np.column_stack([mesh.triangle[around // 3], 0 * around]).astype(np.uint16),
        "triangle": np.column_stack(
            [seen.triangles, seen.sides | seen.materials.astype(np.int32) << 8]
        ).astype(np.int32),
        "glint": np.concatenate([*eyes, np.zeros(1, np.int64)]).astype(np.int32),
        "glint_start": np.cumsum([0, *(len(disc) for disc in eyes)]).astype(np.int32),
        "ball": np.array([(*at, fall) for at, fall in seen.catchlight.balls] or [(0,) * 4], "<f4"),
    }  # fmt: skip


def coloured(toon: Toon) -> Arrays:
    """The look by members of Figure."""
    behind = toon.backdrop.astype(np.uint32)
    return {
        "table": toon.table, "casts": toon.casts, "textures": toon.textures, "index": toon.index,
        "backdrop": behind[..., 0] | behind[..., 1] << 8 | behind[..., 2] << 16,
    }  # fmt: skip


def neural(seen: Visibility, look: Learned) -> Arrays:
    """The neural look by members of Figure."""
    return {
        "corners": np.ascontiguousarray(look.corner_uv[seen.source], np.float32),
        "atlas": np.ascontiguousarray(look.texture, np.float16),
    }


def marking(mark: Badge | None) -> Arrays:
    """The badge by members of Figure; nothing where there is none."""
    if mark is None:
        return {}
    return {"badge": np.concatenate([mark.ink, mark.keep], 2)}


def _four(*columns: npt.NDArray[Any]) -> F32:
    """[N, 4] float32 of columns [N] or [N, C], 0 where there are none."""
    given = np.column_stack(columns)
    out = np.zeros((len(given), 4), np.float32)
    out[:, : given.shape[1]] = given
    return out


def _starts(sorted_rows: npt.NDArray[Any], count: int) -> npt.NDArray[np.int32]:
    """First entry of each of `count` rows, and the end [count + 1]."""
    return np.searchsorted(sorted_rows, np.arange(count + 1)).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Most:
    """The largest of any row: what grids and strides must hold."""

    vertices: int = 0
    triangles: int = 0  # outlines included
    shown: int = 0  # drawn before the tiles are surveyed
    late: int = 0  # drawn after it
    shapes: int = 0

    def with_(self, seen: Visibility, shapes: int) -> "Most":
        return Most(
            max(self.vertices, len(seen.normals)), max(self.triangles, len(seen.triangles)),
            max(self.shown, seen.late), max(self.late, len(seen.triangles) - seen.late),
            max(self.shapes, shapes),
        )  # fmt: skip


class Batch(NamedTuple):
    """What changes from picture to picture of B sessions, float32 if not said otherwise."""

    who: npt.NDArray[np.int32]  # [B] row
    weights: F32  # [B, S] of all shapes, correctives included; S: Most.shapes
    swings: F32  # [B, SWING_STEPS, 3, 4]
    poses: F32  # [B, STEPS, 3, 4]
    view: F32  # [B, VIEWS] by kernels.cuda.layout.View
    scene: F32  # [B, SCENE] by kernels.look.Scene

    @staticmethod
    def of(count: int, shapes: int) -> "Batch":
        """Zeros."""
        return Batch(
            np.zeros(count, np.int32), np.zeros((count, shapes), np.float32),
            np.zeros((count, SWING_STEPS, 3, 4), np.float32),
            np.zeros((count, STEPS, 3, 4), np.float32), np.zeros((count, VIEWS), np.float32),
            np.zeros((count, SCENE), np.float32),
        )  # fmt: skip


class _Row(NamedTuple):
    seen: Visibility
    toon: Toon
    view: F32  # [VIEWS] without what a motion changes
    mark: Badge | None
    arrays: dict[str, Array]
    pivot: F32
    width: float


class Figures:
    """The avatars of one device at one size of picture."""

    def __init__(self, backend: Backend, height: int, width: int, room: int = 256) -> None:
        self._backend, self._shape = backend, (height, width)
        self._meshes: dict[int, tuple[Package, Visibility, dict[str, Array]]] = {}
        self._rows: list[_Row | None] = [None] * room
        self._table = np.zeros(room, FIGURE)
        self.rows = backend.upload(self._table)
        self.most = Most()

    def add(self, package: Package, setting: Setting | None = None) -> int:
        """The number of a row for an avatar in a setting. Raises FrameError where all are taken,
        PackageError."""
        if None not in self._rows:
            raise FrameError(f"{len(self._rows)} looks are on the device, expected one fewer: "
                             "remove one, or make more room")  # fmt: skip
        number, setting = self._rows.index(None), setting or Setting()
        height, width = self._shape
        if id(package) not in self._meshes:
            seen = Visibility(package, height, width)
            mesh = self._uploaded(gathered(seen, package))
            if package.learned is not None:
                mesh |= self._uploaded(neural(seen, package.learned))
            self._meshes[id(package)] = package, seen, mesh
        _, seen, mesh = self._meshes[id(package)]
        spec = package.manifest
        like = next((row for row in self._rows if row and row.seen is seen), None)
        toon = like.toon.staged(setting) if like else Toon(package, height, width, setting)
        shown = marked(spec.likeness, setting.mark)
        mark = badge(height, width) if shown else None
        arrays = mesh | self._colours(toon, like) | self._uploaded(marking(mark))
        self._rows[number] = _Row(
            seen, toon, _view(spec.camera, toon.light, setting.outline, self._shape), mark, arrays,
            np.array(spec.pivot, np.float32), spec.head_width,
        )  # fmt: skip
        self._write(number, package)
        return number

    def _colours(self, toon: Toon, like: _Row | None) -> dict[str, Array]:
        """The look on the device; what it shares with another row's is not uploaded again."""
        shared = {}
        if like and toon.textures is like.toon.textures:
            shared = {name: like.arrays[name] for name in ("textures", "index")}
        if like and toon.backdrop is like.toon.backdrop:
            shared["backdrop"] = like.arrays["backdrop"]
        rest = {name: array for name, array in coloured(toon).items() if name not in shared}
        return shared | self._uploaded(rest)

    def remove(self, number: int) -> None:
        """Free a row, and the mesh that no other row shows."""
        row, self._rows[number] = self._rows[number], None
        if row and not any(other and other.seen is row.seen for other in self._rows):
            self._meshes = {k: m for k, m in self._meshes.items() if m[1] is not row.seen}

    def fill(self, batch: Batch, rows: Sequence[int], motions: Sequence[Motion]) -> None:
        """Write the tables of B sessions, one motion each, into the first B entries of `batch`."""
        count = len(rows)
        used = [self._rows[number] for number in rows]
        assert all(used) and len(motions) == count
        shown = [row for row in used if row]
        batch.who[:count] = rows
        for b, (row, motion) in enumerate(zip(shown, motions, strict=True)):
            batch.view[b], batch.scene[b, : len(row.toon.scene)] = row.view, row.toon.scene
            batch.view[b, View.BREATH] = breath(motion.start)
            batch.view[b, View.SWINGS] = motion.swing is not None and motion.swing.any()
        asked = np.stack([motion.weights for motion in motions])
        for seen in {id(row.seen): row.seen for row in shown}.values():
            same = [b for b, row in enumerate(shown) if row.seen is seen]
            weights = seen.figure.weights(asked[same])
            batch.weights[same, : weights.shape[1]] = weights
        pivots = np.stack([row.pivot for row in shown])
        widths = np.array([row.width for row in shown], np.float32)
        pose = np.stack([motion.pose for motion in motions])
        batch.poses[:count] = bent(pose, pivots, widths)
        swing = np.stack([np.zeros(3, np.float32) if m.swing is None else m.swing for m in motions])
        batch.swings[:count] = swung(swing, pivots, widths)

    def _uploaded(self, arrays: Arrays) -> dict[str, Array]:
        return {name: self._backend.upload(array) for name, array in arrays.items()}

    def _write(self, number: int, package: Package) -> None:
        row = self._rows[number]
        assert row
        self._table[number] = np.zeros((), FIGURE)
        entry, seen = self._table[number], row.seen
        for name, array in row.arrays.items():
            entry[name] = array.pointer
        entry["vertices"], entry["shown"] = len(seen.normals), seen.late
        entry["surfaces"], entry["triangles"] = seen.surfaces, len(seen.triangles)
        entry["shapes"] = len(package.mesh.shape_scale)
        entry["discs"] = 2 * len(seen.catchlight.eyes)
        entry["breath"] = BREATH[1:] * row.width
        entry["materials"] = len(row.toon.table)
        if package.learned is not None:
            entry["rows"], entry["columns"] = package.learned.texture.shape[:2]
        if row.mark is not None:
            high, broad = row.mark.ink.shape[:2]
            entry["badge_place"] = row.mark.left | row.mark.top << 32
            entry["badge_size"] = broad | high << 32
        self.most = self.most.with_(seen, len(package.mesh.shape_scale))
        self._backend.write(self.rows, self._table)


def _view(camera: Camera, light: RGB, outline: float, shape: tuple[int, int]) -> F32:
    """What a row's pictures are seen by [VIEWS], as far as no motion changes it."""
    view = np.zeros(VIEWS, np.float32)
    view[View.FOCAL] = 0.5 * min(shape) / np.tan(np.radians(camera.fov_deg) / 2)
    view[View.CAMERA_Y], view[View.CAMERA_Z] = camera.height, camera.distance
    view[View.NEAR_DM], view[View.RANGE_DM] = camera.near, camera.far - camera.near
    view[View.LINE] = outline * line(min(shape))
    half = np.array([light[0], light[1], light[2] + 1], np.float32)
    view[View.LIGHT_X : View.LIGHT_Z + 1] = light
    view[View.HALF_X : View.HALF_Z + 1] = half / max(float(np.linalg.norm(half)), 1e-6)
    return view
