"""Drills: random crops of the tracks, each with the style code of some stretch of its person.

Contract: what a crop hears is what the line gives the decoder at that look-ahead; a draw depends on
the generator alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from engine.frames import F32
from engine.motion.channels import OPENING
from engine.nets.decoder_state import RENEWS
from engine.speech.phonemes import PHONES
from engine.style.encoder import MIN_FRAMES, Encoder, pieced
from engine.style.reference import completed
from engine.train import troupe
from engine.train.lesson_loss import Batch
from engine.train.manner import BUNDLED
from engine.train.reals import STUDIO
from engine.train.tracks import Track

BRANCHES = ("lips", "face")
Shares = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the result depends on besides the tracks."""

    steps: tuple[int, int] = (3600, 1600)  # lips, face
    batch: int = 32
    crop: int = 80  # ticks
    rate: float = 2e-3
    warmup: int = 100
    weight_decay: float = 0.01
    average: float = 0.995
    code_noise: float = 0.15
    # Shares of a batch, of lips and of face: bundled manners, random manners, real people, and the
    # studio recordings, which have a mouth only.
    shares: tuple[Shares, Shares] = ((0.35, 0.3, 0.2, 0.15), (0.25, 0.35, 0.4, 0.0))
    # Every crop comes with the code of some stretch of its person, as long as a reference may be.
    stretches: int = 12
    stretch: tuple[int, int] = (60, 1500)  # ticks
    # How often the branches are fed their own output instead of the teacher's, at the end.
    own: float = 0.9
    seed: int = 0


TINY = Recipe(steps=(6, 6), batch=4, crop=40, warmup=2, stretches=2)


class Lessons:
    """Random crops of the tracks with their style codes."""

    def __init__(
        self, tracks: Sequence[Track], encoder: Encoder, recipe: Recipe, branch: str = "lips"
    ) -> None:
        self._tracks = [t for t in tracks if len(t) > recipe.crop + 3]
        rng = np.random.default_rng(recipe.seed)
        self._codes = np.stack(
            [codes(t, encoder, recipe, rng) for t in tqdm(self._tracks, desc="codes")]
        )
        self._scales = np.stack([_scale(t) for t in self._tracks])
        self._recipe = recipe
        self._chance = chances(self._tracks, recipe.shares[BRANCHES.index(branch)])

    def draw(self, rng: np.random.Generator) -> Batch:
        """One batch; crop starts and look-aheads are random."""
        r, rows = self._recipe, []
        for i in rng.choice(len(self._tracks), r.batch, p=self._chance):
            track = self._tracks[i]
            at = 1 + int(rng.integers(len(track) - r.crop - 3))
            cut, ahead = slice(at, at + r.crop), int(rng.choice(3, p=(0.25, 0.5, 0.25)))
            code = self._codes[i, rng.integers(self._codes.shape[1])]
            code = code + r.code_noise * rng.standard_normal(len(code))
            rows.append(
                (
                    heard(track, ahead, cut),
                    track.prosody[cut],
                    track.noise[cut],
                    track.weights[cut],
                    track.pose[cut],
                    track.events[cut],
                    code,
                    track.mask,
                    self._scales[i, :-1],
                    self._scales[i, -1],
                    track.pose_mask,
                    track.weights[at - 1],
                    track.pose[at - 1],
                    _held(track, at - 1),
                )  # fmt: skip
            )
        arrays = [np.stack([np.asarray(row[k]) for row in rows]) for k in range(len(rows[0]))]
        return Batch(*(torch.from_numpy(a.astype(np.float32)) for a in arrays))


def codes(track: Track, encoder: Encoder, recipe: Recipe, rng: np.random.Generator) -> F32:
    """[stretches, CODE]: codes of the whole track and of random stretches of it; of real people,
    whose references are brief, every second one with the rest of that stretch taken off."""
    real = _kind(track) >= 2
    rows = [track.statistics]
    shortest, longest = recipe.stretch
    for n in range(recipe.stretches - 1):
        size = round(shortest * (longest / shortest) ** rng.random())
        at = int(rng.integers(max(1, len(track) - size)))
        face = track.weights[at : at + size].astype(np.float32)
        pose = track.pose[at : at + size]
        if real and n % 2:
            face = np.clip(face - np.percentile(face, 10, axis=0).astype(np.float32), 0, 1)
        edges = [edge - at for edge in track.edges if at < edge < at + size]
        if max(np.diff([0, *edges, len(face)])) < MIN_FRAMES:
            continue
        rows.append(pieced(face, pose - np.median(pose, axis=0) * real, edges))
    rows += [track.statistics] * (recipe.stretches - len(rows))
    return encoder.project(
        np.stack([completed(row, encoder, track.mask, track.pose_mask > 0) for row in rows])
    )


def heard(track: Track, ahead: int, cut: slice) -> F32:
    """What the decoder is given at look-ahead number `ahead` in a stretch of ticks: [T, 120].

    The newest row, heard without look-ahead, is found among the rows of a later tick, as many as
    the look-ahead has steps.
    """
    rows, phones = track.ppg[ahead, cut], len(PHONES)
    later = (0, 1, 2)[ahead]
    bare = track.ppg[0, cut.start + later : cut.stop + later]
    newest = bare[:, phones:] if ahead == 0 else bare[:, :phones]
    return np.concatenate([rows, newest], axis=1).astype(np.float32)


def chances(tracks: Sequence[Track], shares: Shares) -> npt.NDArray[np.float64]:
    """[tracks] How often each is drawn: shares of the kinds, within a kind by length, for real
    people by its root, or one speaker would be all of them."""
    kinds = np.array([_kind(track) for track in tracks])
    size = np.array([len(track) for track in tracks], np.float64)
    size[kinds == 2] **= 0.5
    for kind, share in enumerate(shares):
        chosen = kinds == kind
        if chosen.any():
            size[chosen] *= share / size[chosen].sum()
    return np.asarray(size / size.sum())


def _kind(track: Track) -> int:
    if track.person == STUDIO:
        return 3
    return 0 if track.name in BUNDLED else 1 if track.name == troupe.RANDOM else 2


def _scale(track: Track) -> F32:
    """[53] What the squared error of a channel and of the opening counts, by how far they move."""
    part = track.weights[:: max(1, len(track) // 2000)].astype(np.float32)
    spread = np.append(part.std(0), (part @ OPENING).std())
    least = np.append(np.full(part.shape[1], 0.04), 0.1)
    usual = np.append(np.full(part.shape[1], 0.1), 0.2)
    return np.asarray((usual / np.maximum(spread, least)) ** 2, np.float32)


def _held(track: Track, at: int) -> np.ndarray:
    """Where the events up to tick `at` have led, as DecoderNet.renew would hold it."""
    normal = track.noise[:, track.events.shape[1] :]
    held = np.zeros(8, np.float32)
    for kind, columns in enumerate(RENEWS):
        past = np.flatnonzero(track.events[: at + 1, kind])
        if len(past):
            held[list(columns)] = normal[past[-1], list(columns)]
    return held
