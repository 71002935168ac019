"""Landmarks of an imported face: found by what its shapes move, as its parts have no names.

Contract: all that engine.face.manifest.LANDMARKS asks for, or a PackageError that says which shape
is missing or does nothing. Positions are placed by engine.train.placing.
"""

import numpy as np
import numpy.typing as npt

from engine.errors import PackageError
from engine.face.blendshapes import INDEX
from engine.train.rig import Face

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
_EPS = 4e-3  # dm: a surface less than this in front hides nothing
_MOST = 1500  # vertices whose visibility is asked for at once


def visible(points: F64, triangle: I64, among: I64) -> I64:
    """Those of the vertices `among` that no triangle hides from the front."""
    if len(among) > _MOST:  # the foremost ones, which are the visible ones, first
        among = among[np.argsort(-points[among, 2])[:_MOST]]
    corners = points[triangle]
    low, high = points[among].min(0), points[among].max(0)
    near = (corners[:, :, :2].max(1) >= low[:2]).all(1) & (
        corners[:, :, :2].min(1) <= high[:2]
    ).all(1)  # fmt: skip
    corners = corners[near]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac = b - a, c - a
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    fine = np.abs(area) > 1e-9
    a, ab, ac, area = a[fine], ab[fine], ac[fine], area[fine]
    kept = []
    for vertex in among:
        p = points[vertex] - a
        u = (p[:, 0] * ac[:, 1] - p[:, 1] * ac[:, 0]) / area
        v = (ab[:, 0] * p[:, 1] - ab[:, 1] * p[:, 0]) / area
        inside = (u > 0) & (v > 0) & (u + v < 1)
        kept.append(not (inside & (u * ab[:, 2] + v * ac[:, 2] > p[:, 2] + _EPS)).any())
    return among[np.array(kept, bool)] if len(among) else among


def _nearest(points: F64, among: I64, target: F64) -> int:
    return int(among[np.linalg.norm(points[among] - target, axis=1).argmin()])


