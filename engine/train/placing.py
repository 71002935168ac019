"""An imported body in the conventions of our avatars: facing, size, place; the bust cut out.

Contract: afterwards the body is in decimetres, +z out of the face, +x the subject's left, the
origin midway between the eyes, and small enough for a package.
"""

import numpy as np
import numpy.typing as npt

from engine.errors import PackageError
from engine.face.tensors import TRIANGLES, VERTICES
from engine.train.bust import CUT, smooth
from engine.train.rig import Face, Rig
from engine.train.scene import Body

F64 = npt.NDArray[np.float64]
CHIN = 1.0  # dm from the eyes down to what the jaw moves, as on the bundled avatars
_LONG = 1.45  # of the eyes' distance: a chin deeper than this is a beard
TOPS = (0.9, 2.2)  # dm: of how tall a head, hair and ears included, all is shown
SIDE, DEPTH = 2.6, 4.0  # dm: nothing farther out is kept
_MOVED = 0.4  # of the largest movement: what counts as moved by a shape


def _movers(rig: Rig, *names: str) -> F64:
    """Positions [N, 3] of what the first of these shapes moves that the file has."""
    for name in names:
        move = rig.shape(name)
        if move is None and name in rig.sources:
            move = rig.body.moved(rig.sources[name])
        if move is not None:
            size = np.linalg.norm(move, axis=1)
            if size.max() > 0:
                return np.asarray(rig.body.position[size > _MOVED * size.max()])
    return np.zeros((0, 3))


def _centre(points: F64) -> F64:
    return np.asarray((points.max(0) + points.min(0)) / 2)


def _eyes(rig: Rig) -> tuple[F64, F64]:
    """Centres of the eyes that the file calls left and right."""
    body = rig.body
    found = []
    for side in ("left", "right"):
        title = side.title()
        share = body.share[f"{side}Eye"]
        points = body.position[share > 0.5]
        if len(points) < 3:
            points = _movers(rig, f"eyeLookOut{title}", f"eyeLookUp{title}", f"eyeLookIn{title}",
                             f"eyeBlink{title}")  # fmt: skip
        found.append(points)
    if min(map(len, found)) < 3:
        points = _movers(rig, "blink", "eyesClosed")
        if len(points) < 6:
            raise PackageError(
                "the eyes were not found: the file has neither eyeBlinkLeft and eyeBlinkRight, a "
                "VRM blink, nor eye bones; add one of them"
            )
        middle = _centre(points)[0]
        found = [points[points[:, 0] > middle], points[points[:, 0] <= middle]]
    return _centre(found[0]), _centre(found[1])


def _behind(rig: Rig, eyes: F64) -> bool:
    """Whether the face looks along -z."""
    body = rig.body
    head = body.position[body.share["head"] > 0.5]
    if len(head) < 50:
        reach = max(float(np.ptp(body.position[:, 1])) * 0.15, 1e-6)
        head = body.position[np.abs(body.position[:, 1] - eyes[1]) < reach]
    if len(head) < 8:
        return rig.vrm.version == "0.x"
    depth = float(np.ptp(head[:, 2]))
    ahead = float(eyes[2] - np.median(head[:, 2]))
    return rig.vrm.version == "0.x" if abs(ahead) < 0.08 * depth else ahead < 0


def _apply(body: Body, turn: F64, at: F64) -> None:
    """Rotate and scale about a point, which becomes the origin; in place."""
    body.position = (body.position - at) @ turn.T
    body.joint = {name: turn @ (p - at) for name, p in body.joint.items()}
    body.turn = turn @ body.turn
    body.normal = body.normal @ (turn / max(float(np.linalg.norm(turn[0])), 1e-12)).T


def _mirrored(rig: Rig) -> bool:
    """Whether shapes called left move what lies on the subject's right."""
    for stem in ("eyeBlink", "blink", "mouthSmile", "browDown", "eyeLookOut"):
        centres = []
        for side in ("Left", "Right"):
            binds = rig.sources.get(f"{stem}{side}")
            if binds is not None:
                size = np.linalg.norm(rig.body.moved(binds), axis=1)
                centres.append(float((size * rig.body.position[:, 0]).sum()))
        if len(centres) == 2 and centres[0] != centres[1]:
            return centres[0] < centres[1]
    return False


