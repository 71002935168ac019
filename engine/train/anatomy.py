"""Where things are worn: points of ears and the skin's surface, found on any bust.

The clay's topology never changes, so an ear's root is the same vertex on everybody.
"""

import numpy as np

from engine.train.bust import F64, I64, Bust
from engine.train.sitter import Sitter

# Vertices of the subject's left ear.
LEFT = {"root": 5213, "behind": 3499, "lobe": 4901}


def mirrored(bust: Bust, vertex: int) -> int:
    """The vertex of the other side: the clay itself is symmetric."""
    clay = bust.source.positions
    return int(np.abs(clay - clay[vertex] * [-1, 1, 1]).sum(1).argmin())


def ear(bust: Bust, name: str, side: int) -> int:
    """Vertex of a point of an ear; side: 1 the subject's left, -1 right."""
    return LEFT[name] if side > 0 else mirrored(bust, LEFT[name])


def face_depth(sitter: Sitter, xy: F64, reach: float, shapes: tuple[str, ...] = ()) -> F64:
    """Largest z [N] of the skin within `reach` of points [N, 2] of the face, at rest or in shapes.

    Several shapes joined by '+' act together.
    """
    skin = np.unique(sitter.skin.source)
    rest = sitter.bust.positions[skin]
    front = rest[:, 2] > -0.55
    deepest = np.full(len(xy), -np.inf)
    for names in ("", *shapes):
        moved = [sitter.bust.shape(n)[skin] for n in names.split("+") if n]
        points = (rest + sum(moved))[front] if moved else rest[front]
        apart = np.hypot(*(points[None, :, :2] - xy[:, None]).transpose(2, 0, 1))
        near = np.where(apart < reach, points[None, :, 2], -np.inf)
        # Where no vertex is near enough, the nearest one counts.
        lone = points[apart.argmin(1), 2]
        deepest = np.maximum(deepest, np.maximum(near.max(1), lone))
    return deepest


def vertices(bust: Bust, groups: tuple[str, ...]) -> I64:
    """MakeHuman vertices of helper groups."""
    return np.unique(np.concatenate([bust.group(name).ravel() for name in groups]))