class _Finder:
    def __init__(self, points: F64, triangle: I64, shapes: F64, face: Face) -> None:
        self.points, self.triangle, self.shapes, self.face = points, triangle, shapes, face
        self.used = np.unique(triangle)
        self.size = -face.chin  # dm from the eyes to the chin

    def move(self, name: str) -> F64:
        return np.asarray(self.shapes[INDEX[name]])

    def front(self, low: float, high: float, width: float) -> I64:
        """Visible vertices between two heights (0 eyes, 1 chin), within `width` of the middle."""
        p, s = self.points[self.used], self.size
        near = (p[:, 1] < -low * s) & (p[:, 1] > -high * s) & (np.abs(p[:, 0]) < width * s)
        return visible(self.points, self.triangle, self.used[near])

    def lips(self) -> dict[str, int]:
        """Inner lips: where, in the middle, what falls with the jaw meets what does not."""
        fall = -self.move("jawOpen")[:, 1]
        p = self.points
        for width in (0.06, 0.12, 0.25):
            middle = self.front(0.3, 1.15, width)
            most = fall[middle].max() if len(middle) else 0.0
            lower = middle[fall[middle] > 0.5 * most]
            if most < 0.01 or not len(lower):
                continue
            low = int(lower[p[lower, 1].argmax()])
            above = middle[(fall[middle] < 0.35 * most) & (p[middle, 1] > p[low, 1] - 0.05)]
            if len(above):
                return {"lip_lower_inner": low, "lip_upper_inner": _nearest(p, above, p[low])}
        raise PackageError(
            "the lips were not found: jawOpen (or what stands in for it) does not part an upper "
            "from a lower lip in the middle of the face"
        )

    def corners(self, lips: dict[str, int]) -> dict[str, int]:
        """Corners of the mouth: where its movement ends on each side."""
        p, found = self.points, {}
        seam = p[[lips["lip_upper_inner"], lips["lip_lower_inner"]]].mean(0)
        close = self.front(0.2, 1.2, 0.9)
        close = close[np.abs(p[close, 1] - seam[1]) < 0.14 * self.size]
        move = np.linalg.norm(self.move("jawOpen"), axis=1)
        speech = [np.linalg.norm(self.move(n), axis=1) for n in ("mouthPucker", "mouthFunnel")]
        for side, sign in (("left", 1), ("right", -1)):
            here = close[p[close, 0] * sign > 0.04 * self.size]
            title = side.title()
            pulls = [np.linalg.norm(self.move(f"mouth{n}{title}"), axis=1)
                     for n in ("Smile", "Stretch", "Dimple", "Frown")]  # fmt: skip
            pull = next((m for m in [*pulls, *speech] if len(here) and m[here].max() > 0.02), None)
            if pull is not None:
                strong = here[pull[here] > 0.85 * pull[here].max()]
                found[f"mouth_corner_{side}"] = _nearest(
                    p, here, np.array([np.median(p[strong, 0]), seam[1], np.median(p[strong, 2])])
                )
            elif len(here):
                open_ = here[move[here] > 0.3 * move[close].max()]
                rim = open_ if len(open_) else here
                found[f"mouth_corner_{side}"] = int(rim[(p[rim, 0] * sign).argmax()])
            else:
                raise PackageError(
                    f"no vertices on the {side} of the mouth: the mesh is too coarse"
                )
        return found

    def eyes(self) -> dict[str, int]:
        """Corners and lids of both eyes, by what a blink moves."""
        p, found = self.points, {}
        for side, sign in (("left", 1), ("right", -1)):
            blink = self.move(f"eyeBlink{side.title()}")
            size = np.linalg.norm(blink, axis=1)
            # What lies inside the head may move with a blink as well, in careless rigs.
            beside = (p[self.used, 0] * sign > 0) & (np.abs(p[self.used, 1]) < 0.6 * self.size)
            here = visible(p, self.triangle, self.used[beside & (p[self.used, 2] > -0.5)])
            if not len(here) or size[here].max() < 0.01:
                raise PackageError(
                    f"no shape closes the {side} eye: the file has neither eyeBlink{side.title()} "
                    "nor a VRM blink; add one of them"
                )
            moved = here[size[here] > 0.25 * size[here].max()]
            x = p[moved, 0] * sign
            found[f"eye_outer_{side}"] = int(moved[x.argmax()])
            found[f"eye_inner_{side}"] = int(moved[x.argmin()])
            lid = int(here[size[here].argmax()])
            still = here[(size[here] < 0.3 * size[lid]) & (p[here, 2] > p[lid, 2] - 0.25)]
            found[f"lid_upper_{side}"] = lid
            found[f"lid_lower_{side}"] = (
                _nearest(p, still, p[lid] + blink[lid]) if len(still) else lid
            )  # fmt: skip
        return found

    def middle(self, lips: dict[str, int]) -> dict[str, int]:
        """Tip of the nose and chin."""
        p = self.points
        top = p[lips["lip_upper_inner"], 1]
        for width in (0.06, 0.12, 0.3):
            nose = self.front(0.1, 0.9, width)
            nose = nose[p[nose, 1] > top + 0.06 * self.size]
            chin = self.front(0.5, 1.15, width)
            chin = chin[p[chin, 1] < p[lips["lip_lower_inner"], 1] - 0.12 * self.size]
            if len(nose) and len(chin):
                tip, low = nose[p[nose, 2].argmax()], chin[(p[chin, 2] - p[chin, 1]).argmax()]
                return {"nose_tip": int(tip), "chin": int(low)}
        raise PackageError("nose and chin were not found: the mesh is too coarse in the middle")


def find(points: F64, triangle: I64, shapes: F64, face: Face) -> dict[str, int]:
    """Landmark name -> vertex; points [V, 3], triangle [F, 3], shapes [52, V, 3]."""
    finder = _Finder(points, triangle, shapes, face)
    lips = finder.lips()
    return {**lips, **finder.corners(lips), **finder.eyes(), **finder.middle(lips)}
