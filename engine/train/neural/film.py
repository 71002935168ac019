"""Linear light -> a picture: supersamples joined, highlights rolled off, sRGB."""

import math

import numpy as np

from engine.frames import F32, U8
from engine.train.neural.jit import Scalar, inlined, jit

# Highlights bend over from here on and never reach white abruptly.
_SHOULDER = 0.62


@inlined
def _tone(x: Scalar) -> Scalar:
    """Filmic: straight in the middle, a soft shoulder, a slight toe."""
    x = x * (x + 0.9) / (x + 0.93)
    if x > _SHOULDER:
        return _SHOULDER + (1 - _SHOULDER) * (1 - math.exp((_SHOULDER - x) / 0.40))
    return x


@inlined
def _srgb(x: Scalar) -> Scalar:
    return 12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055


@jit
def _rows(image: F32, out: F32) -> None:
    """Halve the width of image [H, W, 4] by the filter 1 3 3 1."""
    last = image.shape[1] - 1
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            a, b, d = max(2 * x - 1, 0), 2 * x, min(2 * x + 2, last)
            for c in range(4):
                out[y, x, c] = np.float32(0.125) * (
                    image[y, a, c] + image[y, d, c]
                    + np.float32(3) * (image[y, b, c] + image[y, b + 1, c])
                )  # fmt: skip


@jit
def _finish(image: F32, tone: F32, srgb: U8, out: U8) -> None:
    """Halve the height of premultiplied image [2 H, W, 4] and tone it into out [H, W, 4]."""
    last = image.shape[0] - 1
    last_tone = len(tone) - 1
    for y in range(out.shape[0]):
        a, b, d = max(2 * y - 1, 0), 2 * y, min(2 * y + 2, last)
        for x in range(out.shape[1]):
            alpha = 0.125 * (
                image[a, x, 3] + image[d, x, 3] + 3 * (image[b, x, 3] + image[b + 1, x, 3])
            )
            alpha = min(alpha, 1.0)
            out[y, x, 3] = int(255 * alpha + 0.5)
            if alpha < 1 / 512:
                out[y, x, 0] = out[y, x, 1] = out[y, x, 2] = 0
                continue
            f = 0.125 * 1024 / alpha
            r = f * (image[a, x, 0] + image[d, x, 0] + 3 * (image[b, x, 0] + image[b + 1, x, 0]))
            g = f * (image[a, x, 1] + image[d, x, 1] + 3 * (image[b, x, 1] + image[b + 1, x, 1]))
            h = f * (image[a, x, 2] + image[d, x, 2] + 3 * (image[b, x, 2] + image[b + 1, x, 2]))
            # Half by channel, half by the largest of them, which keeps the hue of bright skin.
            most = max(max(r, g), max(h, 1.0))
            whole = tone[min(int(most), last_tone)] / most
            for c, value in enumerate((r, g, h)):
                toned = 0.45 * tone[min(int(value), last_tone)] + 0.55 * value * whole
                out[y, x, c] = srgb[min(int(toned * 4096), 4095)]


@jit
def _curves(tone: F32, srgb: U8) -> None:
    """Tone curve of 1/1024 of linear light, and sRGB of 1/4096 of what comes out of it."""
    for n in range(len(tone)):
        tone[n] = _tone((n + 0.5) / 1024)
    for n in range(len(srgb)):
        srgb[n] = min(int(255 * _srgb((n + 0.5) / 4096) + 0.5), 255)


def develop(image: F32) -> U8:
    """Premultiplied linear light [2 H, 2 W, 4] -> straight sRGB [H, W, 4]."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    half = np.empty((image.shape[0], width, 4), np.float32)
    _rows(image, half)
    tone, srgb = np.empty(4096, np.float32), np.empty(4096, np.uint8)
    _curves(tone, srgb)
    out = np.empty((height, width, 4), np.uint8)
    _finish(half, tone, srgb, out)
    return out
