"""Voice activity in noise: how soon speech is known, and what opens the mouth that should not.

Definitions. A talk is the recordings, each at -25 dBFS, 2 s of room tone between them, noise over
all of it (ratio to the rows labelled as speech). Onsets: label edges from SIL to speech after 200
ms of SIL. "known": the newest sample heard when the detector says speech, minus the onset; 0 where
it said so before. "in 60": share of onsets known within 60 ms, the figure to read first. "audible"
counts from the first 10 ms after the label that stand above the noise (and above -45 dBFS): a
closure or a weak consonant may not be there to be heard. "lost": labelled speech rows that leave
while the detector says silence; "open": rows at least 400 ms from speech for which it says speech.
Events (keys, breath) lie in the pauses: an event opens the mouth when a row of it has more than
half its mass outside SIL, or when the drawn jaw rises by JAW.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import webrtcvad

from engine import offline
from engine.audio import vad
from engine.audio.mel import LABEL_AT, Mel, on_grid
from engine.audio.vad import VAD
from engine.eval import sounds
from engine.eval.conditions import in_room
from engine.eval.recordings import Recording
from engine.eval.sessions import TONE_DBFS, Span, Talk, audible, talk, with_events
from engine.eval.sounds import decibels
from engine.face.blendshapes import INDEX as SHAPES
from engine.frames import F32, FPS, HOP, HOP_PHASE, MEL_HOP, SAMPLE_RATE, SAMPLES_PER_FRAME
from engine.speech.gate import Gate
from engine.speech.phonemes import INDEX
from engine.speech.ppg import PPG

JAW = 0.08  # of jawOpen, where speech reaches some .3 to .6
AHEAD_MS = 20
LIMIT_MS = 60.0
_ATTACK, _RELEASE = 2, 13  # hops: how bare detectors are used
_LOST_HOPS = 100  # an onset that is not known by then counts as these 2 s
_NEAR = 40  # mel frames, 400 ms: rows as close to speech may be open
_APART = FPS * 6 // 5  # pictures from one lone event to the next
_MS = SAMPLE_RATE // 1000  # samples
_SIL = INDEX["SIL"]
Flags = npt.NDArray[np.bool_]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is measured."""

    noises: tuple[str, ...] = sounds.NOISES
    snrs_db: tuple[float, ...] = (20, 10, 5)
    events: tuple[str, ...] = tuple(sounds.EVENTS)
    drawn: int = 20  # lone events of each kind at which the jaw is watched
    alone_s: int = 60  # seconds of each noise without speech


@dataclass(frozen=True, slots=True)
class Said:
    """What each detector said at every hop of a sound, and the rows before and after the gate."""

    speaking: dict[str, Flags]  # [hops]
    began: npt.NDArray[np.int64]  # [hops], of the fused gate
    model: F32  # [hops] mass outside SIL of the row that left with the hop
    mouth: F32  # [hops] the same behind the gate


def held(raw: Flags) -> Flags:
    """A bare detector with the usual hysteresis."""
    out, speaking, run = np.zeros_like(raw), False, 0
    for j, flag in enumerate(raw):
        run = run + 1 if flag != speaking else 0
        if run >= (_RELEASE if speaking else _ATTACK):
            speaking, run = not speaking, 0
        out[j] = speaking
    return out


def _bare(x: F32, mode: int) -> Flags:
    """webrtcvad as a package is used: one object for the whole sound."""
    detector = webrtcvad.Vad(mode)
    pcm = np.clip(x * 32768.0, -32768, 32767).astype("<i2").tobytes()
    size = 2 * HOP
    return np.array(
        [detector.is_speech(pcm[at : at + size], SAMPLE_RATE) for at in range(0, len(pcm), size)]
    )


