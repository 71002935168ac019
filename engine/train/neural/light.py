"""Light on a posed mesh: a key light's shadow map, and a sky that every vertex sees a part of.

`Sun`: depth from the key light; soft shadows whose penumbra widens with the distance to what
throws them (Fernando, "Percentage-closer soft shadows", SIGGRAPH 2005 sketches). `Sky`: a few
directions of a large, coloured environment, each with its own small depth map, so that mouths,
necks and fringes get the occlusion of the pose they are in. Lengths in decimetres.
"""

import numpy as np
import numpy.typing as npt

from engine.frames import F32
from engine.train.ambient import directions
from engine.train.neural.jit import jit
from kernels.raster import BOTH, DEPTH_ONE, EMPTY, empty, rasterize, tiles_of

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

SUN_SIZE, SKY_SIZE = 768, 144  # px of depth maps
SKY_VIEWS, BEHIND = 16, -0.45  # directions over the sphere; those farther behind are left out
TAPS, SEARCH = 22, 9  # of the penumbra, of the search for blockers
LAMP = 0.16  # half the lamp's size over its distance: how fast a penumbra widens
NARROW, WIDE = 0.020, 0.22  # dm, least and most radius of a penumbra
_STAND = 0.03  # dm by which a vertex stands off its surface when it looks at the sky
_SOFT = 0.06  # dm over which one thing comes to lie before another


