"""An avatar's looks against true pictures of the same motion: a teacher's, or of a person.

Contract: a truth folder holds `motion.npz` (weights, names, start and pose as demos.speak_file
--motion writes them, perhaps swing [T, 3] and ppg [T, 8, 40]) and as many pictures as rows, in the
order of their names. Whoever makes them (engine.train does) is not imported here.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from engine.errors import FrameError
from engine.eval import pictures
from engine.eval.landmark_distance import around
from engine.eval.pair import Boxes, Pair, Scores
from engine.face.package import Package
from engine.frames import F32, SAMPLE_RATE, Motion
from engine.motion.curves import read_curves
from engine.motion.npz import read_arrays
from engine.render.choose import AnyRenderer, choose, looks
from engine.render.setting import Setting
from engine.tracker.models import Models

MOTION = "motion.npz"
_MOUTH = ("mouth_corner_left", "mouth_corner_right", "lip_upper_inner", "lip_lower_inner")
_HEAD = ("eye_outer_left", "eye_outer_right", "chin", "nose_tip")
# In widths of the points: round the lips, round and above the eyes and the chin.
_MARGIN, _SIDES, _FOREHEAD = 0.35, 0.35, 0.6


@dataclass(frozen=True, slots=True)
class Truth:
    """Pictures and what they show."""

    folder: Path
    motions: list[Motion]
    size: tuple[int, int]  # width, height

    @classmethod
    def read(cls, folder: Path) -> "Truth":
        """Raises FrameError and TrackingError for what is missing or does not fit."""
        if not (folder / MOTION).is_file():
            raise FrameError(f"{folder} has no {MOTION}; expected a folder of pictures with it")
        motions = _motions(folder / MOTION)
        shown = pictures.length(folder)
        if shown != len(motions):
            raise FrameError(
                f"{folder} holds {shown} pictures and {len(motions)} rows of motion, expected "
                "as many"
            )
        height, width = next(pictures.read(folder)).shape[:2]
        return cls(folder, motions, (width, height))


def _motions(path: Path) -> list[Motion]:
    curves = read_curves(path)
    start = np.round(curves.times * SAMPLE_RATE).astype(int)
    more: dict[str, list[Any]] = {}
    for name, shape in (("swing", (3,)), ("ppg", (8, 40))):
        array = read_arrays(path, [name]).get(name)
        if array is not None:
            if array.shape != (len(start), *shape) or not np.isfinite(array).all():
                raise FrameError(f"{path}: {name} is {array.shape}, expected one {shape} a row")
            more[name] = list(np.asarray(array, np.float32))
    rows = zip(start, curves.weights, curves.pose, strict=True)
    return [
        Motion(int(at), weights, pose, **{name: values[n] for name, values in more.items()})
        for n, (at, weights, pose) in enumerate(rows)
    ]


def measured(package: Package, look: str) -> dict[str, tuple[Package, str]]:
    """What to measure, by name: the look asked for, or with "auto" all that the package has; the
    small network beside a large one counts as one more neural look."""
    found = {name: (package, name) for name in (looks(package) if look == "auto" else (look,))}
    if "neural" in found and package.learned is not None and package.learned.small is not None:
        lighter = replace(package, learned=package.learned.lighter())
        found["neural small"] = lighter, "neural"
    return found


def measure(package: Package, look: str, truth: Truth, models: Models | None = None) -> Scores:
    """A look's scores; `cpu_p50` and `cpu_p95` are CPU ms of a picture, all threads together.

    Raises FrameError, PackageError for a look that the package does not have.
    """
    renderer = choose(package, truth.size, Setting(look=look, mark=False))
    pair = Pair(models, (f"{package.name} ({look})", str(truth.folder)))
    renderer.render_rgb(truth.motions[0])
    taken = []
    shown = zip(truth.motions, pictures.read(truth.folder), strict=True)
    for motion, true in tqdm(shown, total=len(truth.motions), unit="picture", leave=False):
        begin = time.process_time()
        ours = renderer.render_rgb(motion)
        taken.append((time.process_time() - begin) * 1e3)
        pair.add(ours, true, boxes(renderer, motion))
    p50, p95 = np.percentile(taken, (50, 95))
    return {**pair.scores(), "cpu_p50": float(p50), "cpu_p95": float(p95)}


def boxes(renderer: AnyRenderer, motion: Motion) -> Boxes:
    """Where the mouth and the face of an avatar are drawn."""
    places, camera = renderer.landmarks(motion), renderer.package.manifest.camera
    width, height = renderer.width, renderer.height

    def seen(names: tuple[str, ...]) -> F32:
        points = np.stack([places[name] for name in names]).astype(np.float32)
        return camera.project(points, width, height)[:, :2]

    return Boxes(
        around(seen(_MOUTH), _MARGIN, _MARGIN, height, width),
        around(seen(_HEAD), _SIDES, _FOREHEAD, height, width),
    )
