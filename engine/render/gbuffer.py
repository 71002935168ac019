"""Motion -> G-buffer: visibility keys for shading, and uv, normal, depth and mask for networks."""

from dataclasses import dataclass

import numpy as np

from engine.face.mesh import Figure
from engine.face.package import Package
from engine.frames import F32, U8, Motion
from engine.render.workspace import Buffers
from kernels import mesh as ops
from kernels.gbuffer import interpolate
from kernels.raster import BACK, BOTH, EMPTY, FRONT, rasterize

_BEHIND = 0.004  # depth by which an outline lies behind its surface


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
        self._mesh, self._camera = mesh, spec.camera
        count = len(mesh.position)
        lined = np.array([m.outline is not None for m in spec.materials])[mesh.material]
        # The front half of the outlined materials, the outer shells, hides most of the rest.
        front = lined & (mesh.position[mesh.triangle, 2].max(1) > spec.pivot[2])
        order = np.argsort(~front, kind="stable")
        faces, kinds = mesh.triangle[order], mesh.material[order]
        hull = lined[order] & (mesh.outline[faces].max(1) > 0)
        # The package's triangle behind each drawn one.
        self.source = np.concatenate([order, order[hull]])
        self._late, self._surfaces = int(front.sum()), len(faces)
        self.triangles = np.concatenate([faces, faces[hull] + count]).astype(np.int32)
        # Outlines use the rows after the surfaces' own in the material table.
        self.materials = np.concatenate([kinds, kinds[hull] + len(spec.materials)]).astype(np.uint8)
        both = np.array([BOTH if m.two_sided else FRONT for m in spec.materials], np.uint8)
        self._sides = np.concatenate([both[kinds], np.full(hull.sum(), BACK, np.uint8)]).astype(
            np.uint8
        )
        self._outline = (mesh.outline * spec.outline_width * min(height, width)).astype(np.float32)
        self._weld = np.unique(mesh.weld, return_inverse=True)[1].astype(np.int32)
        self._scratch = np.empty((int(self._weld.max()) + 1, 3), np.float32)
        self.screen = np.empty((2 * count, 3), np.float32)
        self.normals = np.empty((count, 3), np.float32)
        self._shape = height, width

    def draw(self, motion: Motion, buffers: Buffers, outline: float = 1.0) -> None:
        """Fill buffers.keys, `screen` and `normals` for a motion; `outline`: factor on the width
        of lines, 0 for none."""
        height, width = self._shape
        points = self.figure.vertices(motion)
        _, turn = self.figure.poses(motion.pose)
        mesh, count = self._mesh, len(points)
        ops.normals(
            points, mesh.triangle, self._weld, mesh.proxy, turn, self._scratch, self.normals
        )
        self.screen[:count] = self._camera.project(points, width, height)
        ops.inflate(
            self.screen[:count], self.normals, self._outline * np.float32(outline),
            np.float32(_BEHIND),
            self.screen[count:],
        )  # fmt: skip
        count = len(self.triangles) if outline else self._surfaces
        rasterize(
            self.screen, self.triangles[:count], self._sides[:count], self._late, buffers.keys
        )

    def cut_out(self, buffers: Buffers, rgba: U8) -> None:
        """What was drawn over black -> rgba [H, W, 4] with alpha, colours not premultiplied."""
        covered = (buffers.keys != EMPTY).sum(2)
        share = np.array([0, 4, 2, 4 / 3, 1], np.float32)[covered]
        rgba[..., :3] = np.rint(np.minimum(rgba[..., :3] * share[..., None], 255))
        rgba[..., 3] = np.array([0, 64, 128, 191, 255], np.uint8)[covered]

    def gbuffer(self, motion: Motion, buffers: Buffers) -> GBuffer:
        """Attributes of the surface nearest to the viewer at each pixel, without outlines."""
        self.draw(motion, buffers, outline=0)
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
