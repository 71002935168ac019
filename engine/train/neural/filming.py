"""A followed video laid under its person's mesh -> training shots: what the network reads and the
true picture.

Contract: what a shot holds is what live use has: the mesh of a Motion, the PPG that the line hears,
and a background out of which the widened face is taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.face.learned import Erode
from engine.face.package import Package
from engine.frames import F32, HOP, SAMPLE_RATE, U8, Motion
from engine.motion.curves import at_moments
from engine.offline import perform
from engine.render.atlas import atlas
from engine.render.grid import Surfaces
from engine.render.plate import filled, opening, veil
from engine.speech.phonemes import INDEX as PHONE
from engine.train.bust import I64
from engine.train.neural.alignment import OVAL, Aligned
from engine.train.neural.backdrop import Bool, backdrop
from engine.train.neural.footage import Footage, pictures
from engine.train.neural.regions import regions
from engine.train.neural.shots import PPG, Shot

SIZE = 256  # px of the pictures and of the grid
WIDEN = 0.06  # of the picture, by which the face is widened before it is taken out
SKINS = ("skin",)
SIL = PHONE["SIL"]
_LATE = 16 * HOP  # samples: rows older than this say nothing of a picture


@dataclass(frozen=True, slots=True)
class Scene:
    """One video, ready to be learnt from or measured on."""

    name: str  # of its own among the person's videos
    footage: Footage
    aligned: Aligned
    ppg: F32  # [T, 8, 40] zeros where nothing is heard
    said: F32 | None = None  # [T, 52] weights that our own line makes of the sound

    def motion(self, frame: int) -> Motion:
        """As it would be drawn live."""
        return self.aligned.motion(frame, int(self.footage.start[frame]))


class Camera:
    """Draws a person's mesh on the grid and takes faces out of backgrounds."""

    def __init__(self, package: Package, vertex: I64, size: int = SIZE) -> None:
        self.erode = Erode(tuple(int(v) for v in dict.fromkeys(vertex[list(OVAL)])), WIDEN)
        self._package, self._size = package, size
        self._surfaces = Surfaces(package, atlas(package), size)
        names = [m.name for m in package.manifest.materials]
        self._skins = [i for i, name in enumerate(names) if name in SKINS]

    def hole(self, motion: Motion, widen: float = WIDEN) -> Bool:
        """[size, size] where the face may be."""
        self._surfaces.trace(motion)
        erode = replace(self.erode, widen=widen)
        return opening(erode, self._surfaces.screen, self._size, self._size)

    def shots(self, scene: Scene, plate: U8 | None, frames: slice) -> Iterator[Shot]:
        """Frames of a scene; `plate` [size, size, 3]: what lies behind all of them, None: each
        frame's own surroundings, as in VAST."""
        chosen = set(range(*frames.indices(len(scene.ppg))))
        for t, picture in enumerate(pictures(scene.footage, self._size)):
            if t not in chosen:
                continue
            motion = scene.motion(t)
            trace, screen = self._surfaces.trace(motion), self._surfaces.screen
            material = self._package.mesh.material[trace.triangle]
            skin = (trace.triangle >= 0) & np.isin(material, self._skins)
            marks = {k: screen[v] for k, v in self._package.manifest.landmarks.items()}
            drawn = veil(self.erode, screen, self._size, self._size)
            behind = np.moveaxis((picture if plate is None else plate).astype(np.float32), 2, 0)
            behind = np.rint(filled(behind, drawn > 0)).astype(np.uint8)
            # Coverage says what is drawn: all of the hole; its surroundings are let be. What is
            # drawn beside the skin flickers unless it counts as much.
            yield Shot(
                trace.uv, trace.normal, trace.depth, drawn, regions(marks, skin | (drawn > 0)),
                picture, scene.ppg[t], np.concatenate([motion.weights, motion.pose]),
                np.ascontiguousarray(np.moveaxis(behind, 0, 2)),
            )  # fmt: skip

    def plate(self, scene: Scene, frames: slice) -> U8:
        """The picture behind a scene [size, size, 3]: that of its calmest frame, the face's place
        filled from the others and from around it."""
        chosen = np.arange(*frames.indices(len(scene.ppg)))
        pose = scene.aligned.pose[chosen] / np.array([10, 10, 10, 0.1, 0.1, 0.1], np.float32)
        calm = int(chosen[np.square(pose).sum(1).argmin()])
        wanted = {calm, *chosen[:: max(1, len(chosen) // 24)].tolist()}
        held = {
            t: (picture, self.hole(scene.motion(t)))
            for t, picture in enumerate(pictures(scene.footage, self._size))
            if t in wanted
        }
        return backdrop(held[calm], (pair for t, pair in held.items() if t != calm))


def heard(footage: Footage) -> tuple[F32, F32 | None]:
    """What the live line makes of a video's sound at its frames.

    PPG windows [T, 8, 40], oldest row first, and the weights [T, 52] it would move a face by; zeros
    and None where there is no sound.
    """
    out = np.zeros((len(footage.start), *PPG), np.float32)
    if not len(footage.pcm):
        return out, None
    outputs = list(perform([(footage.pcm, SAMPLE_RATE)]))
    rows = [row for output in outputs for row in output.rows]
    motions = [motion for output in outputs for motion in output.motions]
    if not rows or not motions:
        return out, None
    start = np.array([row.start for row in rows], np.int64)
    said = np.array([row.spoken.posteriors[0, 0] for row in rows], np.float32)
    silence = np.zeros(PPG, np.float32)
    silence[:, SIL] = 1
    padded = np.concatenate([silence, said])
    for t, moment in enumerate(footage.start):
        last = int(np.searchsorted(start, moment, side="right"))  # rows up to the picture's time
        if moment - (start[last - 1] if last else 0) < _LATE:
            out[t] = padded[last : last + PPG[0]]
    times = np.array([motion.start for motion in motions], np.int64)
    moved = np.array([motion.weights for motion in motions], np.float32)
    return out, at_moments(moved, times, footage.start)
