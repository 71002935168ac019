"""`python -m engine.train anchors`: the landmarks' places on the clay, and what networks see of it.

Contract: busts of many identities are drawn and looked at, and their landmarks carried to the clay;
one bald mean avatar is drawn with every identity axis and every expression; the mean photo is the
mean of ten people of the tracked videos, each counted once, and its mirror image. Run it again when
the way faces are drawn has changed.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from tqdm import tqdm

from engine.errors import WeightsError
from engine.eval.recordings import DATA
from engine.face.blendshapes import INDEX
from engine.face.camera import Camera
from engine.frames import BLENDSHAPES, POSE, Motion
from engine.render.renderer import Renderer
from engine.tracker.mesh import landmarks, surround
from engine.tracker.models import CHECKSUMS, Models, cache_folder
from engine.tracker.still import find
from engine.train.anchors import (
    BASE,
    BUNDLED,
    FLIP,
    LOOKS,
    POINTS,
    SAMPLE,
    UNITS,
    Anchors,
    aligned,
    similar,
)  # fmt: skip
from engine.train.avatar import build
from engine.train.axes import axes
from engine.train.bust import F64, I64, Bust
from engine.train.clay import Clay
from engine.train.recipe import PEOPLES, Eyes, Hair, Identity, Recipe

SIZE = 512  # px of the pictures
AXIS_STEP, UNIT_STEP = 0.8, 0.7
# Lips, ring by ring from the outer edge to the seam; columns from right to left, corners last.
UPPER_LIP = (
    (185, 40, 39, 37, 0, 267, 269, 270, 409), (184, 74, 73, 72, 11, 302, 303, 304, 408),
    (183, 42, 41, 38, 12, 268, 271, 272, 407), (191, 80, 81, 82, 13, 312, 311, 310, 415),
)  # fmt: skip
LOWER_LIP = (
    (146, 91, 181, 84, 17, 314, 405, 321, 375), (77, 90, 180, 85, 16, 315, 404, 320, 307),
    (96, 89, 179, 86, 15, 316, 403, 319, 325), (95, 88, 178, 87, 14, 317, 402, 318, 324),
)  # fmt: skip
UPPER_LID = (246, 161, 160, 159, 158, 157, 173, 466, 388, 387, 386, 385, 384, 398)
LOWER_LID = (7, 163, 144, 145, 153, 154, 155, 249, 390, 373, 374, 380, 381, 382)
# Ten people, clip by clip; the people of one row are one person.
_PEOPLE = (
    ("grid/grid_bbaf2n", "grid_s1/*"), ("grid/grid_brbk7n",), ("grid/grid_lbax4n",),
    ("grid/grid_lbbc2a",), ("grid/grid_lrwp9a",), ("grid/grid_lwbsza",), ("grid_s30/*",),
    ("grid_s33/*",), ("grid_s34/*",), ("address/*", "obama/*"),
)  # fmt: skip
_CLIPS, _PICTURES, _EVERY = 6, 10, 6  # of a person, of a clip, frames apart


def sitters() -> list[Recipe]:
    """Bald busts without stylisation, of all peoples, both sexes and three ages."""
    plain = Recipe("bust", "Bust", eyes=Eyes(growth=0, wide=0), hair=Hair("none"), smile=0, rest={})
    mixed = [Identity(gender=gender, age=30) for gender in (0.0, 0.5, 1.0)]
    alone = [
        Identity({people: 0.6, **dict.fromkeys(set(PEOPLES) - {people}, 0.2)}, gender, age)
        for people in PEOPLES
        for gender, age in ((0.15, 22.0), (0.85, 45.0))
    ]
    return [replace(plain, identity=identity) for identity in [*mixed, *alone]]


def drawn(who: Recipe, clay: Clay) -> Renderer:
    """A recipe as it is drawn."""
    with tempfile.TemporaryDirectory() as folder:
        build(who, clay, Path(folder) / who.name, quick=True)
        return Renderer(Path(folder) / who.name, SIZE)


def seen(models: Models, renderer: Renderer, unit: str = "", weight: float = 0.0) -> F64:
    """Landmarks [468, 3] of a picture at rest but for one unit, the mean of several looks."""
    weights = np.zeros(BLENDSHAPES, np.float32)
    if unit:
        weights[INDEX[unit]] = weight
    rgb = renderer.render_rgb(Motion(0, weights, np.zeros(len(POSE), np.float32)))
    points = find(models, rgb)
    if points is None:
        raise WeightsError(f"no face is found in the picture of {renderer.package.name}")
    region, rows = surround(points), []
    for size, aside in LOOKS:
        near = region._replace(size=region.size * size, x=region.x + aside * region.size,
                               roll=region.roll + aside)  # fmt: skip
        rows.append(landmarks(models, rgb, near)[0][:POINTS])
    return np.asarray(np.mean(rows, axis=0), float)


def carried(bust: Bust, points: F64, camera: Camera) -> F64:
    """Landmarks on a picture of a bust -> places [468, 3] on its skin, the foremost under each."""
    faces = bust.body()[0][:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    screen = camera.project(bust.positions.astype(np.float32), SIZE, SIZE).astype(float)
    a, b, c = (screen[faces[:, k]] for k in range(3))
    area = _cross(b - a, c - a)
    out = np.full((POINTS, 3), np.nan)
    for k, at in enumerate(points):
        shares = np.stack([_cross(c - b, at - b), _cross(a - c, at - c), _cross(b - a, at - a)], 1)
        shares /= np.where(np.abs(area) > 1e-9, area, np.nan)[:, None]
        inside = np.flatnonzero((shares > -1e-6).all(1) & (area < 0))
        if len(inside):
            depth = (shares[inside] * screen[faces[inside]][:, :, 2]).sum(1)
            hit = inside[depth.argmin()]
            out[k] = shares[hit] @ bust.positions[faces[hit]]
        else:  # beside the outline: the nearest point of it
            front = np.unique(faces)
            out[k] = bust.positions[front[((screen[front, :2] - at[:2]) ** 2).sum(1).argmin()]]
    return out


def _cross(a: F64, b: F64) -> F64:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def anchored(bust: Bust, places: F64) -> I64:
    """Places [468, 3] on a bust -> vertices; lips and lids by what they do, not only by place."""
    skin, mouth = bust.body()
    face = np.unique(np.concatenate([skin.ravel(), mouth.ravel()]))
    face = face[bust.positions[face, 2] > -0.9]
    at = bust.positions
    opened = bust.shape("jawOpen")[:, 1]
    blinks = [bust.shape(f"eyeBlink{side}") for side in ("Left", "Right")]
    blink = np.linalg.norm(blinks, axis=2).sum(0)
    found = np.array([face[((at[face] - p) ** 2).sum(1).argmin()] for p in places])
    low = opened < 0.45 * opened[found[[14, 17]]].mean()
    for rings, mine in ((UPPER_LIP, ~low), (LOWER_LIP, low)):
        lip, sign = face[mine[face]], 1 if rings is UPPER_LIP else -1
        red = _red(bust, lip)
        for column in range(9):
            x = places[[ring[column] for ring in rings], 0].mean()
            near = red[np.abs(at[red, 0] - x) < 0.035]
            seam, edge = (f(sign * at[near, 1]) for f in (np.min, np.max))
            for ring, share in zip(rings, (1.0, 0.66, 0.33, 0.0), strict=True):
                goal = np.array([x, sign * (seam + share * (edge - seam))])
                off = ((at[lip, :2] - goal) ** 2).sum(1) - 0.02 * at[lip, 2]
                found[ring[column]] = lip[off.argmin()]
    upper, lower = blink > 0.5 * blink.max(), blink < 0.3 * blink.max()
    for rows, mine in ((UPPER_LID, upper), (LOWER_LID, lower)):
        lid = face[mine[face]]
        for row in rows:
            found[row] = lid[((at[lid] - places[row]) ** 2).sum(1).argmin()]
    return found


def _red(bust: Bust, among: I64) -> I64:
    """Vertices of the red of the lips."""
    group = bust.source.groups["body"]
    lips = bust.region("lips", bust.source.uvs[group.uvs].mean(1)) > 0.5
    return np.intersect1d(np.unique(group.vertices[lips]), among)


def twins(mean: F64) -> I64:
    """The landmark nearest to the mirrored place of each."""
    mirrored = mean * np.array([-1, 1, 1])
    apart = ((mirrored[:, None] - mean[None]) ** 2).sum(-1)
    return np.asarray(apart.argmin(1))


def photographs(models: Models, data: Path) -> F64:
    """Mean landmarks [468, 3] of ten people, each counted once, of no particular size."""
    people = []
    for patterns in tqdm(_PEOPLE, desc="people", unit="person"):
        paths = [
            p for pattern in patterns for p in sorted((data / "motion").glob(f"{pattern}.mp*"))
        ]
        rows = [p for path in paths[:: max(1, len(paths) // _CLIPS)] for p in _stills(models, path)]
        first = rows[0]
        people.append(np.mean([aligned(row, first) for row in rows], axis=0))
    mean = people[0]
    for _ in range(4):
        mean = np.mean([aligned(row, mean) for row in people], axis=0)
    return np.asarray(mean)


def _stills(models: Models, path: Path) -> list[F64]:
    out: list[F64] = []
    with av.open(str(path)) as container:
        for i, frame in enumerate(container.decode(container.streams.video[0])):
            if i % _EVERY == 0 and len(out) < _PICTURES:
                points = find(models, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
                if points is not None:
                    out.append(points[:POINTS] * FLIP)
    return out


def symmetric(points: F64, twin: I64) -> F64:
    """The mean of a face and its mirror image."""
    return np.asarray((points + aligned(points[twin] * np.array([-1, 1, 1]), points)) / 2)


def _responses(models: Models, clay: Clay, goal: F64) -> tuple[F64, F64, F64]:
    """Landmarks of a bald mean avatar, and how they move with axes and units, in dm."""
    bald = Recipe("toon", "Toon", identity=BASE, hair=Hair("none"))
    renderer = drawn(bald, clay)
    rest = seen(models, renderer)
    scale, turn, _ = similar(rest * FLIP, goal)

    def apart(points: F64, other: F64) -> F64:
        here = aligned(points * FLIP, rest * FLIP) - aligned(other * FLIP, rest * FLIP)
        return np.asarray(scale * here @ turn)

    def other(name: str) -> F64:
        who = replace(bald, identity=replace(BASE, targets={name: AXIS_STEP}))
        return seen(models, drawn(who, clay))

    moves = []
    for axis in tqdm(axes(clay), desc="axes", unit="axis"):
        low, steps = (other(axis.minus), 2) if axis.minus else (rest, 1)
        moves.append(apart(other(axis.plus), low) / (steps * AXIS_STEP))
    units = [apart(seen(models, renderer, name, UNIT_STEP), rest) / UNIT_STEP for name in UNITS]
    return rest * FLIP, np.array(moves), np.array(units)


def make(models: Models, data: Path) -> Anchors:
    """Everything, anew."""
    clay = Clay.load()
    reference = Bust(clay, replace(sitters()[0], identity=SAMPLE))
    skin, places = np.unique(reference.body()[0]), []
    for who in tqdm(sitters(), desc="busts", unit="bust"):
        renderer, bust = drawn(who, clay), Bust(clay, who)
        here = carried(bust, seen(models, renderer), renderer.package.manifest.camera)
        nearest = [skin[((bust.positions[skin] - p) ** 2).sum(1).argmin()] for p in here]
        places.append(reference.positions[nearest])
    mean: F64 = np.median(places, axis=0)
    twin = twins(mean)
    mean = (mean + mean[twin] * np.array([-1, 1, 1])) / 2
    vertex = anchored(reference, mean)
    photo = aligned(symmetric(photographs(models, data), twin), reference.positions[vertex])
    rest, moves, units = _responses(models, clay, photo)
    toon = aligned(symmetric(rest, twin), photo)
    names = tuple(axis.plus for axis in axes(clay))
    return Anchors(vertex, photo, toon, moves, units, names, UNITS)


def main(argv: Sequence[str]) -> int:
    """Command line of `python -m engine.train anchors`."""
    parser = argparse.ArgumentParser(prog="python -m engine.train anchors", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the training data")
    parser.add_argument("--models", type=Path, default=cache_folder() / "face",
                        help=f"folder with {', '.join(CHECKSUMS)}")  # fmt: skip
    parser.add_argument("--out", type=Path, default=BUNDLED)
    options = parser.parse_args(argv)
    anchors = make(Models.load(options.models), options.data)
    anchors.save(options.out)
    apart = np.linalg.norm(anchors.photo - anchors.drawn, axis=1).mean()
    print(f"{len(set(anchors.vertex))} vertices, photo and drawing {apart:.3f} dm apart")
    return 0
