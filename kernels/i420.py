"""RGB -> I420 (yuv420p), BT.601 limited range: the layout every encoder here takes."""

import numpy as np
import numpy.typing as npt

from kernels.jit import Scalar, jit

U8 = npt.NDArray[np.uint8]

# 16.16 fixed point of 65.481 / 255 and so on: equal to the real-valued formula within half a step.
_YR, _YG, _YB = 16829, 33039, 6416
_UR, _UG, _UB = -9714, -19070, 28784
_VR, _VG, _VB = 28784, -24103, -4681
_HALF = 1 << 15


@jit
def rgb_to_i420(rgb: U8, out: U8) -> None:
    """rgb [H, W, 3] uint8, H and W even -> out [H * 3 // 2, W] uint8.

    Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255,
    U = 128 + (-37.797 R - 74.203 G + 112 B) / 255,
    V = 128 + (112 R - 93.786 G - 18.214 B) / 255; chroma of the mean of each 2 x 2 block.
    """
    height, width = rgb.shape[0], rgb.shape[1]
    half = width // 2
    chroma = out[height:].reshape(2, height // 2, half)
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            red: Scalar = 0
            green: Scalar = 0
            blue: Scalar = 0
            for dy in range(2):
                for dx in range(2):
                    r = np.int32(rgb[y + dy, x + dx, 0])
                    g = np.int32(rgb[y + dy, x + dx, 1])
                    b = np.int32(rgb[y + dy, x + dx, 2])
                    luma = (_YR * r + _YG * g + _YB * b + _HALF) >> 16
                    out[y + dy, x + dx] = luma + 16
                    red += r
                    green += g
                    blue += b
            u = (_UR * red + _UG * green + _UB * blue + 4 * _HALF) >> 18
            v = (_VR * red + _VG * green + _VB * blue + 4 * _HALF) >> 18
            chroma[0, y // 2, x // 2] = u + 128
            chroma[1, y // 2, x // 2] = v + 128
