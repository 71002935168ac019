"""A network's picture at another size, fused with what it is laid over.

Cubic convolution (Keys 1981, a = -1/2) along each axis, stretched where the picture shrinks, so
that each pixel is a mean over what it covers. Colours are weighed by alpha: what a network paints
where nothing is seen never bleeds into an edge.
"""

import numpy as np
import numpy.typing as npt

from kernels.jit import Scalar, inlined, jit

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

_REACH = 2.0  # pixels of the coarser of both grids
_ZERO, _HALF, _ONE, _BYTE = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)
_SEEN = np.float32(0.5 / 255)  # alpha below which a colour means nothing


def taps(source: int, pixels: int, step: float) -> tuple[I64, F32]:
    """How `pixels` of an axis read `source` samples, both about one middle, `step` samples apart:
    (first sample of each [pixels], weights [pixels, K]). Samples beyond the ends are the ends';
    pixels whose middle lies there have no weights."""
    scale = max(step, 1.0)
    count = min(2 * int(np.ceil(_REACH * scale)), source)
    middle = (np.arange(pixels) + 0.5 - pixels / 2) * step + source / 2
    begin = np.floor(middle - 0.5 - _REACH * scale).astype(np.int64) + 1
    wide = begin[:, None] + np.arange(2 * int(np.ceil(_REACH * scale)))
    share = _cubic((wide + 0.5 - middle[:, None]) / scale)
    share /= share.sum(1, keepdims=True)
    first = np.clip(begin, 0, source - count)
    weight = np.zeros((pixels, count))
    at = np.clip(np.clip(wide, 0, source - 1) - first[:, None], 0, count - 1)
    np.add.at(weight, (np.arange(pixels)[:, None], at), share)
    weight[(middle < 0) | (middle > source)] = 0
    return first, np.ascontiguousarray(weight, np.float32)


def _cubic(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.asarray(np.where(x < 1, near, np.where(x < _REACH, far, 0)))


@inlined
def _held(value: Scalar) -> Scalar:
    """Within [0, 1]; what is no number counts as 0."""
    value = value if value > _ZERO else _ZERO
    return min(value, _ONE)


@jit
def across(rgba: F32, first: I64, weight: F32, out: F32, span: I64) -> None:
    """Resize the rows of rgba [h, w, 4], not premultiplied, by taps [W] -> out [h, 4, W],
    premultiplied, and span [h, 2]: from where to where on each row anything is seen; the rest of
    out is left as it was. Values outside [0, 1] are held."""
    height, width, pixels = rgba.shape[0], rgba.shape[1], first.shape[0]
    row = np.empty((4, width), np.float32)
    for y in range(height):
        low, high = width, 0
        for x in range(width):
            alpha = _held(rgba[y, x, 3])
            row[3, x] = alpha
            if alpha > _ZERO:
                low, high = min(low, x), x + 1
        for c in range(3):
            for x in range(low, high):
                row[c, x] = _held(rgba[y, x, c]) * row[3, x]
            for x in range(low):
                row[c, x] = 0
            for x in range(high, width):
                row[c, x] = 0
        span[y, 0], span[y, 1] = pixels, 0
        for x in range(pixels):
            if first[x] >= high or first[x] + weight.shape[1] <= low:
                continue
            span[y, 0], span[y, 1] = min(span[y, 0], x), x + 1
            at = np.uint64(first[x])
            r, g, b, a = _ZERO, _ZERO, _ZERO, _ZERO
            for k in range(np.uint64(weight.shape[1])):
                w = weight[x, k]
                r += w * row[0, at + k]
                g += w * row[1, at + k]
                b += w * row[2, at + k]
                a += w * row[3, at + k]
            out[y, 0, x], out[y, 1, x], out[y, 2, x], out[y, 3, x] = r, g, b, a


@jit
def _down(rows: F32, span: I64, first: Scalar, weight: F32, out: F32) -> tuple[Scalar, Scalar]:
    """One row [4, W] of the sum of some of rows [h, 4, W], and from where to where it is written:
    where any of them shows anything."""
    low, high = out.shape[1], 0
    for k in range(weight.shape[0]):
        low, high = min(low, span[first + k, 0]), max(high, span[first + k, 1])
    for c in range(4):
        out[c, low:high] = 0
        for k in range(weight.shape[0]):
            w, y = weight[k], first + k
            # Slices count from 0, which the compiler needs to use vector instructions.
            begin, end = span[y, 0], max(span[y, 0], span[y, 1])
            taken, sums = rows[y, c, begin:end], out[c, begin:end]
            for x in range(sums.shape[0]):
                sums[x] += w * taken[x]
    return low, high


@jit
def lay(rows: F32, span: I64, first: I64, weight: F32, background: U8, out: U8) -> None:
    """Resize the columns of what `across` made [h, 4, W] by taps [H] and lay it over a background
    [H, W, 3] -> out [H, W, 3] uint8."""
    row = np.empty((4, out.shape[1]), np.float32)
    for y in range(out.shape[0]):
        low, high = _down(rows, span, first[y], weight[y], row)
        out[y] = background[y]
        picture, seen = out[y, low:high], row[:, low:high]
        for x in range(picture.shape[0]):
            alpha = _held(seen[3, x])
            for c in range(3):
                # Cubics overshoot: a colour is never more than all of what is seen.
                value = min(_held(seen[c, x]), alpha)
                behind = np.float32(picture[x, c])
                picture[x, c] = np.uint8(value * _BYTE + (_ONE - alpha) * behind + _HALF)


@jit
def lift(rows: F32, span: I64, first: I64, weight: F32, out: U8) -> None:
    """The same with alpha instead of a background -> out [H, W, 4] uint8, not premultiplied."""
    row = np.empty((4, out.shape[1]), np.float32)
    for y in range(out.shape[0]):
        low, high = _down(rows, span, first[y], weight[y], row)
        out[y] = 0
        for x in range(low, high):
            alpha = _held(row[3, x])
            share = _ZERO if alpha < _SEEN else _BYTE / alpha
            for c in range(3):
                out[y, x, c] = np.uint8(min(_held(row[c, x]), alpha) * share + _HALF)
            out[y, x, 3] = np.uint8(alpha * _BYTE + _HALF)