def _chin(rig: Rig, span: float) -> float:
    """Height of the chin below the eyes, which are at the origin `span` apart."""
    opened = rig.shape("jawOpen")
    if opened is None:
        raise PackageError(
            "no shape opens the mouth: the file has none of jawOpen, viseme_aa, VRM aa (A), or a "
            "jaw bone; add one of them"
        )
    fall = -opened[:, 1]
    near = (np.abs(rig.body.position[:, 0]) < 0.5 * span) & (rig.body.position[:, 1] < 0)
    moved = near & (fall > 0.5 * fall.max())
    if fall.max() <= 0 or not moved.any():
        raise PackageError("jawOpen (or viseme_aa, VRM aa) moves nothing down below the eyes")
    drop = -float(rig.body.position[moved, 1].min())
    if "jawOpen" in rig.direct or "jaw" in rig.approximated.get("jawOpen", ""):
        return drop
    # Drawn mouths open without a chin that moves: the head's own front tells how far it is.
    share = rig.body.share["head"]
    points = rig.body.position[(share > 0.6) & near & (rig.body.position[:, 2] > -0.3 * span)]
    lowest = -float(points[:, 1].min()) if len(points) else drop / 0.8
    return float(np.clip(lowest, drop, 1.5 * drop))


def _crown(body: Body, span: float) -> float:
    """Height of the head's top above the eyes."""
    head = body.position[body.share["head"] > 0.6]
    if len(head) < 50:
        head = body.position[np.abs(body.position[:, 0]) < 1.5 * span]
    return float(np.percentile(head[:, 1], 99.8))


def place(rig: Rig) -> tuple[Face, list[str]]:
    """Put a rig's body into place; returns where its face is, and what a person should know."""
    notes: list[str] = []
    one, two = _eyes(rig)
    middle = (one + two) / 2
    if _behind(rig, middle):
        _apply(rig.body, np.diag([-1.0, 1.0, -1.0]), middle)
        one, two = (one - middle) * [-1, 1, -1], (two - middle) * [-1, 1, -1]
    else:
        _apply(rig.body, np.eye(3), middle)
        one, two = one - middle, two - middle
    if _mirrored(rig):
        rig.swapped = True
        notes.append("the file calls the subject's right side left: its sides were swapped")
    joint, share = rig.body.joint, rig.body.share
    if {"leftEye", "rightEye"} <= set(joint) and joint["leftEye"][0] < joint["rightEye"][0]:
        for table in (joint, share):
            table["leftEye"], table["rightEye"] = table["rightEye"], table["leftEye"]
    span = float(np.abs(one[0] - two[0]))
    if not 1e-7 < span < 1e5:
        raise PackageError(f"the eyes are {span:g} apart: the file's shapes name no two eyes")
    drop = _chin(rig, span)
    drop = float(np.clip(drop, 0.3 * span, _LONG * span))
    scale = CHIN / drop
    top = float(np.clip(_crown(rig.body, span) * scale, *TOPS))
    _apply(rig.body, np.eye(3) * scale, np.zeros(3))
    lids = np.concatenate([_movers(rig, "eyeBlinkLeft", "blink"), np.zeros((1, 3))])
    brow = float(np.clip(lids[:, 1].max() + 0.06, 0.12, 0.45))
    return Face(0.0, -CHIN, brow, top), notes


def cut(body: Body) -> None:
    """Keep the triangles of the bust and their vertices; in place."""
    corners = body.position[body.triangle]
    keep = corners[:, :, 1].max(1) > CUT
    keep &= (np.abs(corners[:, :, 0]).min(1) < SIDE) & (np.abs(corners[:, :, 2]).min(1) < DEPTH)
    # What has no area is never drawn.
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    keep &= np.linalg.norm(normal, axis=1) > 1e-9
    body.triangle, body.material = body.triangle[keep], body.material[keep]
    if not len(body.triangle):
        raise PackageError("nothing is left of the body around the eyes: the file is no face")
    used, flat = np.unique(body.triangle, return_inverse=True)
    body.triangle = flat.reshape(-1, 3)
    body.kept = body.kept[used]
    body.position, body.normal, body.uvs = body.position[used], body.normal[used], body.uvs[used]
    body.share = {name: share[used] for name, share in body.share.items()}
    body.spring = body.spring[used]
    if len(used) > VERTICES or len(body.triangle) > TRIANGLES:
        raise PackageError(
            f"head and chest have {len(used)} vertices and {len(body.triangle)} triangles, a "
            f"package holds {VERTICES} and {TRIANGLES}: reduce the mesh (decimate the hair first) "
            "and export again"
        )
    if np.abs(body.position).max() > 90:
        raise PackageError("triangles of the bust reach metres away: the mesh is damaged")


def neck(body: Body) -> F64:
    """How much each vertex follows the head [V]: by its bones, else by its height."""
    height = body.position[:, 1] + 0.25 * np.clip(body.position[:, 2] + 0.7, -0.6, 0.6)
    guess = smooth(-1.45, -0.72, height)
    chest = body.share["head"][body.position[:, 1] < -1.7]
    if body.share["head"].max() <= 0.5 or (len(chest) and np.median(chest) > 0.5):
        return guess
    middle = np.maximum(body.share["neck"] - body.share["head"], 0)
    known = np.clip(body.share["head"] + 0.5 * middle, 0, 1)
    return np.where(body.share["held"] > 0.5, known, guess)
