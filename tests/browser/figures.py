"""From a Recording to figures: rates, delays, skew, and whether the mouth follows the speech."""

from dataclasses import dataclass

import numpy as np

from tests.browser.rig import Recording

STEP_MS = 10  # grid on which mouth and speech are compared
SMOOTH_MS = 300
QUIET = 0.15  # of the loudest speech: a pause
SETTLE_MS = 250  # after speech ends, before the mouth must be shut
DARK = 0.6  # of the brightness of lit skin: darker than its shadow and than lips
LIPS = (0.42, 0.57, 0.60, 0.69)  # left, top, right, bottom of a bust that looks at the camera


def fps(rec: Recording) -> float:
    """Decoded pictures per second over the whole recording."""
    first, last = rec.figures[0], rec.figures[-1]
    pictures = last["video"]["framesDecoded"] - first["video"]["framesDecoded"]
    return float(pictures / (last["video"]["timestamp"] - first["video"]["timestamp"]) * 1000)


def distinct(rec: Recording) -> float:
    """Share of pictures that differ from the one before."""
    return float(np.mean([a != b for a, b in zip(rec.hashes, rec.hashes[1:], strict=False)]))


def playout_skew_ms(rec: Recording) -> tuple[float, float]:
    """(median, 95 % of |skew|) by the browser's own estimate; positive: sound early. NaN where it
    makes none, as Chromium 156 does now and then: flash and beep are what proves the skew."""
    values = [
        f["audio"]["estimatedPlayoutTimestamp"] - f["video"]["estimatedPlayoutTimestamp"]
        for f in rec.figures
        if f["audio"].get("estimatedPlayoutTimestamp")
        and f["video"].get("estimatedPlayoutTimestamp")
    ]
    if not values:
        return np.nan, np.nan
    return float(np.median(values)), float(np.percentile(np.abs(values), 95))


def loudness(pcm: np.ndarray) -> np.ndarray:
    """Loudness as people feel it (RMS to the power .6) per STEP_MS, smoothed: [T]."""
    size = Recording.RATE * STEP_MS // 1000
    blocks = pcm[: len(pcm) // size * size].reshape(-1, size)
    return _smooth(np.mean(blocks**2, axis=1) ** 0.3)


def _smooth(values: np.ndarray) -> np.ndarray:
    kernel = np.hanning(SMOOTH_MS // STEP_MS + 2)[1:-1]
    return np.convolve(values, kernel / kernel.sum(), mode="same")


def sound_delay_ms(microphone: np.ndarray, speaker: np.ndarray, limit_ms: int = 1000) -> float:
    """How much later the speaker plays what the microphone heard."""
    size = Recording.RATE // 1000
    a, b = (
        np.abs(x[: len(x) // size * size]).reshape(-1, size).mean(1) for x in (microphone, speaker)
    )
    a, b = a - a.mean(), b - b.mean()
    scores = [float(np.dot(a[: len(a) - lag], b[lag:])) for lag in range(limit_ms)]
    return float(np.argmax(scores))


@dataclass(frozen=True)
class Mouth:
    """The mouth against the speech that went into the microphone."""

    r: float
    lag_ms: float
    closed: float  # mean opening in pauses, 0 = as shut as ever, 1 = as open as ever


def mouth(rec: Recording, limit_ms: float) -> Mouth:
    """Best correlation of opening and speech at a lag of 0..limit_ms."""
    speech = loudness(rec.microphone)
    times = rec.sound_at + STEP_MS * (np.arange(len(speech)) + 0.5)
    opening = openness(rec.luma)
    best, best_lag = -1.0, 0.0
    for lag in range(0, int(limit_ms) + 1, STEP_MS):
        inside = (times + lag > rec.shown[0]) & (times + lag < rec.shown[-1])
        moved = _smooth(np.interp(times[inside] + lag, rec.shown, opening))
        r = float(np.corrcoef(moved, speech[inside])[0, 1]) if moved.any() else 0.0
        if r > best:
            best, best_lag = r, float(lag)
    return Mouth(best, best_lag, closedness(rec, opening, speech, times, best_lag))


def openness(luma: np.ndarray) -> np.ndarray:
    """Share of the mouth region that is as dark as the inside of a mouth. [N]

    Above that of the shut mouth. Shadows that pass over the skin as the head turns are lighter.
    """
    side = luma.shape[1]
    left, top, right, bottom = (int(round(x * side)) for x in LIPS)
    region = luma[:, top:bottom, left:right].astype(np.float32)
    area = (region < DARK * np.percentile(region, 90)).mean(axis=(1, 2))
    return np.clip(area - np.percentile(area, 10), 0, None)


def closedness(
    rec: Recording, opening: np.ndarray, speech: np.ndarray, times: np.ndarray, lag: float
) -> float:
    low, high = np.percentile(opening, [2, 98])
    loud = speech > QUIET * np.percentile(speech, 98)
    hold = SETTLE_MS // STEP_MS
    busy = np.convolve(loud, np.ones(2 * hold + 1), mode="same") > 0
    quiet = np.interp(times[~busy] + lag, rec.shown, opening)
    return float((quiet.mean() - low) / max(high - low, 1e-9))


def flashes(rec: Recording) -> np.ndarray:
    """Times (ms) at which the picture turned white."""
    bright = rec.luma.reshape(len(rec.luma), -1).mean(axis=1) > 128
    return rec.shown[1:][bright[1:] & ~bright[:-1]]


def beeps(rec: Recording, pcm: np.ndarray) -> np.ndarray:
    """Times (ms) at which `pcm` (microphone or speaker) began to beep."""
    size = Recording.RATE // 1000
    loud = np.abs(pcm[: len(pcm) // size * size]).reshape(-1, size).max(1) > 0.05
    quiet_before = np.convolve(loud, np.ones(100), mode="full")[: len(loud)] - loud == 0
    return rec.sound_at + np.flatnonzero(loud & quiet_before)
