"""Where each triangle of an avatar lies in its neural texture: one atlas without overlaps.

The uv that a package draws its toon textures with do not serve: they are a single point for teeth
and lashes, both eyes share them, and fabrics repeat. Here each material gets charts of its own:

    its own uv             where they are spread and no two triangles share a place
    a capsule around the   for what wraps the head or the body: azimuth about the vertical axis and
      skull, unrolled      arc length along a capsule; the back shares fewer texels
    seen from the front    for the rest: left, right and middle apart, so that each eye has its own

Faces turned inwards get a chart apart from those turned outwards. The charts share the atlas by
what a camera sees of them in a few poses and expressions.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.face.blendshapes import INDEX
from engine.face.mesh import SKULL, Figure
from engine.face.package import Package
from engine.frames import BLENDSHAPES, F32, Motion
from kernels.raster import BOTH, EMPTY, FRONT, empty, rasterize, triangle_of

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

RESOLUTION = 512  # texels a side
_GLANCE = 192  # px
_VIEWS: tuple[tuple[float, float, dict[str, float]], ...] = (  # yaw, pitch, weights
    (0, 0, {}),
    (0, 0, {"jawOpen": 0.7}),
    (0, 0, {"jawOpen": 0.25, "mouthSmileLeft": 0.8, "mouthSmileRight": 0.8}),
    (0, 0, {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "browInnerUp": 0.8}),
    (-28, 4, {"jawOpen": 0.3}),
    (28, -4, {"jawOpen": 0.3}),
    (-14, -14, {}),
    (14, 14, {"jawOpen": 0.4}),
)
_SHARE = 0.7  # power of what is seen: small parts get more than their part of the picture
_LEAST = 0.0012  # of the atlas: a chart of about 17 x 17 texels of 512
_MARGIN = 1.5  # texels around a chart
_MOUTH, _EYE = 5, 3  # how much closer these are looked at than the rest
_SPREAD = 0.01  # area of own uv below which they are degenerate
_OVERLAP = 1.15  # area of own uv per area that they cover, above which they overlap
_CELLS = 256  # a side, by which overlap is measured
_WRAPS = 0.35  # head widths of depth and of width beyond which something wraps the head
_BEHIND = 0.6  # of the azimuth: from here backwards it is compressed
_BACK = 0.35  # to this share of its length


@dataclass(frozen=True, slots=True)
class _Chart:
    """Triangles [n] and their corners' places [n, 3, 2] in a plane, of any extent."""

    faces: I64
    places: F32

    def fitted(self, seen: F64) -> F32:
        """The places moved and stretched so that what is seen, by triangle of the package, fills
        [0, 1]; what never is may lie crowded at its border."""
        shown = self.places[seen[self.faces] >= 1]
        if not len(shown):
            shown = self.places
        low, high = shown.min((0, 1)), shown.max((0, 1))
        placed = (self.places - low) / np.maximum(high - low, 1e-6)
        return np.asarray(np.clip(placed, 0, 1), np.float32)


def atlas(package: Package, resolution: int = RESOLUTION) -> F32:
    """uv of all triangles' corners [F, 3, 2] in [0, 1]; (0, 0) is the corner of the first texel of
    the first row of an atlas [resolution, resolution]. The same package gives the same numbers."""
    charts = [c for m in range(len(package.manifest.materials)) for c in _charts(package, m)]
    seen = _seen(package)
    weight = np.array([float(seen[c.faces].sum()) for c in charts]) ** _SHARE
    weight = np.maximum(weight / max(float(weight.sum()), 1e-9), _LEAST)
    out = np.zeros((len(package.mesh.triangle), 3, 2), np.float32)
    order = np.argsort(-weight, kind="stable")
    cells = _divide(weight[order], (0.0, 0.0, 1.0, 1.0))
    for chart, (left, top, width, height) in zip((charts[n] for n in order), cells, strict=True):
        margin = min(_MARGIN / resolution, width / 4, height / 4)
        size = np.array([width - 2 * margin, height - 2 * margin])
        out[chart.faces] = np.array([left + margin, top + margin]) + chart.fitted(seen) * size
    return np.asarray(np.clip(out, 0, 1), np.float32)