def hear(pcm: F32, ppg: PPG) -> Said:
    """A sound by the streaming stages of the line, on its grid."""
    x = on_grid(np.clip(pcm, -1, 1), len(pcm) // HOP + 2 + ppg.lookahead)
    rows = ppg.forward(Mel().forward(x[None]))
    voice = VAD().forward(x[None])
    spoken = Gate().forward(rows, voice)
    # Each witness alone, of the sound the gate too has heard by then.
    speaking = {"fused": spoken.speaking[0], "silence posterior": rows.newest[0, :, _SIL] < 0.5}
    speaking |= {f"webrtcvad {mode}": held(_bare(x, mode)) for mode in range(4)}
    speaking["energy"] = held(VAD(vad.energy_voice).forward(x[None])[0])
    model, mouth = (1 - y[0, :, _SIL] for y in (rows.posteriors, spoken.posteriors))
    return Said(speaking, spoken.began[0], model, mouth)


def _hop(sample: int) -> int:
    return (sample - HOP_PHASE) // HOP


def delays_ms(speaking: Flags, onsets: Sequence[int]) -> npt.NDArray[np.float64]:
    """From each onset to the newest sample at the hop that says speech; 2 s when none does."""
    out = []
    for onset in onsets:
        after = np.flatnonzero(speaking[_hop(onset) : _hop(onset) + _LOST_HOPS])
        first = int(after[0]) if len(after) else _LOST_HOPS
        newest = (_hop(onset) + first + 1) * HOP + HOP_PHASE
        early = first == 0 and speaking[_hop(onset) - 1]
        out.append(0.0 if early else (newest - onset) / _MS)
    return np.array(out)


def judge(clean: Talk, heard: Said, floor: float, ahead: int) -> dict[str, dict[str, float]]:
    """Figures of one condition by detector."""
    labels = np.arange(len(clean.pcm) // HOP) * HOP + LABEL_AT
    labels = labels[labels < len(clean.pcm)]
    wide = np.convolve(clean.speech[::MEL_HOP], np.ones(2 * _NEAR + 1), "same")
    near = wide[labels // MEL_HOP] > 0
    speech = clean.speech[labels]
    # Row k leaves with hop k + 1 + look-ahead.
    leaves = np.arange(len(labels)) + 1 + ahead
    later = audible(clean, floor)
    out = {}
    for name, speaking in heard.speaking.items():
        known, sounded = delays_ms(speaking, clean.onsets), delays_ms(speaking, later)
        out[name] = {
            "known_in_60": float(np.mean(known <= LIMIT_MS)),
            "known_p50_ms": float(np.percentile(known, 50)),
            "known_p90_ms": float(np.percentile(known, 90)),
            "audible_in_60": float(np.mean(sounded <= LIMIT_MS)),
            "lost": float(np.mean(~speaking[leaves][speech])),
            "open": float(np.mean(speaking[leaves][~near])),
        }
    model, mouth = heard.model[leaves][speech], heard.mouth[leaves][speech]
    out["fused"]["lost_of_said"] = float(np.mean((model > 0.5) & (mouth <= 0.5)))
    return out


def began_errors_ms(clean: Talk, heard: Said) -> npt.NDArray[np.float64]:
    """Announced minus labelled beginning, of the onsets that found the gate shut."""
    out = []
    for onset in clean.onsets:
        hops = heard.began[_hop(onset) - 2 : _hop(onset) + 10]
        if hops[0] < 0 and (hops >= 0).any():
            out.append((hops[hops >= 0][0] - onset) / _MS)
    return np.array(out)


def _opened(curve: F32, spans: Sequence[Span], ahead: int) -> float:
    """Share of spans with a row above one half."""
    hits = []
    for begin, end in spans:
        rows = slice(_hop(begin) + ahead, _hop(end) + 2 + ahead)
        hits.append(bool((curve[rows] > 0.5).any()))
    return float(np.mean(hits))


def events(clean: Talk, ppg: PPG, rng: Rng, scope: Scope) -> dict[str, dict[str, float]]:
    """By kind: share of events that set each detector off, that pass the model, pass the gate and
    move the drawn jaw."""
    out = {}
    for kind in scope.events:
        pcm, spans = with_events(kind, clean, rng)
        heard = hear(pcm, ppg)
        row = {name: _opened(flags.astype(np.float32), spans, ppg.lookahead)
               for name, flags in heard.speaking.items()}  # fmt: skip
        row |= {
            "count": len(spans),
            "model": _opened(heard.model, spans, ppg.lookahead),
            "mouth": _opened(heard.mouth, spans, ppg.lookahead),
            "jaw": jaw_share(kind, rng, scope.drawn),
        }
        out[kind] = row
    return out


def jaw_share(kind: str, rng: Rng, count: int) -> float:
    """Share of lone events, 1.2 s apart in room tone, at which the drawn jaw rises by JAW."""
    period, lead = _APART * SAMPLES_PER_FRAME, SAMPLE_RATE
    tone = sounds.noise("pink", lead + count * period, rng) * np.float32(decibels(TONE_DBFS))
    for n in range(count):
        sound = sounds.event(kind, rng)
        tone[lead + n * period : lead + n * period + len(sound)] += sound
    jaw = offline.motion(tone, lookahead_ms=AHEAD_MS).weights[:, SHAPES["jawOpen"]]
    ticks = jaw[lead // SAMPLES_PER_FRAME :][: count * _APART].reshape(count, _APART)
    return float(np.mean(ticks.max(1) - ticks[:, 0] > JAW))


def _noisy(
    clean: Talk, rng: Rng, scope: Scope
) -> tuple[dict[str, tuple[F32, float]], dict[str, F32]]:
    """Conditions: name -> sound and its floor (an amplitude); noises alone: name -> sound."""
    conditions: dict[str, tuple[F32, float]] = {"clean": (clean.pcm, 0.0)}
    conditions["room .4 s"] = in_room(clean.pcm, 0, rt60_s=0.4, distance_m=0.7), 0.0
    samples = scope.alone_s * SAMPLE_RATE
    alone = {"room tone": np.zeros(0, np.float32)}  # made last, reported first
    for kind in scope.noises:
        noise = sounds.noise(kind, len(clean.pcm), rng, clean.voices)
        for snr_db in scope.snrs_db:
            gain = np.float32(clean.level * decibels(-snr_db))
            conditions[f"{kind} {snr_db} dB"] = clean.pcm + gain * noise, float(gain)
        alone[kind] = np.resize(noise, samples) * np.float32(clean.level * decibels(-10))
    alone["room tone"] = sounds.noise("pink", samples, rng) * np.float32(decibels(TONE_DBFS))
    return conditions, alone


def report(
    recordings: Sequence[Recording], seed: int = 0, scope: Scope | None = None
) -> dict[str, Any]:
    """All figures; shares in [0, 1], milliseconds, openings a minute."""
    rng, scope = np.random.default_rng(seed), scope or Scope()
    clean, ppg = talk(recordings, rng), PPG(AHEAD_MS)
    conditions, alone = _noisy(clean, rng, scope)
    result: dict[str, Any] = {
        "onsets": len(clean.onsets),
        "seconds": len(clean.pcm) / SAMPLE_RATE,
        "lookahead_ms": AHEAD_MS,
        "conditions": {},
    }
    for name, (pcm, floor) in conditions.items():
        heard = hear(pcm, ppg)
        result["conditions"][name] = judge(clean, heard, floor, ppg.lookahead)
        if name == "clean":
            errors = began_errors_ms(clean, heard)
            result["began_error_ms"] = {
                f"p{q}": float(np.percentile(errors, q)) for q in (10, 50, 90)
            }
    result["openings_per_min"] = {
        name: {
            detector: int(np.sum(np.diff(flags.astype(np.int8), prepend=0) > 0))
            * 60
            / scope.alone_s
            for detector, flags in hear(pcm, ppg).speaking.items()
        }
        for name, pcm in alone.items()
    }
    result["events"] = events(clean, ppg, rng, scope)
    return result
