"""A training set without a teacher: an avatar's own toon look over made-up motion.

For `--tiny` and for trying the trainer; `take` serves any look that a function can paint.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from engine.face.background import Transparent
from engine.face.blendshapes import ARKIT, INDEX
from engine.face.package import Package, load
from engine.frames import F32, SAMPLES_PER_FRAME, U8, Motion
from engine.render.atlas import atlas
from engine.render.grid import Surfaces, shrink
from engine.render.renderer import Renderer
from engine.render.setting import Setting
from engine.train.neural.binding import fingerprint
from engine.train.neural.regions import regions
from engine.train.neural.shots import PPG, Shot, write

_MOVED = {
    "jawOpen": 0.6, "mouthFunnel": 0.6, "mouthPucker": 0.6, "mouthSmileLeft": 0.7,
    "mouthSmileRight": 0.7, "mouthStretchLeft": 0.5, "mouthStretchRight": 0.5, "eyeBlinkLeft": 1.0,
    "eyeBlinkRight": 1.0, "browInnerUp": 0.8, "browOuterUpLeft": 0.6, "browOuterUpRight": 0.6,
    "browDownLeft": 0.6, "browDownRight": 0.6, "eyeLookInLeft": 0.5, "eyeLookOutRight": 0.5,
    "mouthUpperUpLeft": 0.4, "mouthUpperUpRight": 0.4, "mouthLowerDownLeft": 0.5,
    "mouthLowerDownRight": 0.5,
}  # fmt: skip
_TURN = np.array([14, 9, 7, 0.05, 0.04, 0.06], np.float32)


def _smooth(rng: np.random.Generator, frames: int, columns: int) -> F32:
    """[frames, columns] slow noise, about normal."""
    noise = rng.normal(size=(frames + 24, columns))
    window = np.hanning(14)[1:-1]
    rows = [np.convolve(column, window, "same")[12 : 12 + frames] for column in noise.T]
    return np.stack(rows, 1).astype(np.float32) / np.float32(np.sqrt((window**2).sum()))


def wander(frames: int, seed: int) -> list[Motion]:
    """Made-up motion: pairs move together, most of the time little."""
    rng = np.random.default_rng(seed)
    pairs = sorted({name.replace("Left", "").replace("Right", "") for name in _MOVED})
    drive = dict(zip(pairs, _smooth(rng, frames, len(pairs)).T, strict=True))
    weights = np.zeros((frames, len(ARKIT)), np.float32)
    for name, most in _MOVED.items():
        values = drive[name.replace("Left", "").replace("Right", "")]
        weights[:, INDEX[name]] = np.clip(values - 0.3, 0, 1) * np.float32(most)
    pose = _smooth(rng, frames, 6) * _TURN
    return [Motion(i * SAMPLES_PER_FRAME, weights[i], pose[i]) for i in range(frames)]


def take(
    package: Package, size: int, motions: Iterable[Motion], paint: Callable[[Motion], U8],
    heard: Iterable[F32] | None = None,
) -> Iterator[Shot]:  # fmt: skip
    """A shot a motion: `paint` gives the true picture, RGB or RGBA [size, size]; size: a multiple
    of 16, or of 32 above 256; heard: PPG windows [8, 40] beside the motions."""
    scene = Surfaces(package, atlas(package), size // shrink(size, size))
    height, width = scene.shape
    skin = [i for i, m in enumerate(package.manifest.materials) if m.name == "skin"]
    windows = iter(heard) if heard is not None else None
    for motion in motions:
        trace = scene.trace(motion)
        kind = np.where(trace.triangle < 0, -1, package.mesh.material[trace.triangle])
        points = scene.figure.named(scene.figure.vertices(motion))
        names, places = list(points), np.stack(list(points.values()))
        screen = package.manifest.camera.project(places, width, height)
        yield Shot(
            trace.uv, trace.normal, trace.depth, trace.coverage,
            regions(dict(zip(names, screen[:, :2], strict=True)), np.isin(kind, skin)),
            paint(motion), np.zeros(PPG, np.float32) if windows is None else next(windows),
            np.concatenate([motion.weights, motion.pose]),
        )  # fmt: skip


def make(folder: Path, avatar: str = "mira", size: int = 128, frames: int = 24) -> None:
    """Three clips to train on, one held out, of the toon look."""
    package = load(avatar)
    toon = Renderer(package, size, Setting(background=Transparent()))
    for seed in range(4):
        count = frames if seed < 3 else max(4, frames // 3)
        shots = take(package, size, wander(count, seed), toon.render_rgba)
        about = {"avatar": avatar, "look": "toon", "mesh": fingerprint(package)}
        write(folder, f"toon{seed}", count, shots, held=seed == 3, about=about)