_Cell = tuple[float, float, float, float]  # left, top, width, height


def _divide(weight: F64, cell: _Cell) -> list[_Cell]:
    """A cell divided by weights [N], in their order, always across its longer side."""
    if len(weight) == 1:
        return [cell]
    total = np.cumsum(weight)
    half = int(np.abs(total[:-1] - total[-1] / 2).argmin()) + 1
    share = float(total[half - 1] / total[-1])
    left, top, width, height = cell
    if width >= height:
        one = left, top, width * share, height
        two = left + width * share, top, width * (1 - share), height
    else:
        one = left, top, width, height * share
        two = left, top + height * share, width, height * (1 - share)
    return _divide(weight[:half], one) + _divide(weight[half:], two)


def _seen(package: Package) -> F64:
    """How much of each triangle [F] shows in a few views: its samples, more for those at the mouth
    and the eyes, and a little for all."""
    mesh, spec = package.mesh, package.manifest
    figure, keys = Figure(package), empty(_GLANCE, _GLANCE)
    both = np.array([BOTH if m.two_sided else FRONT for m in spec.materials], np.uint8)
    seen = np.full(len(mesh.triangle), 1e-3)
    for yaw, pitch, weights in _VIEWS:
        drawn = np.zeros(BLENDSHAPES, np.float32)
        for name, value in weights.items():
            drawn[INDEX[name]] = value
        motion = Motion(0, drawn, np.array([yaw, pitch, 0, 0, 0, 0], np.float32))
        screen = spec.camera.project(figure.vertices(motion), _GLANCE, _GLANCE)
        rasterize(screen, mesh.triangle, both[mesh.material], len(mesh.triangle), keys)
        shown = keys != EMPTY
        counts = np.broadcast_to(_regard(figure.named(screen))[..., None], keys.shape)[shown]
        seen += np.bincount(triangle_of(keys[shown]), counts, minlength=len(seen))
    return seen


def _regard(at: dict[str, F32]) -> F64:
    """How closely each pixel of a glance is looked at; `at`: landmarks on the screen."""
    y, x = np.mgrid[:_GLANCE, :_GLANCE] + 0.5
    out = np.ones((_GLANCE, _GLANCE))
    for one, two, factor in (
        ("mouth_corner_left", "mouth_corner_right", _MOUTH),
        ("eye_outer_left", "eye_inner_left", _EYE),
        ("eye_outer_right", "eye_inner_right", _EYE),
    ):
        a, b = at[one][:2], at[two][:2]
        middle, reach = (a + b) / 2, 0.6 * float(np.hypot(*(a - b)))
        out[np.hypot(x - middle[0], y - middle[1]) < reach] = factor
    return out


def _charts(package: Package, material: int) -> list[_Chart]:
    """The charts of one material; none if no triangle has it."""
    mesh = package.mesh
    faces = np.flatnonzero(mesh.material == material)
    if not len(faces):
        return []
    own = mesh.uv[mesh.triangle[faces]] * np.array([1, -1], np.float32)
    if _injective(own):
        return [_Chart(faces, own)]
    corners = mesh.position[mesh.triangle[faces]]
    extent = (corners.max((0, 1)) - corners.min((0, 1))) / package.manifest.head_width
    if extent[0] > _WRAPS and extent[2] > _WRAPS:
        return _wrapped(package, faces, corners)
    return _frontal(mesh.weld[mesh.triangle[faces]], faces, corners)


def _normals(corners: F32) -> F32:
    return np.asarray(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))


def _apart(inwards: Flags, faces: I64, places: F32) -> list[_Chart]:
    """Two charts, or one if all faces are turned alike."""
    return [_Chart(faces[one], places[one]) for one in (~inwards, inwards) if one.any()]


