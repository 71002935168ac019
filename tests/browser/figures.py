"""From a Recording to figures: rates, delays, skew, and whether the mouth follows the speech."""

from dataclasses import dataclass

import numpy as np

from tests.browser.rig import Recording

STEP_MS = 10  # grid on which mouth and speech are compared
SMOOTH_MS = 150
QUIET = 0.05  # of the loudest speech: a pause
SETTLE_MS = 250  # after speech ends, before the mouth must be shut
# Shares of the picture (left, top, right, bottom) of a bust that looks at the camera
CROWN = (0.15, 0.06, 0.85, 0.36)  # hair and forehead move with the head and never blink
LIPS = (0.38, 0.56, 0.64, 0.76)


def fps(rec: Recording) -> float:
    """Decoded pictures per second over the whole recording."""
    first, last = rec.figures[0], rec.figures[-1]
    pictures = last["video"]["framesDecoded"] - first["video"]["framesDecoded"]
    return float(pictures / (last["video"]["timestamp"] - first["video"]["timestamp"]) * 1000)


def distinct(rec: Recording) -> float:
    """Share of pictures that differ from the one before."""
    return float(np.mean([a != b for a, b in zip(rec.hashes, rec.hashes[1:], strict=False)]))


def playout_skew_ms(rec: Recording) -> tuple[float, float]:
    """(median, 95 % of |skew|) by the browser's own estimate; positive: sound early."""
    values = [
        f["audio"]["estimatedPlayoutTimestamp"] - f["video"]["estimatedPlayoutTimestamp"]
        for f in rec.figures
        if f["audio"].get("estimatedPlayoutTimestamp")
        and f["video"].get("estimatedPlayoutTimestamp")
    ]
    return float(np.median(values)), float(np.percentile(np.abs(values), 95))


def envelope(pcm: np.ndarray, smooth_ms: int = SMOOTH_MS) -> np.ndarray:
    """Loudness per STEP_MS, smoothed: [T]."""
    size = Recording.RATE * STEP_MS // 1000
    blocks = pcm[: len(pcm) // size * size].reshape(-1, size)
    loud = np.sqrt(np.mean(blocks**2, axis=1))
    kernel = np.hanning(smooth_ms // STEP_MS + 2)[1:-1]
    return np.convolve(loud, kernel / kernel.sum(), mode="same")


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
    speech = envelope(rec.microphone)
    times = rec.sound_at + STEP_MS * (np.arange(len(speech)) + 0.5)
    opening = openness(rec.luma, np.interp(rec.shown, times, speech))
    best, best_lag = -1.0, 0.0
    for lag in range(0, int(limit_ms) + 1, STEP_MS):
        moved = np.interp(times + lag, rec.shown, opening)
        inside = (times + lag > rec.shown[0]) & (times + lag < rec.shown[-1])
        r = float(np.corrcoef(moved[inside], speech[inside])[0, 1])
        if r > best:
            best, best_lag = r, float(lag)
    return Mouth(best, best_lag, closedness(rec, opening, speech, times, best_lag))


def openness(luma: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """How far the mouth region is from its look in the pauses, the head held still: [N].

    Each picture is shifted so that the crown covers that of a picture from a pause; what then
    differs in the mouth region is the mouth.
    """
    side = luma.shape[1]
    pauses = np.flatnonzero(speech < QUIET * speech.max())
    rest = luma[pauses[len(pauses) // 2]].astype(np.float32)
    crown, lips = _box(side, *CROWN), _box(side, *LIPS)
    held = np.stack([_shifted(p.astype(np.float32), rest, crown, side // 20) for p in luma])
    mouths = held[:, lips[0], lips[1]]
    shut = np.median(mouths[pauses], axis=0)
    return np.abs(mouths - shut).mean(axis=(1, 2))


def _box(side: int, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
    cut = [int(round(x * side)) for x in (left, top, right, bottom)]
    return slice(cut[1], cut[3]), slice(cut[0], cut[2])


def _shifted(
    picture: np.ndarray, rest: np.ndarray, box: tuple[slice, slice], reach: int
) -> np.ndarray:
    """`picture` moved by whole pixels so that `box` agrees best with `rest`."""
    wanted = rest[box]
    moves = [(dy, dx) for dy in range(-reach, reach + 1) for dx in range(-reach, reach + 1)]
    cost = [
        np.abs(
            picture[box[0].start + dy : box[0].stop + dy, box[1].start + dx : box[1].stop + dx]
            - wanted
        ).mean()
        for dy, dx in moves
    ]
    dy, dx = moves[int(np.argmin(cost))]
    return np.roll(picture, (-dy, -dx), axis=(0, 1))


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


def beeps(rec: Recording) -> np.ndarray:
    """Times (ms) at which the speaker began to beep."""
    size = Recording.RATE // 1000
    loud = np.abs(rec.speaker[: len(rec.speaker) // size * size]).reshape(-1, size).max(1) > 0.05
    quiet_before = np.convolve(loud, np.ones(100), mode="full")[: len(loud)] - loud == 0
    return rec.sound_at + np.flatnonzero(loud & quiet_before)
