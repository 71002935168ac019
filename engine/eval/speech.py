"""`python -m engine.eval speech`: accuracy of the phone posteriors on speakers never trained on.

Frames are 20 ms rows; labels are forced alignments. Clips are levelled to -25 dBFS (a measuring
convention) unless `--level` says otherwise. "speech" counts the rows whose label is not SIL.
Closure: of the runs of rows labelled P, B or M, the share in which at least one row (within one
row of the run) has them as the most likely viseme.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from engine.audio.mel import Mel
from engine.eval.recordings import (
    DATA,
    Recording,
    bundled,
    levelled,
    measuring_set,
    read_data,
    row_labels,
)
from engine.frames import F32, HOP
from engine.speech.phonemes import INDEX, VISEMES, viseme_projection
from engine.speech.ppg import DEFAULT, LOOKAHEAD_STEPS, PPG

SIL = INDEX["SIL"]
_PP = list(VISEMES).index("PP")


@dataclass
class Tally:
    """Counts over clips."""

    rows: int = 0
    speech: int = 0
    phones: int = 0
    phones_speech: int = 0
    visemes: int = 0
    visemes_speech: int = 0
    sil_speech: int = 0
    closures: int = 0
    closures_found: int = 0
    closed_rows: int = 0
    closed_falsely: int = 0

    def add(self, posteriors: F32, labels: np.ndarray) -> None:
        """One clip: posteriors [T, 40] aligned with labels [T]."""
        projection = viseme_projection()
        talk = labels != SIL
        phone_hit = posteriors.argmax(1) == labels
        viseme = (posteriors @ projection).argmax(1)
        truth = projection[labels].argmax(1)
        viseme_hit = viseme == truth
        self.rows += len(labels)
        self.speech += int(talk.sum())
        self.phones += int(phone_hit.sum())
        self.phones_speech += int(phone_hit[talk].sum())
        self.visemes += int(viseme_hit.sum())
        self.visemes_speech += int(viseme_hit[talk].sum())
        self.sil_speech += int(((posteriors[:, SIL] > 0.5) == ~talk).sum())
        closed, wanted = viseme == _PP, truth == _PP
        near = np.convolve(wanted, np.ones(3), "same") > 0
        self.closed_rows += int(closed.sum())
        self.closed_falsely += int((closed & ~near).sum())
        edges = np.flatnonzero(np.diff(np.concatenate([[0], wanted.astype(int), [0]])))
        for start, end in edges.reshape(-1, 2):
            self.closures += 1
            self.closures_found += bool(closed[max(0, start - 1) : end + 1].any())

    def report(self) -> dict[str, float]:
        """Shares in [0, 1]."""
        return {
            "phone_all": self.phones / self.rows,
            "phone_sp": self.phones_speech / self.speech,
            "vis14_all": self.visemes / self.rows,
            "vis14_sp": self.visemes_speech / self.speech,
            "sil_speech": self.sil_speech / self.rows,
            "closure_recall": self.closures_found / max(self.closures, 1),
            "closure_false": self.closed_falsely / max(self.closed_rows, 1),
        }


def posteriors_of(pcm: F32, ppg: PPG) -> F32:
    """Rows 0 .. T of a clip by the streaming path: row k is labelled at sample 320 k + 280."""
    rows = len(pcm) // HOP
    # Hop j starts at 320 j - 80; row k needs mel hop k + 1 and `lookahead` more.
    hops = rows + 1 + ppg.lookahead
    padded = np.zeros(hops * HOP, np.float32)
    sound = pcm[: len(padded) - HOP // 4]
    padded[HOP // 4 : HOP // 4 + len(sound)] = sound
    mel = Mel().forward(padded[None])
    return np.asarray(ppg.forward(mel).posteriors[0, 1 + ppg.lookahead :], np.float32)


def measure(
    recordings: Iterable[Recording], ppg: PPG, level_dbfs: float | None = -25.0
) -> dict[str, float]:
    """Accuracy over labelled recordings."""
    tally = Tally()
    for recording in recordings:
        pcm = recording.pcm()
        if level_dbfs is not None:
            pcm = levelled(pcm, level_dbfs)
        posteriors = posteriors_of(pcm, ppg)
        tally.add(posteriors, row_labels(recording.phones, len(posteriors)))
    return tally.report()


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.eval speech`."""
    parser = argparse.ArgumentParser(prog="python -m engine.eval speech", description=__doc__)
    parser.add_argument("--data", type=Path, help=f"training data folder, e.g. {DATA}: all kept-out"
                        " speakers instead of the bundled clips")  # fmt: skip
    parser.add_argument("--model", type=Path, default=DEFAULT)
    parser.add_argument("--level", type=float, default=-25.0, help="dBFS of every clip")
    options = parser.parse_args(argv)
    if options.data is None:
        sets = {"bundled": bundled()}
    else:
        recordings = measuring_set(read_data(options.data))
        sets = {
            "native": [r for r in recordings if r.corpus == "librispeech"],
            "accented": [r for r in recordings if r.corpus == "speechocean762"],
        }
    result: dict[str, dict[str, dict[str, float]]] = {}
    for name, chosen in sets.items():
        speakers = len({r.speaker for r in chosen})
        minutes = sum(r.seconds for r in chosen) / 60
        print(f"{name}: {speakers} speakers never trained on, {minutes:.1f} min")
        for lookahead in LOOKAHEAD_STEPS:
            bar = tqdm(chosen, desc=f"{name} {lookahead} ms", leave=False)
            row = measure(bar, PPG(lookahead, options.model), options.level)
            result.setdefault(name, {})[str(lookahead)] = row
        heads = list(next(iter(result[name].values())))
        print("look-ahead  " + "  ".join(f"{h:>14s}" for h in heads))
        for lookahead_name, row in result[name].items():
            print(f"{lookahead_name:>7s} ms  " + "  ".join(f"{row[h]:14.3f}" for h in heads))
    print(json.dumps({"suite": "speech", "level_dbfs": options.level, **result}))
    return 0
