"""Random crops of the shards, mixed by group: mostly synthetic speech first, then mostly real.

Contract: a group that has no shard gives its share to the others.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.speech.phonemes import PHONES
from engine.train.corpus import Shard

# Share of each group in a batch at the start and from SETTLED of the run on.
_FIRST = {"native": 0.22, "accented": 0.15, "children": 0.04, "espeak": 0.25, "voices": 0.20,
          "languages": 0.11, "noise": 0.03}  # fmt: skip
_THEN = {"native": 0.36, "accented": 0.28, "children": 0.06, "espeak": 0.09, "voices": 0.11,
         "languages": 0.07, "noise": 0.03}  # fmt: skip
_SETTLED = 0.35


class Crops(NamedTuple):
    """One batch."""

    x: Tensor  # [B, T, 160] float32
    y: Tensor  # [B, T] int64, -1: no hard label
    aux: Tensor  # [B, T, 2] float32 voicing and energy, NaN: unknown
    soft: Tensor | None  # [B, T, 40] float32, zeros: no teacher


def mixture(progress: float) -> dict[str, float]:
    """Shares of the groups at `progress` 0 .. 1 of the run."""
    a = min(progress / _SETTLED, 1.0)
    return {g: (1 - a) * _FIRST[g] + a * _THEN[g] for g in _FIRST}


class Batches:
    """Draws from shards in memory."""

    def __init__(self, shards: Sequence[Shard], batch: int, crop: int) -> None:
        self._batch, self._crop = batch, crop
        self._groups: dict[str, list[Shard]] = {}
        for shard in shards:
            if len(shard.y) > crop:
                self._groups.setdefault(shard.group, []).append(shard)
        unknown = sorted(set(self._groups) - set(_FIRST))
        if unknown or not self._groups:
            raise ValueError(
                f"shards of groups {unknown or 'none at all'}, expected some of {sorted(_FIRST)}: "
                "make them with python -m engine.train data"
            )
        self._taught = any(shard.soft is not None for shard in shards)

    def draw(self, rng: np.random.Generator, progress: float) -> Crops:
        """One batch at `progress` of the run."""
        shares = {g: s for g, s in mixture(progress).items() if g in self._groups}
        names, weights = list(shares), np.array(list(shares.values()))
        drawn = rng.choice(names, self._batch, p=weights / weights.sum())
        parts = [self._crop_of(self._groups[str(name)], rng) for name in drawn]
        x, aux = (torch.from_numpy(np.stack([p[i] for p in parts])).float() for i in (0, 2))
        y = torch.from_numpy(np.stack([p[1] for p in parts])).long()
        soft = torch.from_numpy(np.stack([p[3] for p in parts])).float() if self._taught else None
        return Crops(x, y, aux, soft)

    def _crop_of(self, shards: list[Shard], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        shard = shards[int(rng.integers(len(shards)))]
        at = int(rng.integers(len(shard.y) - self._crop))
        part = slice(at, at + self._crop)
        blank = np.zeros((self._crop, len(PHONES)), np.float16)
        soft = blank if shard.soft is None else shard.soft[part]
        return shard.x[part], shard.y[part], shard.aux[part], soft

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and 1 / std of the features over the first shard of each group of speech."""
        first = [shards[0].x for group, shards in self._groups.items() if group != "noise"]
        if not first:
            raise ValueError(
                "shards of group noise only, expected speech beside it: make some with "
                "python -m engine.train data"
            )
        rows = np.concatenate([x[:: max(1, len(x) // 20000)] for x in first]).astype(np.float32)
        return torch.from_numpy(rows.mean(0)), torch.from_numpy(1.0 / rows.std(0))
