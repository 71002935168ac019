"""Lessons of the papers' systems: crops of the decoder's own tracks, each with a reference of its
speaker and a second one for the triplet.

Contract: the same tracks, look-aheads and shares as the lips of engine.train.motion; `paired`
references begin with the crop itself (VAST: prompt and speech are paired), others lie anywhere.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.frames import BLENDSHAPES, POSE
from engine.nets.papers.speech import MOTION, Reference, Speech, join
from engine.nets.style import StatisticsEncoder
from engine.train.drills import BRANCHES, Recipe, chances, heard
from engine.train.lesson_loss import misheard
from engine.train.tracks import Track

REFERENCE = 96  # ticks
AHEAD = 2  # ticks the newest row may lie ahead of its tick
SHARES = Recipe().shares[BRANCHES.index("lips")]


class Lesson(NamedTuple):
    """One batch."""

    speech: Speech
    motion: Tensor  # [B, T, MOTION]
    mask: Tensor  # [B, MOTION] columns the source has
    first: Tensor  # [B, MOTION] the row before the crop
    reference: Reference  # REFERENCE ticks
    again: Reference  # other REFERENCE ticks of the same speaker
    person: Tensor  # [B] int64


class PaperLessons:
    """Draws batches."""

    def __init__(self, tracks: Sequence[Track], batch: int, crop: int) -> None:
        least = max(crop, REFERENCE) + AHEAD + 2
        self._tracks = [t for t in tracks if len(t) > least]
        if not self._tracks:
            raise ValueError(
                f"{len(tracks)} tracks, none longer than {least} ticks: make longer ones with "
                "python -m engine.train tracks"
            )
        self.people = sorted({t.person for t in self._tracks})
        self._person = [self.people.index(t.person) for t in self._tracks]
        self._batch, self.crop = batch, crop
        self._chance = chances(self._tracks, SHARES)

    def draw(self, rng: np.random.Generator, paired: bool = False) -> Lesson:
        """One batch; crop starts and look-aheads are random, posteriors misheard."""
        rows = []
        for i in rng.choice(len(self._tracks), self._batch, p=self._chance):
            track = self._tracks[i]
            longest = max(self.crop, REFERENCE)
            at = 1 + int(rng.integers(len(track) - longest - AHEAD - 1))
            spots = rng.integers(len(track) - REFERENCE, size=2)
            one = at if paired else int(spots[0])
            cuts = [slice(p, p + REFERENCE) for p in (one, int(spots[1]))]
            cut, ahead = slice(at, at + self.crop), int(rng.choice(3, p=(0.25, 0.5, 0.25)))
            mask = np.append(track.mask, np.full(len(POSE), track.pose_mask))
            rows.append(
                (
                    heard(track, ahead, cut), track.prosody[cut], moved(track, cut), mask,
                    moved(track, slice(at - 1, at))[0],
                    *(part for c in cuts for part in (moved(track, c), track.ppg[ahead, c])),
                    self._person[i],
                )
            )  # fmt: skip
        columns = [np.stack([np.asarray(row[k]) for row in rows]) for k in range(len(rows[0]))]
        t = [torch.from_numpy(a.astype(np.float32)) for a in columns]
        return Lesson(
            Speech(misheard(t[0]), t[1]), t[2], t[3], t[4], Reference(t[5], t[6]),
            Reference(t[7], t[8]), t[9].long(),
        )  # fmt: skip

    def mean(self) -> Tensor:
        """Mean motion [MOTION] over the tracks' beginnings, as often as each is drawn."""
        rows = np.stack([moved(t, slice(0, 200)).mean(0) for t in self._tracks])
        return torch.from_numpy((self._chance @ rows).astype(np.float32))

    def fit(self, encoder: StatisticsEncoder, rng: np.random.Generator, windows: int) -> None:
        """The z-score of a statistics encoder, from random references."""
        found = []
        with torch.no_grad():
            for i in rng.choice(len(self._tracks), windows, p=self._chance):
                at = int(rng.integers(len(self._tracks[i]) - REFERENCE))
                rows = moved(self._tracks[i], slice(at, at + REFERENCE))
                motion = torch.from_numpy(rows)[None]
                x = Reference(motion, motion[..., :0])
                found.append(encoder.raw(x, encoder.init_state(1))[0][0, -1])
        every = torch.stack(found)
        encoder.centre.copy_(every.mean(0))
        # The floor keeps columns that hardly move from being blown up into noise.
        encoder.scale.copy_(every.std(0).clamp(min=0.02))


def moved(track: Track, rows: slice) -> np.ndarray:
    """Motion [.., MOTION] of some ticks in network units."""
    return join(np.asarray(track.weights[rows]), np.asarray(track.pose[rows]))


assert MOTION == BLENDSHAPES + len(POSE)
