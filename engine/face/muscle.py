"""What a face does by itself when shapes meet: weights as asked -> weights as drawn.

Pure arithmetic on 52 weights, of one face or of many. Shapes that are missing for a combination are
the package's own `correctives` (engine.train.correctives); here are the rules that hold for every
rig.
"""

import numpy as np

from engine.face.blendshapes import INDEX
from engine.frames import F32


def _pair(name: str) -> list[int]:
    return [INDEX[f"{name}Left"], INDEX[f"{name}Right"]]


_BLINK, _SQUINT, _CHEEK = _pair("eyeBlink"), _pair("eyeSquint"), _pair("cheekSquint")
_SMILE, _PRESS = _pair("mouthSmile"), _pair("mouthPress")
_UPPER, _LOWER = _pair("mouthUpperUp"), _pair("mouthLowerDown")
_ROLLS = [INDEX["mouthRollLower"], INDEX["mouthRollUpper"]]
_SHRUGS = [INDEX["mouthShrugLower"], INDEX["mouthShrugUpper"]]
_JAW, _CLOSE, _TONGUE = INDEX["jawOpen"], INDEX["mouthClose"], INDEX["tongueOut"]
_PUCKER, _FUNNEL = INDEX["mouthPucker"], INDEX["mouthFunnel"]
_SEALS = [_PUCKER, INDEX["cheekPuff"]]


def correct(weights: F32, rest: F32) -> F32:
    """Weights [..., 52] as drawn: finite, within [0, 1.2], plus those of rest [..., 52].

    Lids end where they meet. Lips close when mouthClose matches jawOpen. A smile over .4 lifts
    the upper lip off the teeth, unless something seals the lips, and lifts cheeks and lower lids;
    a pucker or funnel holds the corners that it would draw apart. A tongue comes out between lips.
    """
    # By shape first, so that a shape's weights of all faces lie side by side.
    w = np.moveaxis(
        np.clip(np.nan_to_num(weights, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.2), -1, 0
    )
    w = np.array(w, np.float32)
    w[_SMILE] *= 1 - np.minimum(1, 0.65 * w[_PUCKER] + 0.35 * w[_FUNNEL])
    closed = _close(w)
    lips = w[_PRESS].mean(0) + w[_ROLLS].sum(0) + w[_SHRUGS].max(0) + w[_SEALS].sum(0)
    # From a shut smile to teeth in one go: a white line of a pixel between lips reads as an error.
    show = np.clip((w[_SMILE] - 0.4) / 0.45, 0, 1)
    show = show * show * (3 - 2 * show) * (1 - np.minimum(1, 3 * lips + closed))
    w[_JAW] += 0.13 * show.mean(0) * (1 - 0.6 * np.minimum(w[_JAW] / 0.3, 1))
    w[_UPPER] += 0.60 * show
    w[_LOWER] += 0.45 * show
    w[_CHEEK] = _join(w[_CHEEK], 0.55 * w[_SMILE])
    w[_SQUINT] = _join(w[_SQUINT], 0.30 * w[_SMILE])
    w[_JAW] = np.maximum(w[_JAW], 0.28 * w[_TONGUE])
    w[_BLINK] = np.minimum(w[_BLINK], 1)
    return np.asarray(np.moveaxis(w, 0, -1) + rest, np.float32)


def _close(w: F32) -> F32:
    """Let mouthClose undo no more than the jaw has opened; the rest of it presses the lips.

    w [52, ...], in place. Returns how far the lips are closed by it.
    """
    jaw, close = w[_JAW], w[_CLOSE]
    spare = np.maximum(0, close - jaw)
    closed = np.minimum(1, close / np.maximum(jaw, 0.1))
    w[_CLOSE] = close - spare
    w[_PRESS] = _join(w[_PRESS], 0.5 * spare + 0.12 * jaw * np.maximum(0, 2 * closed - 1))
    return np.asarray(closed)


def _join(a: F32, b: F32) -> F32:
    """Two causes of one movement: more than either, less than both, never over 1 of [0, 1]."""
    a, b = np.minimum(a, 1), np.minimum(b, 1)
    return np.asarray(a + b - a * b)
