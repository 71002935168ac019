"""What a cast member does before the teacher's camera: speech in many manners, and what no speech
would ever ask for.

Learned from: our own decoder's motion (as it runs live, PPG windows included) over some of the
bundled clips and styles, half of it with the head turned away far; and made-up faces, key poses of
random visemes, moods, gazes and blinks. Measured on: other clips, other styles. Scenes are short
runs of consecutive pictures, 25 a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engine import offline
from engine.eval.recordings import BUNDLED, read_sound
from engine.face.blendshapes import INDEX
from engine.face.package import Package
from engine.face.swing import Swing, follow
from engine.frames import BLENDSHAPES, F32, SAMPLE_RATE, SAMPLES_PER_FRAME, Motion

FRAMES = 16  # of a scene
HELD_CLIPS = 3  # of the bundled ones, the last by name
HELD_STYLES = ("news", "theatrical", "warm")
STYLES = (
    "neutral", "cheerful", "excited", "calm", "emphatic", "serious", "shy", "studio", "tired",
    "singing opera", "whispering", "singing rap",
)  # fmt: skip
_CHUNK = SAMPLE_RATE // 50
_MADE_UP = 0.42  # share of scenes
_FAR = np.array([33, 19, 17, 0.12, 0.08, 0.20], np.float32)  # how far heads turn and move

# Key poses are a mouth, a mood, a gaze: each a few shapes and how far they go.
_MOUTHS: tuple[dict[str, float], ...] = (
    {}, {"jawOpen": 0.75}, {"jawOpen": 0.35, "mouthStretch": 0.5}, {"mouthPucker": 0.9},
    {"mouthFunnel": 0.8, "jawOpen": 0.3}, {"mouthRollLower": 0.7, "mouthRollUpper": 0.6},
    {"mouthUpperUp": 0.7, "mouthLowerDown": 0.7, "jawOpen": 0.12}, {"mouthPress": 0.7},
    {"jawOpen": 0.3, "mouthClose": 0.28}, {"jawOpen": 0.45, "tongueOut": 0.7},
    {"mouthShrugLower": 0.6, "mouthShrugUpper": 0.4}, {"mouthLowerDown": 0.5, "jawOpen": 0.2},
    {"mouthLeft": 0.6}, {"mouthRight": 0.6}, {"jawLeft": 0.5, "jawOpen": 0.3},
    {"jawRight": 0.5, "jawOpen": 0.2}, {"cheekPuff": 0.8}, {"jawForward": 0.6},
    {"mouthDimple": 0.6, "jawOpen": 0.15},
)  # fmt: skip
_MOODS: tuple[dict[str, float], ...] = (
    {}, {"mouthSmile": 0.9, "cheekSquint": 0.6}, {"mouthSmile": 0.55}, {"mouthFrown": 0.7},
    {"browInnerUp": 0.9}, {"browDown": 0.8}, {"browOuterUp": 0.8, "browInnerUp": 0.5},
    {"eyeWide": 0.8}, {"eyeSquint": 0.8}, {"noseSneer": 0.7}, {"eyeWide": 0.5, "browOuterUp": 0.9},
    {"mouthSmile": 0.7, "browInnerUp": 0.6, "eyeSquint": 0.4},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """Consecutive pictures."""

    name: str
    motions: Sequence[Motion]
    held: bool


def clips(held: bool) -> list[F32]:
    """Sound of the bundled clips that are learned from, or of the others."""
    paths = sorted(BUNDLED.parent.glob("*.flac"))
    return [read_sound(p) for p in (paths[-HELD_CLIPS:] if held else paths[:-HELD_CLIPS])]


def spoken(pcm: F32, style: str, seed: int) -> list[Motion]:
    """A whole clip's motion, as the live line makes it."""
    chunks = ((pcm[i : i + _CHUNK], SAMPLE_RATE) for i in range(0, len(pcm), _CHUNK))
    return [m for output in offline.perform(chunks, style, seed=seed) for m in output.motions]


def swung(package: Package, motions: list[Motion]) -> list[Motion]:
    """The same with the swing of this package's hair."""
    return follow(Swing(package.manifest.spring), motions, None)[0]


def _both(weights: F32, name: str, value: float, tilt: float = 0.0) -> None:
    """Set a shape, or its two sides, of which one may do less (`tilt` -1 to 1)."""
    if name in INDEX:
        weights[INDEX[name]] = value
        return
    weights[INDEX[f"{name}Left"]] = value * min(1.0, 1 + tilt)
    weights[INDEX[f"{name}Right"]] = value * min(1.0, 1 - tilt)


