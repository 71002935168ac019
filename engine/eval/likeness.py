"""Style recognition: whose manner is a motion nearest to.

Definition (fixed before training). A motion's manner is the mean, the deviation and the deviation
of the change of its ARKit-52 weights with the person's neutral removed; every value is z-scored
over the references; the nearest reference by Euclidean distance is the answer. References come from
other clips than those the styles were made from. Chance is measured by permuting which style each
motion was asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.frames import F32

_FLOOR = 0.01  # of a deviation: channels that no reference moves say nothing
_PERMUTATIONS = 1000


def manner(weights: F32, neutral: F32 | None = None) -> F32:
    """[156] mean, deviation, deviation of the change of weights [T, 52]."""
    face = weights if neutral is None else weights - neutral
    parts = [face.mean(0), face.std(0), np.diff(face, axis=0).std(0)]
    return np.concatenate(parts).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Recognition:
    """What the nearest references were."""

    names: tuple[str, ...]
    asked: npt.NDArray[np.int64]  # [N] style each motion was asked for
    nearest: npt.NDArray[np.int64]  # [N] reference it is nearest to

    @property
    def rate(self) -> float:
        """Share of motions nearest to their own style."""
        return float(np.mean(self.asked == self.nearest))

    def chance(self, seed: int = 0) -> float:
        """The rate when the asked styles are permuted, mean of many permutations."""
        rng = np.random.default_rng(seed)
        hits = [np.mean(rng.permutation(self.asked) == self.nearest) for _ in range(_PERMUTATIONS)]
        return float(np.mean(hits))

    def confusion(self) -> npt.NDArray[np.int64]:
        """Counts [asked, nearest]."""
        table = np.zeros((len(self.names), len(self.names)), np.int64)
        np.add.at(table, (self.asked, self.nearest), 1)
        return table


def recognise(references: Mapping[str, F32], motions: Sequence[tuple[str, F32]]) -> Recognition:
    """References name -> manner [156]; motions (style asked for, manner [156])."""
    names = tuple(references)
    rows = np.stack([np.asarray(references[name], np.float64) for name in names])
    scale = np.maximum(rows.std(0), _FLOOR)
    asked = np.array([names.index(name) for name, _ in motions], np.int64)
    made = np.stack([np.asarray(row, np.float64) for _, row in motions])
    apart = np.linalg.norm((made[:, None] - rows) / scale, axis=-1)
    return Recognition(names, asked, apart.argmin(1))
