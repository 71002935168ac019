"""Where a mouth opens: the rims of both lips, told apart by the mesh and not by where they lie.

Shut lips touch, so nearness does not tell an upper lip from a lower one, and what pulls at one
would drag the other along. Ways over the skin do: a point belongs to the lip whose rim is the
nearer one.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from engine.face.package import Package
from engine.train.bust import F64, I64

# Landmarks of the lips' inner edge from the right corner to the left one.
UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_FAR = 0.6  # dm over the skin from which on no lip is felt


@dataclass(frozen=True, slots=True)
class Slit:
    """Of a package whose lips are shut at rest."""

    upper: I64  # [U] vertices of the rim from the right corner to the left one, both included
    lower: I64  # [L]
    side: F64  # [V] 1 on the upper rim, -1 on the lower one, 0 in the corners and far away
    away: F64  # [V] dm over the skin to the rim; _FAR or more where it is not near
    along: F64  # [V] share of the way from corner to corner of the nearest place of the rim

    @classmethod
    def of(cls, package: Package) -> "Slit":
        """Of a package of engine.train.avatar, with its skin and the inside of its mouth."""
        mesh = package.mesh
        names = [material.name for material in package.manifest.materials]
        # Parts are welded for their normals only, each for itself.
        _, weld = np.unique(mesh.position.round(5), axis=0, return_inverse=True)
        first = np.unique(weld, return_index=True)[1]
        weld = first[weld.ravel()]
        skin, mouth = (
            weld[mesh.triangle[mesh.material == names.index(name)]] for name in ("skin", "mouth")
        )
        ring = _ring(skin, mouth)
        x = mesh.position[ring, 0]
        ring = np.roll(ring, -int(x.argmin()))  # from the right corner, which is at -x
        turn = int(mesh.position[ring, 0].argmax())
        arcs = [ring[: turn + 1], np.concatenate([ring[turn:], ring[:1]])[::-1]]
        if mesh.position[arcs[0], 1].mean() < mesh.position[arcs[1], 1].mean():
            arcs.reverse()
        ways = _ways(mesh.position.astype(float), np.concatenate([skin, mouth]))
        far, along = [], []
        for arc in arcs:
            found, _, source = dijkstra(
                ways, indices=arc, min_only=True, limit=_FAR, return_predecessors=True
            )
            share = np.zeros(len(mesh.position))
            share[arc] = shares(mesh.position[arc].astype(float))
            far.append(np.minimum(found, _FAR))
            along.append(np.where(source >= 0, share[np.maximum(source, 0)], 0.5))
        above, below = far
        side = (below - above) / np.maximum(below + above, 1e-6)
        near = np.where(above <= below, along[0], along[1])
        return cls(
            arcs[0], arcs[1], side[weld], np.minimum(above, below)[weld], near[weld]
        )  # fmt: skip


def shares(points: F64) -> F64:
    """How far along a line of points [N, D] each lies, 0..1."""
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return np.asarray(way / way[-1])


def at(line: F64, share: F64) -> F64:
    """Points [N, D] at shares [N] of the way along a line [M, D]."""
    known = shares(line)
    return np.stack([np.interp(share, known, column) for column in line.T], axis=1)


def _ring(skin: I64, mouth: I64) -> I64:
    """The closed line of vertices in which two sets of triangles [F, 3] meet, in order."""
    edges = [np.unique(np.sort(_edges(faces), axis=1), axis=0) for faces in (skin, mouth)]
    both, count = np.unique(np.concatenate(edges), axis=0, return_counts=True)
    beside: dict[int, list[int]] = {}
    for a, b in both[count == 2].tolist():
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    first = min(beside)
    ring, last = [first], -1
    while True:
        here = ring[-1]
        following = [v for v in beside[here] if v != last]
        if not following or following[0] == first:
            return np.array(ring, np.int64)
        last = here
        ring.append(following[0])


def _edges(faces: I64) -> I64:
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def _ways(position: F64, faces: I64) -> "csr_matrix":
    """Lengths of edges, as a graph."""
    a, b = np.unique(np.sort(_edges(faces), axis=1), axis=0).T
    length = np.maximum(np.linalg.norm(position[a] - position[b], axis=1), 1e-6)
    size = len(position)
    return csr_matrix(
        (np.r_[length, length], (np.r_[a, b], np.r_[b, a])), shape=(size, size)
    )  # fmt: skip
