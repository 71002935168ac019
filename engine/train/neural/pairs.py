"""Training pairs for portraits: one picture of a person as the avatar, others of them as truth.

    python -m engine.train.neural.pairs FOLDER VIDEO...

A picture of each video becomes a portrait package, as a user's would; others of the video are
aligned to its rig. A clip is what the package's mesh shows of their motions, and the true
pictures; beside the clips lie the pages (engine.train.neural.inpaint) that they are drawn from.
With --sources several pictures of a video become portraits, one after the other: smiles with teeth,
shut lips, half a blink. The last --held videos are kept for measuring.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
from engine.train.neural.form import BLINK
from engine.train.neural.inpaint import page
from engine.train.neural.mount import mount
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


@dataclass(frozen=True, slots=True)
class Look:
    """A picture of a video and where its face is."""

    picture: U8  # [H, W, 3]
    points: F32  # [478, 3] px


def looks(video: Path, models: Models, step: int, most: int) -> list[Look]:
    """Every `step`th picture of a video that shows a face, at most so many."""
    found: list[Look] = []
    for picture in islice(read(video), None, None, step):
        try:
            found.append(Look(picture, marks(picture, models)))
        except TrackingError:
            continue
        if len(found) == most:
            break
    if len(found) < 2:
        raise TrackingError(f"{video.name}: {len(found)} pictures show a face, expected 2 or more")
    return found


def shots(made: Unwrapped, package: Package, pictures: Iterable[Look]) -> Iterator[Shot]:
    """What the package shows of further pictures of its person, and these."""
    assert package.learned is not None
    aligner = Aligner(made.package, made.vertex, SIZE, _TRUST)
    surfaces = Surfaces(package, package.learned.corner_uv, GRID)
    for look in pictures:
        placed = look.points - np.array([made.square.x, made.square.y, 0])
        placed = placed * SIZE / made.square.side
        aligned = aligner.align(placed[None], made.weights[None])
        if float(np.median(aligned.error)) > _FAR:
            continue
        motion = seen(made, package, aligned.weights[0], aligned.pose[0])
        trace = surfaces.trace(motion)
        kind = np.where(trace.triangle < 0, -1, package.mesh.material[trace.triangle])
        at = {name: surfaces.screen[v] for name, v in package.manifest.landmarks.items()}
        yield Shot(
            trace.uv, trace.normal, trace.depth, trace.coverage, regions(at, kind == 0),
            cut(look.picture, made.square, SIZE), np.zeros(PPG, np.float32),
            np.concatenate([motion.weights, motion.pose]),
        )  # fmt: skip


def pair(
    folder: Path, name: str, source: Look, others: Sequence[Look], models: Models, held: bool
) -> int:
    """Write the clip and page of one portrait; returns its frames. Raises TrackingError."""
    with tempfile.TemporaryDirectory() as scratch:
        made = unwrap(source.picture, models, Path(scratch) / "rig", "pair")
        likeness = Likeness("invented person", None)
        config = Config(size="small", kind="portrait", ppg=False)
        package = mount(made, Path(scratch) / "rig", likeness, config, Joint("small"))
        found = list(shots(made, package, others))
    if not found:
        raise TrackingError(f"{name}: no further picture of the person")
    (folder / PAGES).mkdir(parents=True, exist_ok=True)
    pixels = np.rint(page(made.picture, made.points).pixels * 255).astype(np.uint8)
    Image.fromarray(pixels, "RGBA").save(folder / PAGES / f"{name}.png")
    write(folder, name, len(found), found, held=held, about={"video": name})
    return len(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pairs of all videos; what cannot be used is said and left out."""
    parser = argparse.ArgumentParser(description="training pairs for portraits")
    parser.add_argument("folder", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=16, help="of each video")
    parser.add_argument("--step", type=int, default=5, help="pictures of the video between two")
    parser.add_argument("--sources", type=int, default=1, help="portraits made of each video")
    parser.add_argument("--held", type=int, default=2, help="videos kept for measuring")
    options = parser.parse_args(argv)
    models = fetched()
    if models is None:
        print("no face networks are at hand: run `python -m demos.webcam_mirror` once")
        return 2
    for number, video in enumerate(tqdm(options.videos, unit="person")):
        held = number >= len(options.videos) - options.held
        try:
            found = looks(video, models, options.step, options.frames)
            for k in range(1 if held else options.sources):
                first = k * len(found) // options.sources
                others = [*found[:first], *found[first + 1 :]]
                name = f"{video.stem}_{k}"
                pair(options.folder, name, found[first], others, models, held)
        except VivifyError as error:
            print(f"{video.name}: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
