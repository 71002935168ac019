"""The teacher's pictures on disk: scenes drawn by several processes, resumed where they stopped.

python -m engine.train.neural.stage FOLDER --avatar mira --frames 2000 --held 300 --jobs 2
"""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from engine.face.blendshapes import ARKIT
from engine.face.package import Package, load
from engine.frames import F32, U8, Motion
from engine.render.toon import backdrop
from engine.train.neural import drama
from engine.train.neural.binding import fingerprint
from engine.train.neural.drama import Scene
from engine.train.neural.shots import MOTION, PPG, write
from engine.train.neural.teacher import LOOK, Teacher
from engine.train.neural.toy import take

_DRAWN: dict[tuple[str, int], tuple[Package, Teacher]] = {}  # one of each in a process


def _teacher(avatar: str, size: int) -> tuple[Package, Teacher]:
    if (avatar, size) not in _DRAWN:
        package = load(avatar)
        _DRAWN[avatar, size] = package, Teacher(package, size)
    return _DRAWN[avatar, size]


def _heard(motion: Motion) -> F32:
    return np.zeros(PPG, np.float32) if motion.ppg is None else motion.ppg


def _about(package: Package, frames: int, held: int, seed: int) -> dict[str, str]:
    """What a clip must have been made with to belong to a set: names alone repeat."""
    plan = f"seed {seed}, {frames} and {held} held"
    return {
        "avatar": package.name, "look": f"teacher {LOOK}", "mesh": fingerprint(package),
        "plan": plan,
    }  # fmt: skip


def _draw(folder: Path, avatar: str, size: int, scene: Scene, about: dict[str, str]) -> int:
    """Draw and write one scene; returns its pictures."""
    package, teacher = _teacher(avatar, size)
    shots = take(package, size, scene.motions, teacher.render, [_heard(m) for m in scene.motions])
    write(folder, scene.name, len(scene.motions), shots, held=scene.held, about=about)
    return len(scene.motions)


def _done(folder: Path, scene: Scene, about: dict[str, str]) -> bool:
    head = folder / scene.name / "clip.json"
    return head.exists() and json.loads(head.read_text())["about"] == about


def perform(
    folder: Path, avatar: str = "mira", frames: int = 2000, held: int = 300, size: int = 512,
    seed: int = 0, jobs: int = 1,
) -> None:  # fmt: skip
    """Draw what is missing of a training set: `frames` pictures to learn from, `held` of other
    speech in other styles. Scenes of another mesh, look or plan are drawn again. Raises
    PackageError."""
    package = load(avatar)
    folder.mkdir(parents=True, exist_ok=True)
    scenes = drama.plan(package, frames, held, seed)
    about = _about(package, frames, held, seed)
    missing = [s for s in scenes if not _done(folder, s, about)]
    bar = tqdm(total=sum(len(s.motions) for s in scenes), unit="picture", desc=avatar)
    bar.update(sum(len(s.motions) for s in scenes) - sum(len(s.motions) for s in missing))
    if jobs == 1:
        for scene in missing:
            bar.update(_draw(folder, avatar, size, scene, about))
        return
    with ProcessPoolExecutor(jobs) as pool:
        drawn = [pool.submit(_draw, folder, avatar, size, scene, about) for scene in missing]
        for done in as_completed(drawn):
            bar.update(done.result())


def truth(folder: Path, avatar: str = "mira", frames: int = 125, size: int = 512) -> None:
    """Pictures of one run of unseen speech as `python -m engine.eval image --truth` reads them:
    motion.npz and 00000.png ... over the package's background."""
    package, teacher = _teacher(avatar, size)
    folder.mkdir(parents=True, exist_ok=True)
    motions = drama.swung(package, drama.spoken(drama.clips(True)[0], drama.HELD_STYLES[1], 0))
    motions = motions[25 : 25 + frames]
    rows = np.stack([np.concatenate([m.weights, m.pose]) for m in motions])
    np.savez(
        folder / "motion.npz", names=np.array(ARKIT),
        start=np.array([m.start for m in motions], np.int64),
        weights=rows[:, : MOTION - 6], pose=rows[:, MOTION - 6 :],
        swing=np.stack([np.zeros(3, np.float32) if m.swing is None else m.swing for m in motions]),
        ppg=np.stack([_heard(m) for m in motions]),
    )  # fmt: skip
    behind = backdrop(package.manifest.background, size, size)
    for n, motion in enumerate(tqdm(motions, unit="picture", desc="truth")):
        Image.fromarray(over(teacher.render(motion), behind)).save(folder / f"{n:05d}.png")


def over(rgba: U8, behind: U8) -> U8:
    """A straight RGBA picture over an opaque one [H, W, 3]."""
    share = rgba[..., 3:] * np.float32(1 / 255)
    return np.asarray(np.rint(behind + share * (rgba[..., :3] - behind.astype(float))), np.uint8)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw a set, and with --truth a folder to measure on."""
    parser = argparse.ArgumentParser(description="draw the teacher's training pictures")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--avatar", default="mira")
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--held", type=int, default=300)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--truth", type=Path, help="also draw a run of unseen speech here")
    options = parser.parse_args(argv)
    perform(
        options.folder, options.avatar, options.frames, options.held, options.size, options.seed,
        options.jobs,
    )  # fmt: skip
    if options.truth:
        truth(options.truth, options.avatar, size=options.size)


if __name__ == "__main__":
    main()
