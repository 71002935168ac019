"""Head motion beside its truth, as StyleTalk++ measures it: the pose is a picture of 6 x T.

Definitions. SSIM is Eq. 6 of the paper over the whole picture: one mean, deviation and covariance
of each of the six rows over time, averaged over the rows; PSNR from the mean squared error. Angles
count in units of ANGLE degrees and places in units of PLACE head widths, so that all six rows lie
in about [-1, 1] and the peak is 2.
"""

import numpy as np

from engine.frames import F32

ANGLE, PLACE = 20.0, 0.5
_SCALE = np.array([ANGLE, ANGLE, ANGLE, PLACE, PLACE, PLACE])
_PEAK = 2.0
_C1, _C2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2


def ssim(truth: F32, made: F32) -> float:
    """Structural similarity of two poses [T, 6]: 1 when equal, about 0 when unrelated."""
    a, b = truth / _SCALE, made / _SCALE
    mean, other = a.mean(0), b.mean(0)
    together = ((a - mean) * (b - other)).mean(0)
    top = (2 * mean * other + _C1) * (2 * together + _C2)
    bottom = (mean**2 + other**2 + _C1) * (a.var(0) + b.var(0) + _C2)
    return float(np.mean(top / bottom))


def psnr(truth: F32, made: F32) -> float:
    """Peak signal to noise in dB of two poses [T, 6]; 100 when equal."""
    error = float(np.mean(((truth - made) / _SCALE) ** 2))
    return 10 * float(np.log10(_PEAK**2 / max(error, _PEAK**2 * 1e-10)))
