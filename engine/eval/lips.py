"""`python -m engine.eval lips`: does the mouth follow the speech of people never trained on.

Definitions (fixed before training): the opening of ARKit weights (engine.motion.channels) against
the openness of the aligned phones, 90 ms Hann window; r per clip, lag > 0 when the picture is late.
A closure is found when the opening falls to the 25th percentile of the clip's speech within a P, B
or M; the same inside an open vowel is false. Both for the weights ("engine") and for the drawn lips
("mesh"). Beside them: a jaw that follows loudness, and the openness of the posteriors themselves.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from engine import offline
from engine.avatar import DEFAULT_AVATAR, DEFAULT_STYLE
from engine.eval.recordings import (
    DATA,
    Recording,
    bundled,
    levelled,
    measuring_set,
    read_data,
)
from engine.face import package
from engine.face.mesh import Figure
from engine.frames import F32, HOP, LOOKAHEAD_STEPS, POSE, SAMPLE_RATE, SAMPLES_PER_FRAME, Motion
from engine.motion.channels import OPENNESS, OPENNESS_ROW, opening
from engine.offline import MotionClip
from engine.style.code import Style
from engine.style.library import StyleLibrary

RATE = 100  # Hz of the truth
LAGS_MS = tuple(range(-300, 301, 10))
_WINDOW = np.hanning(11)[1:-1] / np.hanning(11).sum()  # 90 ms
_BILABIAL = {"P", "B", "M"}
_OPEN = {"AA", "AE", "AO", "AY", "AW", "EH"}
# The opening of one clip: samples [N] at which each value is shown, values [N].
Curve = tuple[np.ndarray, F32]


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording, its sound and what its mouth should do."""

    recording: Recording
    pcm: F32
    truth: F32  # openness at 100 Hz, value i at sample 160 i + 80


def prepare(recording: Recording) -> Clip:
    """Read the sound and draw the truth from the aligned phones."""
    pcm = levelled(recording.pcm())
    steps = np.zeros(int(np.ceil(len(pcm) / SAMPLE_RATE * RATE)), np.float32)
    for phone, start, duration in recording.phones:
        steps[start : start + duration] = OPENNESS[phone]
    return Clip(recording, pcm, np.convolve(steps, _WINDOW, "same").astype(np.float32))


def correlations(clip: Clip, curve: Curve) -> np.ndarray:
    """r [len(LAGS_MS)] of a curve against the truth; a lag of 40 compares the picture at t with the
    sound at t - 40 ms."""
    at, values = curve
    rows = []
    for lag in LAGS_MS:
        place = (at - lag * SAMPLE_RATE / 1000) / SAMPLE_RATE * RATE - 0.5
        inside = (place >= 0) & (place <= len(clip.truth) - 1)
        truth = np.interp(place[inside], np.arange(len(clip.truth)), clip.truth)
        shown = values[inside]
        spread = float(truth.std() * shown.std())
        rows.append(
            float(np.mean((truth - truth.mean()) * (shown - shown.mean()))) / max(spread, 1e-9)
        )
    return np.array(rows)


def closures(clip: Clip, curve: Curve) -> tuple[int, int, int, int]:
    """(found, closures, false, open vowels) of one clip."""
    at, values = curve
    grid = np.arange(len(clip.truth)) * (SAMPLE_RATE / RATE) + SAMPLE_RATE / RATE / 2
    shown = np.interp(grid, at, values)
    speech = np.zeros(len(grid), bool)
    for phone, start, duration in clip.recording.phones:
        speech[start : start + duration] = phone != "SIL"
    bound = float(np.percentile(shown[speech], 25))
    found = wanted = false = vowels = 0
    for phone, start, duration in clip.recording.phones:
        if phone in _BILABIAL and duration >= 3:
            wanted += 1
            found += bool(shown[max(0, start - 2) : start + duration + 2].min() <= bound)
        elif phone in _OPEN and duration >= 6:
            vowels += 1
            false += bool(shown[start + 1 : start + duration - 1].min() <= bound)
    return found, wanted, false, vowels


def summarise(clips: Sequence[Clip], curves: Sequence[Curve]) -> dict[str, float]:
    """Mean over clips of r at the common best lag, that lag, closure recall and false share."""
    rows = np.array([correlations(c, k) for c, k in zip(clips, curves, strict=True)])
    best = int(rows.mean(0).argmax())
    counts = np.sum([closures(c, k) for c, k in zip(clips, curves, strict=True)], axis=0)
    return {
        "r": round(float(rows[:, best].mean()), 4),
        "lag_ms": LAGS_MS[best],
        "r_at_0": round(float(rows[:, LAGS_MS.index(0)].mean()), 4),
        "r_each_best": round(float(rows.max(1).mean()), 4),
        "r_worst_clip": round(float(rows[:, best].min()), 4),
        "closure_recall": round(float(counts[0] / max(counts[1], 1)), 4),
        "closure_false": round(float(counts[2] / max(counts[3], 1)), 4),
        "closures": int(counts[1]),
    }