def _wrapped(package: Package, faces: I64, corners: F32) -> list[_Chart]:
    """Around the vertical axis of the skull: azimuth, 0 in front, and arc length from its middle,
    along a capsule that is round on top."""
    spec = package.manifest
    centre = np.array(spec.pivot) + np.array([0, SKULL * spec.head_width, 0])
    radius = 0.5 * spec.head_width
    x, y, z = np.moveaxis(corners - centre, 2, 0)
    middle = corners.mean(1) - centre
    azimuth = np.arctan2(middle[:, 0], middle[:, 2])
    # Corners turn with their triangle, so that none is torn where the circle closes.
    turn = np.arctan2(x, z) - azimuth[:, None]
    turn = (turn + math.pi) % (2 * math.pi) - math.pi
    around = np.clip(azimuth[:, None] + turn, -1.05 * math.pi, 1.05 * math.pi) / math.pi
    over = np.maximum(np.abs(around) - _BEHIND, 0)
    across = np.sign(around) * (np.abs(around) - over * (1 - _BACK))
    up = np.where(y > 0, radius * np.arctan2(y, np.hypot(x, z)), y)
    outwards = middle.copy()
    outwards[:, 1] = np.maximum(middle[:, 1], 0)
    inwards = (_normals(corners) * outwards).sum(1) < 0
    return _apart(inwards, faces, np.stack([across, -up], 2).astype(np.float32))


def _frontal(weld: npt.NDArray[np.int32], faces: I64, corners: F32) -> list[_Chart]:
    """Seen from the front at rest; connected parts on the left, on the right and in the middle
    have charts of their own, and so have faces that look away."""
    found = []
    away = _normals(corners)[:, 2] < 0
    side = _sides(weld, corners)
    for which in (-1, 0, 1):
        here = side == which
        places = corners[here][..., :2] * np.array([1, -1], np.float32)
        found += _apart(away[here], faces[here], places)
    return found


def _sides(weld: npt.NDArray[np.int32], corners: F32) -> npt.NDArray[np.int8]:
    """Whether the connected part of each triangle [n] lies at x < 0 (-1), x > 0 (1) or both (0)."""
    label = np.arange(int(weld.max()) + 1)
    while True:
        lowest = label[weld].min(1)
        before = label.copy()
        np.minimum.at(label, weld.reshape(-1), np.repeat(lowest, 3))
        label = label[label]
        if (label == before).all():
            break
    part = label[weld[:, 0]]
    low, high = np.full(len(label), np.inf), np.full(len(label), -np.inf)
    np.minimum.at(low, part, corners[..., 0].min(1))
    np.maximum.at(high, part, corners[..., 0].max(1))
    return ((low[part] > 0).astype(np.int8) - (high[part] < 0).astype(np.int8)).astype(np.int8)


def _injective(uv: F32) -> bool:
    """Whether triangles [n, 3, 2] are spread in the plane and lie side by side."""
    one, two = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    total = float(np.abs(area).sum()) / 2
    low, high = uv.min((0, 1)), uv.max((0, 1))
    extent = np.maximum(high - low, 1e-6)
    if total < _SPREAD * float(extent.prod()) or extent.min() < 1e-3:
        return False
    # Drawn as a flat scene: what fewer samples than expected show lies on top of each other.
    screen = np.zeros((uv.shape[0] * 3, 3), np.float32)
    screen[:, :2] = ((uv - low) / extent).reshape(-1, 2) * _CELLS
    screen[:, 2] = 0.5
    triangles = np.arange(len(screen), dtype=np.int32).reshape(-1, 3)
    keys = empty(_CELLS, _CELLS)
    rasterize(screen, triangles, np.full(len(uv), BOTH, np.uint8), len(uv), keys)
    covered = float((keys != EMPTY).mean())
    return total / float(extent.prod()) < _OVERLAP * covered