def _key(chance: np.random.Generator) -> F32:
    """One made-up face [52]."""
    weights = np.zeros(BLENDSHAPES, np.float32)
    for table in (_MOODS, _MOODS, _MOUTHS):
        tilt = chance.choice([0.0, chance.uniform(-0.8, 0.8)], p=[0.7, 0.3])
        amount = chance.uniform(0.3, 1.1)
        for name, most in table[chance.integers(len(table))].items():
            _both(weights, name, float(np.clip(most * amount, 0, 1)), tilt)
    x, y = chance.uniform(-0.9, 0.9, 2) * chance.choice([0.25, 1.0])
    _both(weights, "eyeLookUp" if y > 0 else "eyeLookDown", abs(y))
    left, right = ("Out", "In") if x > 0 else ("In", "Out")
    weights[INDEX[f"eyeLook{left}Left"]] = weights[INDEX[f"eyeLook{right}Right"]] = abs(x)
    if chance.random() < 0.15:
        _both(weights, "eyeBlink", chance.uniform(0.2, 1), chance.choice([0.0, 0.0, -0.9, 0.9]))
    return weights


def _path(chance: np.random.Generator, keys: npt.NDArray[np.floating], frames: int) -> F32:
    """Smooth way [frames, C] through key rows [K, C], at uneven times."""
    at = np.sort(chance.uniform(0, frames, len(keys)))
    at[0], at[-1] = -1, frames
    where = np.clip(np.searchsorted(at, np.arange(frames)) - 1, 0, len(keys) - 2)
    t = (np.arange(frames) - at[where]) / np.maximum(at[where + 1] - at[where], 1)
    t = (t * t * (3 - 2 * t))[:, None]
    return np.asarray(keys[where] * (1 - t) + keys[where + 1] * t, np.float32)


def far(chance: np.random.Generator, frames: int) -> F32:
    """Head poses [frames, 6] over all that a neck may do."""
    keys = chance.uniform(-1, 1, (3, 6)) * _FAR
    keys[1:] = keys[:1] + 0.45 * (keys[1:] - keys[:1])
    return _path(chance, keys, frames)


def acted(chance: np.random.Generator, frames: int) -> list[Motion]:
    """Made-up faces on a moving head, now and then with a blink."""
    weights = _path(chance, np.stack([_key(chance) for _ in range(3)]), frames)
    if chance.random() < 0.5:
        middle = chance.uniform(2, frames - 2)
        shut = np.exp(-(((np.arange(frames) - middle) / 2.2) ** 4))
        for side in ("Left", "Right"):
            row = weights[:, INDEX[f"eyeBlink{side}"]]
            row[:] = np.maximum(row, shut)
    pose = far(chance, frames) * chance.choice([0.25, 1.0])
    start = int(chance.integers(0, 250)) * SAMPLES_PER_FRAME
    return [Motion(start + i * SAMPLES_PER_FRAME, weights[i], pose[i]) for i in range(frames)]


def _windows(
    package: Package, held: bool, count: int, chance: np.random.Generator
) -> list[list[Motion]]:
    """`count` scenes out of speech: all clips, each in several styles."""
    sounds, styles = clips(held), HELD_STYLES if held else STYLES
    takes = 2 * len(sounds) if not held else len(sounds)
    whole = []
    for n in range(takes):
        motions = spoken(sounds[n % len(sounds)], styles[n % len(styles)], seed=n)
        if n >= len(sounds):  # the second time with a head that turns farther
            moved = far(chance, len(motions))
            motions = [replace(m, pose=m.pose + p) for m, p in zip(motions, moved, strict=True)]
        whole.append(swung(package, motions))
    places = [(n, i) for n, w in enumerate(whole) for i in range(0, len(w) - FRAMES + 1, FRAMES)]
    order = chance.permutation(len(places))
    picked = [places[order[k % len(order)]] for k in range(count)]
    return [list(whole[n][i : i + FRAMES]) for n, i in picked]


def plan(package: Package, frames: int, held: int, seed: int = 0) -> list[Scene]:
    """Scenes of about `held` pictures to measure on, then `frames` to learn from, so mixed that any
    first part of either is a fair sample."""
    scenes: list[Scene] = []
    for kept, total in ((True, held), (False, frames)):
        chance = np.random.default_rng([seed, kept])
        count = -(-total // FRAMES)
        made_up = round(count * (0.2 if kept else _MADE_UP))
        runs = _windows(package, kept, count - made_up, chance)
        runs += [swung(package, acted(chance, FRAMES)) for _ in range(made_up)]
        name = "held" if kept else "take"
        scenes += [
            Scene(f"{name}{n:04d}", runs[k], kept) for n, k in enumerate(chance.permutation(count))
        ]
    return scenes