def mesh_opening(avatar: str) -> Callable[[MotionClip], Curve]:
    """The opening as it is drawn: inner lip gap over eye distance on the avatar's mesh, signed, so
    that lips pressed together count as more closed than lips that touch."""
    figure = Figure(package.load(avatar))
    straight = np.zeros(len(POSE), np.float32)

    def gap(weights: F32) -> float:
        at = figure.named(figure.vertices(Motion(0, weights, straight)))
        eyes = np.linalg.norm(at["eye_outer_left"] - at["eye_outer_right"])
        return float((at["lip_upper_inner"] - at["lip_lower_inner"])[1] / eyes)

    def curve(clip: MotionClip) -> Curve:
        return clip.start, np.array([gap(row) for row in clip.weights], np.float32)

    return curve


def weights_opening(clip: MotionClip) -> Curve:
    """The opening as the weights define it."""
    return clip.start, opening(clip.weights)


def heard(clip: Clip, style: Style, lookahead_ms: int) -> tuple[MotionClip, Curve]:
    """One pass of the streaming path: the motion, and the openness of the posteriors themselves
    (the viseme table weighted by the PPG, without a decoder)."""
    blocks = [(clip.pcm[i : i + HOP], SAMPLE_RATE) for i in range(0, len(clip.pcm), HOP)]
    outputs = list(offline.perform(blocks, style, lookahead_ms))
    motions = [m for output in outputs for m in output.motions]
    rows = [row for output in outputs for row in output.rows]
    pairs = len(rows) // 2 * 2
    at = np.array([row.start for row in rows[:pairs]]).reshape(-1, 2).mean(1)
    said = np.array([row.heard.posteriors[0, 0] for row in rows[:pairs]])
    openness = said @ OPENNESS_ROW
    return MotionClip.of(motions), (at, openness.reshape(-1, 2).mean(1))


def loudness_curve(pcm: F32) -> Curve:
    """A jaw that opens with the root-mean-square level of the 40 ms just heard."""
    count = len(pcm) // SAMPLES_PER_FRAME
    frames = pcm[: count * SAMPLES_PER_FRAME].reshape(count, SAMPLES_PER_FRAME)
    at = (np.arange(count) + 1) * SAMPLES_PER_FRAME
    return at, np.sqrt(np.mean(frames**2, axis=1))


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.eval lips`."""
    parser = argparse.ArgumentParser(prog="python -m engine.eval lips", description=__doc__)
    text = "measure all kept-out speakers of this folder, not the bundled clips"
    parser.add_argument("--data", type=Path, nargs="?", const=DATA, default=None, help=text)
    parser.add_argument("--lookahead", type=int, choices=LOOKAHEAD_STEPS, default=20)
    parser.add_argument("--style", default=DEFAULT_STYLE, help="a bundled name or a .style file")
    parser.add_argument("--avatar", default=DEFAULT_AVATAR, help="whose mesh is measured")
    parser.add_argument("--clips", type=int, default=None, help="measure only this many")
    options = parser.parse_args(argv)
    source = read_data(options.data) if options.data else bundled()
    recordings = measuring_set(source)[: options.clips]
    clips = [prepare(recording) for recording in recordings]
    ahead = options.lookahead
    style = StyleLibrary().get(options.style)
    passes = [heard(clip, style, ahead) for clip in tqdm(clips, desc="engine", leave=False)]
    motions = [motion for motion, _ in passes]
    drawn = mesh_opening(options.avatar)
    table = {
        "engine": summarise(clips, [weights_opening(m) for m in motions]),
        "mesh": summarise(clips, [drawn(m) for m in tqdm(motions, desc="mesh", leave=False)]),
        "ppg_table": summarise(clips, [table for _, table in passes]),
        "rms_jaw": summarise(clips, [loudness_curve(clip.pcm) for clip in clips]),
    }
    print(f"{len(clips)} clips, look-ahead {ahead} ms, style {options.style}")
    print(f"{'':12s}{'r':>7s}{'lag ms':>8s}{'r lag 0':>9s}{'closure':>9s}{'false':>7s}")
    for name, row in table.items():
        print(
            f"{name:12s}{row['r']:7.3f}{row['lag_ms']:8.0f}{row['r_at_0']:9.3f}"
            f"{row['closure_recall']:9.3f}{row['closure_false']:7.3f}"
        )
    seconds = sum(len(clip.pcm) for clip in clips) / SAMPLE_RATE
    result = {"suite": "lips", "clips": len(clips), "seconds": round(seconds, 1),
              "lookahead_ms": ahead, "style": options.style, **table}  # fmt: skip
    print(json.dumps(result))
    return 0
