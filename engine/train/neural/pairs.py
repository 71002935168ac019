"""Training pairs for portraits: one picture of a person as the avatar, others of them as truth.

    python -m engine.train.neural.pairs FOLDER VIDEO...

The first usable picture of each video becomes a portrait package, as a user's would; further
pictures are aligned to its rig. A clip is what the package's mesh shows of their motions, and the
true pictures; beside the clips lie the pages (engine.train.neural.inpaint) that they are drawn
from. The last --held people are kept for measuring.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from engine.errors import TrackingError, VivifyError
from engine.eval.landmark_distance import fetched
from engine.eval.pictures import read
from engine.face.blendshapes import INDEX
from engine.face.learned import Config
from engine.face.likeness import Likeness
from engine.face.package import Package
from engine.frames import F32, U8, Motion
from engine.render.grid import Surfaces
from engine.tracker.models import Models
from engine.train.neural.alignment import Aligner
from engine.train.neural.footage import cut
from engine.train.neural.mount import BLINK, PHOTO, mount
from engine.train.neural.regions import regions
from engine.train.neural.shots import PPG, Shot, write
from engine.train.neural.texturer import Joint
from engine.train.neural.unwrap import SIZE, Unwrapped, marks, unwrap

PAGES = "pages"
GRID = SIZE // 2
_TRUST = 0.25  # deviation of weights from the first picture's
_FAR = 8.0  # px of landmarks that no alignment explains: left out


def seen(made: Unwrapped, package: Package, weights: F32, pose: F32, start: int = 0) -> Motion:
    """A motion of the rig -> the portrait's: its rest has the picture's lids and smile."""
    out = weights.copy()
    for name in BLINK:
        rest = float(made.weights[INDEX[name]])
        out[INDEX[name]] = np.clip((weights[INDEX[name]] - rest) / max(1 - rest, 0.1), 0, 1)
    for name, value in package.manifest.rest.items():
        out[INDEX[name]] = max(float(weights[INDEX[name]]) - value, 0.0)
    return Motion(start, out, pose)


def shots(
    made: Unwrapped, package: Package, pictures: Iterator[U8], models: Models
) -> Iterator[Shot]:
    """What the package shows of further pictures of its person, and these."""
    assert package.learned is not None
    aligner = Aligner(made.package, made.vertex, SIZE, _TRUST)
    surfaces = Surfaces(package, package.learned.corner_uv, GRID)
    for picture in pictures:
        try:
            points = marks(picture, models)
        except TrackingError:
            continue
        placed = (points - np.array([made.square.x, made.square.y, 0])) * SIZE / made.square.side
        aligned = aligner.align(placed[None], made.weights[None])
        if float(np.median(aligned.error)) > _FAR:
            continue
        motion = seen(made, package, aligned.weights[0], aligned.pose[0])
        trace = surfaces.trace(motion)
        kind = np.where(trace.triangle < 0, -1, package.mesh.material[trace.triangle])
        at = {name: surfaces.screen[v] for name, v in package.manifest.landmarks.items()}
        yield Shot(
            trace.uv, trace.normal, trace.depth, trace.coverage, regions(at, kind == 0),
            cut(picture, made.square, SIZE), np.zeros(PPG, np.float32),
            np.concatenate([motion.weights, motion.pose]),
        )  # fmt: skip


def pair(
    folder: Path, video: Path, models: Models, frames: int, step: int, held: bool
) -> int:  # fmt: skip
    """Write one person's clip and page; returns its frames. Raises TrackingError."""
    stream = read(video)
    with tempfile.TemporaryDirectory() as scratch:
        made = unwrap(next(stream), models, Path(scratch) / "rig", "pair")
        likeness = Likeness("invented person", None)
        config = Config(size="small", kind="portrait", ppg=False)
        package = mount(made, Path(scratch) / "rig", likeness, config, Joint())
        (folder / PAGES).mkdir(parents=True, exist_ok=True)
        page = package.pictures[PHOTO]
        Image.fromarray(page).save(folder / PAGES / f"{video.stem}.png")
        later = islice(stream, step, None, step)
        found = list(islice(shots(made, package, later, models), frames))
    if not found:
        raise TrackingError(f"{video.name}: no further picture of the person")
    write(folder, video.stem, len(found), found, held=held, about={"video": video.name})
    return len(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pairs of all videos; what cannot be used is said and left out."""
    parser = argparse.ArgumentParser(description="training pairs for portraits")
    parser.add_argument("folder", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=16, help="of each person")
    parser.add_argument("--step", type=int, default=9, help="pictures of the video between two")
    parser.add_argument("--held", type=int, default=2, help="people kept for measuring")
    options = parser.parse_args(argv)
    models = fetched()
    if models is None:
        print("no face networks are at hand: run `python -m demos.webcam_mirror` once")
        return 2
    for number, video in enumerate(tqdm(options.videos, unit="person")):
        held = number >= len(options.videos) - options.held
        try:
            pair(options.folder, video, models, options.frames, options.step, held)
        except VivifyError as error:
            print(f"{video.name}: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
