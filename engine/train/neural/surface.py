"""A cast member's mesh, four triangles for each of its own, rounded: what the teacher draws.

Phong tessellation (Boubekeur and Alexa, "Phong Tessellation", SIGGRAPH Asia 2008): the middle of
an edge moves towards the tangent planes of its ends, which rounds silhouettes that a live mesh
leaves angular. Vertices are in decimetres.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from engine.face.mesh import Figure
from engine.face.package import Package
from engine.frames import BLENDSHAPES, F32, Motion
from engine.render.traits import strands
from engine.train.neural.jit import jit
from kernels import mesh as ops
from kernels.raster import BOTH, EMPTY, FRONT, empty, rasterize, triangle_of

I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]

ROUND = 0.6  # share of the way to the tangent planes
DETAIL = 0.6  # share that the proxies keep: they were made to calm a cel shader
_GLANCE = 384  # px
DROPPED = ("glint", "gleam", "lash")  # drawn highlights, and lashes that are strands here


class Kind(IntEnum):
    """How a surface scatters light."""

    SKIN = 0
    EYE = 1
    MOUTH = 2
    TOOTH = 3
    TONGUE = 4
    HAIR = 5
    CLOTH = 6
    GLOSS = 7


_KINDS = {
    "skin": Kind.SKIN, "ear": Kind.SKIN, "nose": Kind.SKIN, "eye": Kind.EYE, "mouth": Kind.MOUTH,
    "teeth": Kind.TOOTH, "tongue": Kind.TONGUE, "hair": Kind.HAIR, "beard": Kind.HAIR,
    "underhair": Kind.HAIR, "frame": Kind.GLOSS, "button": Kind.GLOSS, "knob": Kind.GLOSS,
    "accent": Kind.GLOSS,
}  # fmt: skip


def kind(name: str) -> Kind:
    """Of a material's name."""
    return _KINDS.get(name, Kind.CLOTH)


class Column(IntEnum):
    """Columns of the vertex table [V, COLUMNS] float32."""

    NORMAL = 0  # and 2 more
    U = 3
    V = 4
    SKY = 5  # irradiance from the sky, RGB
    WORLD = 8
    REST = 11
    AMBIENT = 14
    TANGENT = 15  # along strands, posed


COLUMNS = 18


@jit
def _divide(
    points: F32, smooth: F32, shaded: F32, first: I32, second: I32, amount: float, out: F32,
    normals: F32,
) -> None:  # fmt: skip
    """Points and normals of all vertices from their parents `first` and `second`."""
    for v in range(len(first)):
        a, b = first[v], second[v]
        if a == b:
            for c in range(3):
                out[v, c] = points[a, c]
                normals[v, c] = shaded[a, c]
            continue
        da = np.float32(0)
        db = np.float32(0)
        for c in range(3):
            half = np.float32(0.5) * (points[b, c] - points[a, c])
            da += half * smooth[a, c]
            db -= half * smooth[b, c]
        total = np.float32(1e-12)
        for c in range(3):
            middle = np.float32(0.5) * (points[a, c] + points[b, c])
            out[v, c] = middle - np.float32(0.5) * np.float32(amount) * (
                da * smooth[a, c] + db * smooth[b, c]
            )
            n = shaded[a, c] + shaded[b, c]
            normals[v, c] = n
            total += n * n
        total = np.float32(1) / np.sqrt(total)
        for c in range(3):
            normals[v, c] *= total


