"""How like two pictures are, pixel by pixel: PSNR and SSIM.

Definitions. PSNR: 10 log10(255² / mean squared error), over all values. SSIM: Wang, Bovik, Sheikh
and Simoncelli, IEEE TIP 13(4), 2004: a Gaussian window of 11 x 11 px and sigma 1.5, K1 .01, K2 .03,
averaged over the windows that lie in the picture whole; on luma, or the mean of three channels.
"""

import numpy as np

from engine.errors import FrameError
from engine.frames import F32, U8
from kernels.jit import jit

PEAK = 255.0
SAME_DB = 100.0  # of equal pictures, in place of infinity
WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03
_C1, _C2 = np.float32((K1 * PEAK) ** 2), np.float32((K2 * PEAK) ** 2)
# Moments are taken about the middle of the range, where 32 bits are exact enough.
_MIDDLE = np.float32(128)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as the papers' programs


def luma(rgb: U8 | F32) -> F32:
    """RGB [H, W, 3] -> grey [H, W] float32 in 0..255."""
    return np.asarray(rgb.astype(np.float32) @ _LUMA, np.float32)


def psnr(a: U8 | F32, b: U8 | F32) -> float:
    """Peak signal to noise in dB of arrays of equal shape in 0..255; SAME_DB when equal.

    Raises FrameError for shapes that differ or nothing at all.
    """
    check(a, b, 1)
    error = a.astype(np.float32).reshape(-1) - b.astype(np.float32).reshape(-1)
    power = float(np.dot(error, error)) / error.size
    return min(SAME_DB, 10 * float(np.log10(PEAK**2 / max(power, 1e-9))))


def ssim(a: U8 | F32, b: U8 | F32) -> float:
    """Structural similarity of pictures [H, W] or [H, W, C] in 0..255, at most 1.

    Raises FrameError for shapes that differ or a side below WINDOW.
    """
    check(a, b, WINDOW)
    planes = [(a, b)] if a.ndim == 2 else [(a[..., c], b[..., c]) for c in range(a.shape[2])]
    return float(np.mean([_plane(_middled(x), _middled(y), _WEIGHTS) for x, y in planes]))


def check(a: U8 | F32, b: U8 | F32, least: int) -> None:
    """Two pictures of one size, each side `least` px or more, or FrameError."""
    if a.shape != b.shape:
        raise FrameError(f"the pictures are {a.shape} and {b.shape}, expected the same size")
    if a.ndim not in (2, 3) or min(a.shape[:2]) < least:
        raise FrameError(
            f"a picture is {a.shape}, expected [H, W] or [H, W, C] with sides of {least} px or more"
        )


def _middled(plane: U8 | F32) -> F32:
    return np.ascontiguousarray(plane, np.float32) - _MIDDLE


def _gaussian() -> F32:
    x = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (x / SIGMA) ** 2)
    return np.asarray(weights / weights.sum(), np.float32)


_WEIGHTS = _gaussian()


@jit
def _plane(a: F32, b: F32, weights: F32) -> float:
    """One plane: the window as two passes, whole rows at a time so that both vectorise."""
    height, width = a.shape
    taps = weights.shape[0]
    total = 0.0
    columns = np.empty((5, width), np.float32)
    moments = np.empty((5, width - taps + 1), np.float32)
    for y in range(height - taps + 1):
        columns[:] = 0
        for k in range(taps):
            weight = weights[k]
            for x in range(width):
                p, q = a[y + k, x], b[y + k, x]
                columns[0, x] += weight * p
                columns[1, x] += weight * q
                columns[2, x] += weight * p * p
                columns[3, x] += weight * q * q
                columns[4, x] += weight * p * q
        moments[:] = 0
        for m in range(5):
            for k in range(taps):
                weight = weights[k]
                for x in range(width - taps + 1):
                    moments[m, x] += weight * columns[m, x + k]
        for x in range(width - taps + 1):
            p, q = moments[0, x], moments[1, x]
            spread = moments[2, x] - p * p + moments[3, x] - q * q
            both = moments[4, x] - p * q
            p, q = p + _MIDDLE, q + _MIDDLE
            top = (2 * p * q + _C1) * (2 * both + _C2)
            total += top / ((p * p + q * q + _C1) * (spread + _C2))
    mean: float = total / ((height - taps + 1) * (width - taps + 1))
    return mean
