"""Ridge from mel: the floor that any lip model must beat, fitted once on the training split.

Method (notes on motion, section 4): 26 log-mel bands at 60 Hz, 233 ms of past and 50 ms of future,
fixed normalisation, ridge regression to a value per video tick. Three targets: openness of aligned
phones (training speakers), a rig's channels (the trained FACEGOOD recordings), tracked channels
(trained tracked clips). Contract: the fitted matrices are an asset of some kB, made by
`python -m engine.eval.ridge --data DIR`; measuring only reads them.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from tqdm import tqdm

from engine.audio.mel import BANDS as MEL_BANDS
from engine.audio.mel import LABEL_AT, Mel, on_grid
from engine.eval.performances import kept_back, read_performances
from engine.eval.recordings import DATA, levelled, read_data, training_set
from engine.eval.synchrony import Curve, prepare
from engine.frames import BLENDSHAPES, F32, HOP, MEL_HOP, SAMPLES_PER_FRAME
from engine.runtime import ASSETS

F64 = npt.NDArray[np.float64]
ASSET = ASSETS / "ridge.safetensors"
BANDS = 26  # pooled from the 80 of engine.audio.mel
_POOL = 3
# Frames at 60 Hz, as offsets in 10 ms mel frames from the tick: 233 ms back to 50 ms ahead.
_OFFSETS = np.round(np.arange(-14, 4) * 100 / 60).astype(int)
WIDTH = BANDS * len(_OFFSETS) + 1
TARGETS = ("phones", "rig", "tracked")
_STRENGTH = 0.01  # of the mean diagonal


def features(pcm: F32) -> tuple[npt.NDArray[np.int64], F32]:
    """A levelled clip [S] -> samples [T] of its ticks and rows [T, WIDTH], the last one 1."""
    ticks = len(pcm) // SAMPLES_PER_FRAME
    hops = len(pcm) // HOP + 8
    mel = Mel().forward(on_grid(pcm, hops)[None]).reshape(-1, MEL_BANDS)
    pooled = mel[:, : BANDS * _POOL].reshape(len(mel), BANDS, _POOL).mean(2)
    at = np.arange(ticks) * SAMPLES_PER_FRAME
    # PPG row k, labelled 320 k + 280, is made by hop k + 1 of mel frames 2 k + 2 and 2 k + 3: the
    # label lies between the two.
    centre = np.round((at - LABEL_AT) / MEL_HOP + 2.5).astype(int)
    rows = np.clip(centre[:, None] + _OFFSETS, 0, len(pooled) - 1)
    x = (pooled[rows].reshape(ticks, -1) + 6.0) / 4.0
    return at, np.concatenate([x, np.ones((ticks, 1))], axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Ridge:
    """One fitted regression."""

    weights: F32  # [WIDTH, outputs]

    @classmethod
    def fit(cls, pairs: Iterable[tuple[F32, F32]]) -> "Ridge":
        """Rows [T, WIDTH] and targets [T, outputs], clip by clip."""
        gram: F64 = np.zeros((WIDTH, WIDTH))
        cross: F64 | float = 0.0
        for x, y in pairs:
            wide = x.astype(np.float64)
            gram += wide.T @ wide
            cross = cross + wide.T @ y
        strength = _STRENGTH * float(np.diag(gram).mean())
        return cls(np.linalg.solve(gram + strength * np.eye(WIDTH), cross).astype(np.float32))

    def curve(self, pcm: F32) -> Curve:
        """Of a levelled clip: samples [T] and outputs [T, outputs]."""
        at, x = features(pcm)
        return at, x @ self.weights


@cache
def fitted() -> dict[str, Ridge]:
    """The committed regressions by target; "rig" and "tracked" have 52 outputs."""
    return {name: Ridge(row.astype(np.float32)) for name, row in load_file(ASSET).items()}


def main(argv: list[str]) -> int:
    """Fit on everything that may be trained on and write the asset."""
    parser = argparse.ArgumentParser(prog="python -m engine.eval.ridge", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the training data")
    parser.add_argument("--out", type=Path, default=ASSET)
    options = parser.parse_args(argv)
    spoken = [r for r in training_set(read_data(options.data)) if r.adult]

    def said() -> Iterable[tuple[F32, F32]]:
        for recording in tqdm(spoken, desc="speech"):
            clip = prepare(recording)
            at, x = features(clip.pcm)
            yield x, np.interp(at, *clip.truth)[:, None].astype(np.float32)

    clips = [c for c in read_performances(options.data) if not kept_back(c)]

    def shown(rig: bool) -> Iterable[tuple[F32, F32]]:
        for clip in clips:
            if clip.rig == rig:
                yield features(levelled(clip.pcm))[1], clip.weights

    found = [Ridge.fit(said()), Ridge.fit(shown(rig=True)), Ridge.fit(shown(rig=False))]
    assert found[1].weights.shape == (WIDTH, BLENDSHAPES)
    tensors = {n: r.weights.astype(np.float16) for n, r in zip(TARGETS, found, strict=True)}
    save_file(tensors, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
