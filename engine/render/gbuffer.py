"""Motion -> G-buffer: visibility keys for shading, and uv, normal, depth and mask for networks."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.face.fields import RGB
from engine.face.mesh import Figure
from engine.face.package import Package
from engine.frames import F32, U8, Motion
from engine.render.catchlight import Catchlight
from engine.render.traits import strands, traits
from engine.render.workspace import Buffers
from kernels import mesh as ops
from kernels.gbuffer import interpolate
from kernels.look import Trait
from kernels.matte import silhouette
from kernels.raster import BACK, BOTH, EMPTY, FRONT, empty, overlay, rasterize, triangle_of

_GLANCE = 192  # px
_POSES = ((0, 0), (-25, 0), (25, 0), (0, 12), (0, -12))  # yaw, pitch
_BAND = 6  # px of a glance
_BEYOND = 0.008  # share of the picture's side at which an outline asks for clear background
_BEHIND = 0.004  # depth by which an outline lies behind its surface


def line(side: int) -> float:
    """Pixels of a line one share of the picture wide: less than in proportion, so that lines keep
    their presence in small pictures and stay fine in large ones."""
    return float(512 * (side / 512) ** 0.85)


@dataclass(frozen=True, slots=True)
class GBuffer:
    """What a neural renderer takes; the background is 0 everywhere."""

    uv: F32  # [H, W, 2] in [0, 1]
    normal: F32  # [H, W, 3] unit, view space
    depth: F32  # [H, W] in [0, 1), 0 nearest
    mask: U8  # [H, W] material number + 1


class Visibility:
    """Draws a package's triangles at one size; owns its vertices, so it serves one thread."""

    def __init__(self, package: Package, height: int, width: int) -> None:
        mesh, spec = package.mesh, package.manifest
        self.figure = Figure(package)
        self.catchlight = Catchlight(package)
        self._mesh, self.camera = mesh, spec.camera
        count = len(mesh.position)
        self._shape = height, width
        both = np.array([BOTH if m.two_sided else FRONT for m in spec.materials], np.uint8)
        order, shown = self._order(both)
        faces, kinds = mesh.triangle[order], mesh.material[order]
        lined = np.array([m.outline is not None for m in spec.materials])[kinds]
        hull = lined & (mesh.outline[faces].max(1) > 0)
        # The package's triangle behind each drawn one.
        self.source = np.concatenate([order, order[hull]])
        self.late, self.surfaces = shown, len(faces)
        self.triangles = np.concatenate([faces, faces[hull] + count]).astype(np.int32)
        # Outlines use the rows after the surfaces' own in the material table.
        self.materials = np.concatenate([kinds, kinds[hull] + len(spec.materials)]).astype(np.uint8)
        self.sides = np.concatenate([both[kinds], np.full(hull.sum(), BACK, np.uint8)]).astype(
            np.uint8
        )
        side = min(height, width)
        self._outline = (mesh.outline * spec.outline_width * line(side)).astype(np.float32)
        self.weld = np.unique(mesh.weld, return_inverse=True)[1].astype(np.int32)
        self._scratch = np.empty((int(self.weld.max()) + 1, 3), np.float32)
        self.screen = np.full((2 * count, 3), -1, np.float32)  # hulls without a line stay outside
        self.normals = np.empty((count, 3), np.float32)
        self.traits = traits(mesh)
        self._lined = True  # whether the picture at hand has outlines
        combed = np.array([m.strand for m in spec.materials])[mesh.material]
        self.tangents = strands(mesh, combed)

    def _order(self, sides: U8) -> tuple[npt.NDArray[np.int64], int]:
        """(order of drawing [F], how many of them are drawn before anything is tested for being
        hidden); sides [M] of each material."""
        mesh, keys = self._mesh, empty(_GLANCE, _GLANCE)
        # What shows in a few poses hides most of the rest.
        shown = np.zeros(len(mesh.triangle), bool)
        for yaw, pitch in reversed(_POSES):
            motion = Motion(
                0, np.zeros(52, np.float32), np.array([yaw, pitch, 0, 0, 0, 0], np.float32)
            )
            screen = self.camera.project(self.figure.vertices(motion), _GLANCE, _GLANCE)
            rasterize(screen, mesh.triangle, sides[mesh.material], len(mesh.triangle), keys)
            shown[triangle_of(keys[keys != EMPTY])] = True
        # Neighbours follow each other, so that the part of the keys they touch stays in the cache.
        x, y = screen[mesh.triangle, :2].mean(1).T
        return np.lexsort((x, y // _BAND, ~shown)), int(shown.sum())

    def draw(self, motion: Motion, buffers: Buffers, light: RGB, outline: float = 1.0) -> None:
        """Fill buffers.keys, `screen`, `normals` and `traits` for a motion; `light`: unit vector
        to the key light; `outline`: factor on the width of lines, 0 for none."""
        height, width = self._shape
        points = self.figure.vertices(motion)
        poses, turn = self.figure.poses(motion.pose)
        self.catchlight.turn(points, poses[-1], light)
        mesh, count = self._mesh, len(points)
        ops.normals(points, mesh.triangle, self.weld, mesh.proxy, turn, self._scratch, self.normals)
        self.traits[:, : Trait.NORMAL_Z + 1] = self.normals
        half = np.array([light[0], light[1], light[2] + 1], np.float32)
        half /= max(float(np.linalg.norm(half)), 1e-6)
        ops.strands(self.tangents, turn, half, self.traits[:, Trait.STRAND])
        self.screen[:count] = self.camera.project(points, width, height)
        rasterize(
            self.screen[:count], self.triangles[: self.surfaces], self.sides[: self.surfaces],
            self.late, buffers.keys, buffers.tiles,
        )  # fmt: skip
        self._lined = outline > 0
        if not outline:
            return
        ops.inflate(
            self.screen[:count], self.normals, self._outline * np.float32(outline),
            np.float32(_BEHIND), np.array([-light[0], light[1]], np.float32),
            buffers.tiles.clear, np.float32(_BEYOND * min(height, width)), self.screen[count:],
        )  # fmt: skip
        overlay(self.screen, self.triangles, self.sides, self.surfaces, buffers.keys, buffers.tiles)

    def cut_out(self, buffers: Buffers, rgba: U8) -> None:
        """What was drawn over black -> rgba [H, W, 4] with alpha, colours not premultiplied."""
        drawn = slice(None if self._lined else self.surfaces)
        silhouette(self.screen, self.triangles[drawn], self.sides[drawn], buffers.keys, rgba)

    def gbuffer(self, motion: Motion, buffers: Buffers) -> GBuffer:
        """Attributes of the surface nearest to the viewer at each pixel, without outlines."""
        self.draw(motion, buffers, (0.0, 0.0, 1.0), outline=0)
        height, width = self._shape
        uv = np.empty((height, width, 2), np.float32)
        normal = np.empty((height, width, 3), np.float32)
        depth = np.empty((height, width), np.float32)
        mask = np.empty((height, width), np.uint8)
        interpolate(
            buffers.keys, self.screen, self.triangles, self.materials, self.normals, self._mesh.uv,
            uv, normal, depth, mask,
        )  # fmt: skip
        return GBuffer(uv, normal, depth, mask)