def frame(towards: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rows right, down and away of an orthographic view from the unit vector `towards`."""
    side = np.array([0.0, 1, 0]) if abs(towards[1]) < 0.95 else np.array([0, 0, 1.0])
    right = np.cross(side, towards)
    right /= np.linalg.norm(right)
    return np.stack([right, -np.cross(towards, right), -towards])


def disc(count: int) -> F32:
    """Evenly spread points [count, 2] of the unit disc (Vogel's spiral)."""
    at = np.arange(count) + 0.5
    radius, turn = np.sqrt(at / count), at * np.pi * (3 - 5**0.5)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1).astype(np.float32)


@jit
def _depths(keys: I64, out: F32) -> None:
    """out [H, W] = mean depth in [0, 1] of a pixel's covered samples; 1 where there are none."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total, count = 0.0, 0
            for s in range(4):
                key = keys[y, x, s]
                if key != EMPTY:
                    total += key >> 32
                    count += 1
            out[y, x] = 1.0 if count == 0 else total / (count * DEPTH_ONE)


@jit
def _see(
    keys: I64, screen: F32, normals: F32, towards: F32, color: F32, soft: float, out: F32
) -> None:
    """Add to out [V, 3] the light of one direction at points on screen [V, 3]."""
    size = keys.shape[0]
    scale = np.float32(1 / DEPTH_ONE)
    for v in range(len(screen)):
        facing = (
            normals[v, 0] * towards[0] + normals[v, 1] * towards[1] + normals[v, 2] * towards[2]
        )
        if facing <= 0:
            continue
        x = min(max(screen[v, 0] - np.float32(0.5), np.float32(0)), np.float32(size - 1.01))
        y = min(max(screen[v, 1] - np.float32(0.5), np.float32(0)), np.float32(size - 1.01))
        x0, y0 = int(x), int(y)
        fx, fy = x - np.float32(x0), y - np.float32(y0)
        seen = np.float32(0)
        for j in range(2):
            for i in range(2):
                part = np.float32(0)
                for s in range(4):
                    depth = np.float32(keys[y0 + j, x0 + i, s] >> 32) * scale
                    gap = (depth - screen[v, 2]) / np.float32(soft) + np.float32(1)
                    part += min(max(gap, np.float32(0)), np.float32(1))
                seen += part * (fx if i else 1 - fx) * (fy if j else 1 - fy)
        seen *= facing * np.float32(0.25)
        for c in range(3):
            out[v, c] += seen * color[c]


@jit
def _calm(values: F32, place: I32, triangles: I32, total: F32, links: F32, rounds: int) -> None:
    """Average values [V, 3] with their neighbours, across vertices at one place."""
    for _ in range(rounds):
        total[:] = 0
        links[:] = 0
        for t in range(len(triangles)):
            for a in range(3):
                g = place[triangles[t, a]]
                for b in range(3):
                    w = np.float32(1.0 if a == b else 0.5)
                    v = triangles[t, b]
                    links[g] += w
                    for c in range(3):
                        total[g, c] += w * values[v, c]
        for v in range(len(values)):
            g = place[v]
            if links[g] > 0:
                for c in range(3):
                    values[v, c] = total[g, c] / links[g]


class Sun:
    """The key light's depth map."""

    def __init__(self, towards: F32, centre: F32, reach: float) -> None:
        """`towards`: unit vector to the light; the map shows `reach` dm around `centre`."""
        view = frame(towards.astype(np.float64))
        scale = SUN_SIZE / (2 * reach)
        self.unit = np.float32(0.5 / (1.6 * reach))  # of depth per dm
        rows = view * np.array([scale, scale, self.unit])[:, None]
        shift = np.array([SUN_SIZE / 2, SUN_SIZE / 2, 0.5]) - rows @ centre
        self.matrix = np.concatenate([rows, shift[:, None]], 1).astype(np.float32)  # [3, 4]
        self.texel = np.float32(scale)  # texels per dm
        self.depth = np.ones((SUN_SIZE, SUN_SIZE), np.float32)
        self._keys, self._tiles = empty(SUN_SIZE, SUN_SIZE), tiles_of(SUN_SIZE, SUN_SIZE)

    def cast(self, points: F32, triangles: I32) -> None:
        """Draw the map of points [V, 3]."""
        screen = points @ self.matrix[:, :3].T + self.matrix[:, 3]
        sides = np.full(len(triangles), BOTH, np.uint8)
        rasterize(screen, triangles, sides, len(triangles), self._keys, self._tiles)
        _depths(self._keys, self.depth)


class Sky:
    """Light from everywhere, seen from the vertices of a coarse mesh."""

    def __init__(self, colors: F32, centre: F32, reach: float) -> None:
        """`colors` [3, 3]: from above, from the horizon, from below; linear RGB."""
        all_directions = directions(SKY_VIEWS)
        self._towards = all_directions[all_directions[:, 2] > BEHIND].astype(np.float32)
        up = self._towards[:, 1:2]
        above, level, below = colors
        tint = np.where(up > 0, level + (above - level) * up, level + (below - level) * -up)
        # Of a whole sphere of white, a surface gets 1.
        self._tint = (tint * 4 / SKY_VIEWS).astype(np.float32)
        self._unit = np.float32(0.5 / reach)
        scale = SKY_SIZE / (2 * reach)
        self._views = []
        for towards in self._towards:
            rows = frame(towards.astype(np.float64)) * np.array([scale, scale, self._unit])[:, None]
            shift = np.array([SKY_SIZE / 2, SKY_SIZE / 2, 0.5]) - rows @ centre
            self._views.append((rows.T.astype(np.float32), shift.astype(np.float32)))
        self._keys, self._tiles = empty(SKY_SIZE, SKY_SIZE), tiles_of(SKY_SIZE, SKY_SIZE)

    def light(self, points: F32, normals: F32, triangles: I32, place: I32) -> F32:
        """Irradiance [V, 3] at points with normals, behind whatever of triangles stands before
        them; `place` [V]: vertices of one number stand at one place."""
        out = np.zeros_like(points)
        sides = np.full(len(triangles), BOTH, np.uint8)
        off = points + np.float32(_STAND) * normals
        for towards, tint, (turn, shift) in zip(
            self._towards, self._tint, self._views, strict=True
        ):
            screen = points @ turn + shift
            rasterize(screen, triangles, sides, len(triangles), self._keys, self._tiles)
            _see(
                self._keys, off @ turn + shift, normals, towards, tint, float(_SOFT * self._unit),
                out,
            )  # fmt: skip
        groups = int(place.max()) + 1
        _calm(
            out, place, triangles, np.empty((groups, 3), np.float32), np.empty(groups, np.float32),
            2,
        )  # fmt: skip
        return out