class Surface:
    """The posable, subdivided mesh of one package."""

    def __init__(self, package: Package) -> None:
        mesh, spec = package.mesh, package.manifest
        self.figure, self._mesh = Figure(package), mesh
        names = [m.name for m in spec.materials]
        kept = ~np.isin(mesh.material, [i for i, n in enumerate(names) if n in DROPPED])
        self.coarse = np.ascontiguousarray(mesh.triangle[kept])  # [F, 3] casts shadows
        self.coarse_material = mesh.material[kept]
        corner = self.coarse.astype(np.int64)
        count = len(mesh.position)
        ends = np.sort(
            np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [2, 0]]]), axis=1
        )
        edges, which = np.unique(ends[:, 0] * count + ends[:, 1], return_inverse=True)
        ab, bc, ca = which.reshape(3, -1) + count
        a, b, c = corner.T
        self.triangle = np.concatenate(
            [np.stack(t, 1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
        ).astype(np.int32)  # [4F, 3]
        self.material = np.tile(self.coarse_material, 4)
        here = np.arange(count)
        self.first = np.concatenate([here, edges // count]).astype(np.int32)  # [V] parents
        self.second = np.concatenate([here, edges % count]).astype(np.int32)
        both = np.array([BOTH if m.two_sided else FRONT for m in spec.materials], np.uint8)
        self.sides = both[self.material]
        self._arrange(package)
        self._weld = np.unique(mesh.weld, return_inverse=True)[1].astype(np.int32)
        grid = np.round(mesh.position * 4000).astype(np.int64)
        self.place = np.unique(grid, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int32)
        self._proxy = mesh.proxy * np.array([1, 1, 1, DETAIL], np.float32)
        self._plain = np.zeros_like(mesh.proxy)
        self._scratch = np.empty((count, 3), np.float32)
        combed = np.array([m.strand for m in spec.materials])[mesh.material]
        self.tangent = strands(mesh, combed)
        self.table = np.zeros((len(self.first), COLUMNS), np.float32)
        for column, value in (
            (Column.U, mesh.uv), (Column.REST, mesh.position),
            (Column.AMBIENT, mesh.ambient[:, None]),
        ):  # fmt: skip
            wide = value.shape[1]
            self.table[:, column : column + wide] = 0.5 * (value[self.first] + value[self.second])
        self.points = np.empty((count, 3), np.float32)  # of the coarse mesh
        self.normals = np.empty((count, 3), np.float32)
        self.smooth = np.empty((count, 3), np.float32)  # one normal at each place
        self.turn = np.eye(3, dtype=np.float32)
        self._divided = np.empty((len(self.first), 3), np.float32)
        self._divided_normals = np.empty_like(self._divided)

    def _arrange(self, package: Package) -> None:
        """Triangles that show in a few poses first: the others are drawn behind them, quickly."""
        mesh, camera = self._mesh, package.manifest.camera
        keys, shown = empty(_GLANCE, _GLANCE), np.zeros(len(self.triangle), bool)
        for yaw, pitch in ((0, 0), (-25, 0), (25, 0), (0, 12), (0, -12)):
            pose = np.array([yaw, pitch, 0, 0, 0, 0], np.float32)
            points = self.figure.vertices(Motion(0, np.zeros(BLENDSHAPES, np.float32), pose))
            middle = 0.5 * (points[self.first] + points[self.second])
            screen = camera.project(middle, _GLANCE, _GLANCE)
            rasterize(screen, self.triangle, self.sides, len(self.triangle), keys)
            shown[triangle_of(keys[keys != EMPTY])] = True
        y = mesh.position[self.first[self.triangle[:, 0]], 1]
        order = np.lexsort((np.round(-y, 1), ~shown))
        self.triangle = np.ascontiguousarray(self.triangle[order])
        self.material, self.sides = self.material[order], self.sides[order]
        self.early = int(shown.sum())  # how many are drawn before anything is tested

    def pose(self, motion: Motion) -> F32:
        """World positions [V, 3] of the subdivided mesh; fills the table but for SKY."""
        self.points = self.figure.vertices(motion)
        _, self.turn = self.figure.poses(motion.pose)
        faces = self._mesh.triangle
        ops.normals(
            self.points, faces, self._weld, self._proxy, self.turn, self._scratch, self.normals
        )
        ops.normals(
            self.points, faces, self.place, self._plain, self.turn, self._scratch, self.smooth
        )
        _divide(
            self.points, self.smooth, self.normals, self.first, self.second, ROUND, self._divided,
            self._divided_normals,
        )  # fmt: skip
        tangent = self.tangent @ self.turn.T
        table = self.table
        table[:, Column.NORMAL : Column.NORMAL + 3] = self._divided_normals
        table[:, Column.WORLD : Column.WORLD + 3] = self._divided
        table[:, Column.TANGENT : Column.TANGENT + 3] = 0.5 * (
            tangent[self.first] + tangent[self.second]
        )
        return self._divided

    def spread(self, values: F32, column: int) -> None:
        """Values [coarse V, C] into the table from `column` on."""
        self.table[:, column : column + values.shape[1]] = np.float32(0.5) * (
            values[self.first] + values[self.second]
        )
