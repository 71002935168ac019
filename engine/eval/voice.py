"""Voice activity in noise: how soon speech is known, and what opens the mouth that should not.

Definitions. A session is the recordings, each at -25 dBFS, 2 s of room tone between them, noise
over all of it (ratio to the rows labelled as speech). Onsets: label edges from SIL to speech after
200 ms of SIL. "known": the newest sample heard when the detector says speech, minus the onset; 0
where it said so before. "audible" counts from the first 10 ms after the label that stand above the
noise (and above -45 dBFS): a closure or a weak consonant may not be there to be heard. "lost":
labelled speech rows that leave while the detector says silence; "open": rows at least 400 ms from
speech for which it says speech. Events (keys, breath) lie in the pauses: an event opens the mouth
when a row of it has more than half its mass outside SIL, or when the drawn jaw rises by JAW.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import webrtcvad

from engine import offline
from engine.audio import vad
from engine.audio.mel import Mel
from engine.audio.vad import VAD
from engine.eval import sounds
from engine.eval.conditions import in_room
from engine.eval.recordings import Recording
from engine.eval.sessions import TONE_DBFS, Session, Span, audible, session, with_events
from engine.eval.sounds import decibels
from engine.face.blendshapes import INDEX as SHAPES
from engine.frames import F32, HOP, HOP_PHASE, MEL_HOP, SAMPLE_RATE
from engine.speech.gate import Gate
from engine.speech.phonemes import INDEX
from engine.speech.ppg import PPG

SNRS_DB = (20, 10, 5)
JAW = 0.08  # of jawOpen, where speech reaches some .3 to .6
AHEAD_MS = 20
LIMIT_MS = 60.0
_ATTACK, _RELEASE = 2, 13  # hops: how bare detectors are used
_ALONE_S = 60
_SIL = INDEX["SIL"]
Flags = npt.NDArray[np.bool_]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Heard:
    """What each detector said at every hop of a sound, and the rows before and after the gate."""

    speaking: dict[str, Flags]  # [hops]
    began: npt.NDArray[np.int64]  # [hops], of the fused gate
    said: F32  # [hops] mass outside SIL of the row that left with the hop
    gated: F32  # [hops] the same behind the gate


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


def hear(pcm: F32, ppg: PPG) -> Heard:
    """A sound by the streaming stages of the line, on its grid."""
    x = np.zeros((len(pcm) // HOP + 2 + ppg.lookahead) * HOP, np.float32)
    x[-HOP_PHASE : -HOP_PHASE + len(pcm)] = np.clip(pcm, -1, 1)[: len(x) + HOP_PHASE]
    rows = ppg.forward(Mel().forward(x[None]))
    voice = VAD().forward(x[None])
    spoken = Gate().forward(rows, voice)
    said = 1 - rows.posteriors[0, :, _SIL]
    speaking = {"fused": spoken.speaking[0], "silence posterior": said > 0.5}
    speaking |= {f"webrtcvad {mode}": held(_bare(x, mode)) for mode in range(4)}
    speaking["energy"] = held(VAD(vad.energy_voice).forward(x[None])[0])
    return Heard(speaking, spoken.began[0], said, 1 - spoken.posteriors[0, :, _SIL])


def _hop(sample: int) -> int:
    return (sample - HOP_PHASE) // HOP


def delays_ms(speaking: Flags, onsets: Sequence[int]) -> npt.NDArray[np.float64]:
    """From each onset to the newest sample at the hop that says speech; 2000 when none does."""
    out = []
    for onset in onsets:
        after = np.flatnonzero(speaking[_hop(onset) : _hop(onset) + 100])
        first = int(after[0]) if len(after) else 100
        newest = (_hop(onset) + first + 1) * HOP + HOP_PHASE
        early = first == 0 and speaking[_hop(onset) - 1]
        out.append(0.0 if early else (newest - onset) / 16)
    return np.array(out)


def judge(clean: Session, heard: Heard, floor: float, ahead: int) -> dict[str, dict[str, float]]:
    """Figures of one condition by detector."""
    labels = np.arange(len(clean.pcm) // HOP) * HOP + 280
    labels = labels[labels < len(clean.pcm)]
    near = np.convolve(clean.speech[::MEL_HOP], np.ones(81), "same")[labels // MEL_HOP] > 0
    talk = clean.speech[labels]
    # Row k leaves with hop k + 1 + look-ahead.
    leaves = np.arange(len(labels)) + 1 + ahead
    later = audible(clean, floor)
    out = {}
    for name, speaking in heard.speaking.items():
        known, sounded = delays_ms(speaking, clean.onsets), delays_ms(speaking, later)
        out[name] = {
            "known_p50_ms": float(np.percentile(known, 50)),
            "known_p90_ms": float(np.percentile(known, 90)),
            "known_in_60": float(np.mean(known <= LIMIT_MS)),
            "audible_in_60": float(np.mean(sounded <= LIMIT_MS)),
            "lost": float(np.mean(~speaking[leaves][talk])),
            "open": float(np.mean(speaking[leaves][~near])),
        }
    said, gated = heard.said[leaves][talk], heard.gated[leaves][talk]
    out["fused"]["lost_of_said"] = float(np.mean((said > 0.5) & (gated <= 0.5)))
    return out


def began_errors_ms(clean: Session, heard: Heard) -> npt.NDArray[np.float64]:
    """Announced minus labelled beginning, of the onsets that found the gate shut."""
    out = []
    for onset in clean.onsets:
        hops = heard.began[_hop(onset) - 2 : _hop(onset) + 10]
        if hops[0] < 0 and (hops >= 0).any():
            out.append((hops[hops >= 0][0] - onset) / 16)
    return np.array(out)


def _opened(curve: F32, spans: Sequence[Span], ahead: int) -> float:
    """Share of spans with a row above one half."""
    hits = []
    for begin, end in spans:
        rows = slice(_hop(begin) + ahead, _hop(end) + 2 + ahead)
        hits.append(bool((curve[rows] > 0.5).any()))
    return float(np.mean(hits))


def events(clean: Session, ppg: PPG, rng: Rng) -> dict[str, dict[str, float]]:
    """By kind: share of events that set each detector off, that pass the model, pass the gate and
    move the drawn jaw."""
    out = {}
    for kind in sounds.EVENTS:
        pcm, spans = with_events(kind, clean, rng)
        heard = hear(pcm, ppg)
        row = {name: _opened(flags.astype(np.float32), spans, ppg.lookahead)
               for name, flags in heard.speaking.items()}  # fmt: skip
        row |= {
            "count": len(spans),
            "model": _opened(heard.said, spans, ppg.lookahead),
            "mouth": _opened(heard.gated, spans, ppg.lookahead),
            "jaw": jaw_share(kind, rng),
        }
        out[kind] = row
    return out


def jaw_share(kind: str, rng: Rng, count: int = 20) -> float:
    """Share of lone events, 1.2 s apart in room tone, at which the drawn jaw rises by JAW."""
    period, lead = SAMPLE_RATE * 6 // 5, SAMPLE_RATE
    tone = sounds.noise("pink", lead + count * period, rng) * np.float32(decibels(TONE_DBFS))
    for n in range(count):
        sound = sounds.event(kind, rng)
        tone[lead + n * period : lead + n * period + len(sound)] += sound
    jaw = offline.motion(tone, lookahead_ms=AHEAD_MS).weights[:, SHAPES["jawOpen"]]
    ticks = jaw[SAMPLE_RATE // 640 :][: count * 30].reshape(count, 30)
    return float(np.mean(ticks.max(1) - ticks[:, 0] > JAW))


def report(recordings: Sequence[Recording], seed: int = 0) -> dict[str, Any]:
    """All figures; shares in [0, 1], milliseconds, openings a minute."""
    rng = np.random.default_rng(seed)
    clean, ppg = session(recordings, rng), PPG(AHEAD_MS)
    conditions: dict[str, tuple[F32, float]] = {"clean": (clean.pcm, 0.0)}
    conditions["room .4 s"] = in_room(clean.pcm, 0, rt60_s=0.4, distance_m=0.7), 0.0
    alone: dict[str, F32] = {"room tone": np.zeros(0, np.float32)}
    for kind in sounds.NOISES:
        noise = sounds.noise(kind, len(clean.pcm), rng, clean.voices)
        for snr_db in SNRS_DB:
            gain = np.float32(clean.level * decibels(-snr_db))
            conditions[f"{kind} {snr_db} dB"] = clean.pcm + gain * noise, float(gain)
        alone[kind] = np.resize(noise, _ALONE_S * SAMPLE_RATE) * np.float32(
            clean.level * decibels(-10)
        )
    tone = sounds.noise("pink", _ALONE_S * SAMPLE_RATE, rng) * np.float32(decibels(TONE_DBFS))
    alone["room tone"] = tone
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
            detector: int(np.sum(np.diff(flags.astype(np.int8), prepend=0) > 0)) * 60 / _ALONE_S
            for detector, flags in hear(pcm, ppg).speaking.items()
        }
        for name, pcm in alone.items()
    }
    result["events"] = events(clean, ppg, rng)
    return result
