"""What `kernels.cel.shade` reads at each vertex, as far as no motion changes it."""

import numpy as np
import numpy.typing as npt

from engine.face.tensors import Mesh
from engine.frames import F32
from kernels.look import TRAITS, Trait

# Share of the head's turn between which a vertex takes the shadow of the head: neck and below.
_SHELTER = (0.985, 0.84)


def traits(mesh: Mesh) -> F32:
    """Vertex table [V, TRAITS]; normals and strands are filled in for each motion."""
    table = np.zeros((len(mesh.position), TRAITS), np.float32)
    table[:, [Trait.U, Trait.V]] = mesh.uv
    table[:, Trait.AMBIENT] = mesh.ambient
    begin, end = _SHELTER
    t = np.clip((mesh.neck - begin) / (end - begin), 0, 1)
    table[:, Trait.SHELTER] = t * t * (3 - 2 * t)
    return table


def strands(mesh: Mesh, faces: npt.NDArray[np.bool_]) -> F32:
    """Unit tangents [V, 3] along falling v, that is from root to tip, on some of the triangles
    [F]; 0 where there are none. Lengyel, "Foundations of Game Engine Development", vol. 2, 7.5."""
    corner = mesh.triangle[faces]
    p0, p1, p2 = (mesh.position[corner[:, c]].astype(float) for c in range(3))
    uv0, uv1, uv2 = (mesh.uv[corner[:, c]].astype(float) for c in range(3))
    du1, dv1 = (uv1 - uv0).T
    du2, dv2 = (uv2 - uv0).T
    area = du1 * dv2 - du2 * dv1
    along = (du2[:, None] * (p1 - p0) - du1[:, None] * (p2 - p0)) * np.sign(area)[:, None]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    out = np.zeros((int(mesh.weld.max()) + 1, 3))
    for c in range(3):
        np.add.at(out, mesh.weld[corner[:, c]], along)
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
    return out[mesh.weld].astype(np.float32)
