"""A renderer that shows its texture as sharp as the picture was, before any training.

The network works on half of the picture's pixels. What halving loses is kept beside the colours,
in channels 3 to 6 of the texture: for each of a cell's four pixels the light by which it differs
from the cells' bilinear blend. The network's first weights carry these four numbers unchanged
through its widest level and add them at the end; all other ways start at nothing, so that training
may go on from here. At its own pose a picture comes back as it was, in others it is warped.
"""

import numpy as np
import torch

from engine.face.learned import CHANNELS
from engine.frames import F32
from engine.nets.unet import UNet, UNetConfig

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
DETAIL = 3  # first of four channels: upper left, upper right, lower left, lower right
PART = 7  # channel of the part
_LIFT = 1.0  # added to the details, which are negative too: the activation passes what is above 0


def texture(page: F32) -> F32:
    """A page of pixels [R, R, 4] in 0..1 (colours, and what part a place is) -> texture [R, R, 8],
    whose texel (i, j) belongs to the corner between the pixels i - 1, i and j - 1, j."""
    padded = np.pad(page[..., :3], ((2, 2), (2, 2), (0, 0)), "edge").astype(np.float32)
    corner = (padded[:-1, :-1] + padded[:-1, 1:] + padded[1:, :-1] + padded[1:, 1:]) / 4
    out = np.zeros((*page.shape[:2], CHANNELS), np.float32)
    rows, columns = page.shape[:2]
    middle = corner[1 : rows + 1, 1 : columns + 1]
    out[..., :3], out[..., PART] = middle, page[..., 3]
    luma, blend = padded @ LUMA, corner @ LUMA
    grey = np.pad(blend, 2, "edge")
    for place in range(4):
        down, right = place // 2, place % 2
        pixel = luma[1 + down : rows + 1 + down, 1 + right : columns + 1 + right]
        # The cells around are two pixels away.
        y, x = 3 + 2 * (2 * down - 1), 3 + 2 * (2 * right - 1)
        own = grey[3 : rows + 3, 3 : columns + 3]
        beside = grey[3 : rows + 3, x : columns + x]
        over = grey[y : rows + y, 3 : columns + 3]
        across = grey[y : rows + y, x : columns + x]
        out[..., DETAIL + place] = pixel - (9 * own + 3 * beside + 3 * over + across) / 16
    return out


def network(size: str) -> UNet:
    """A fresh network of a shipped size that adds the details of `texture` to the doubled
    picture."""
    net = UNet(UNetConfig.of(size))
    assert net.stem.bias is not None and net.grain.bias is not None
    with torch.no_grad():
        # Only what carries the details: all else keeps its random start, or it could never learn.
        for layer, rows in ((net.stem, 16), (net.lift0, None), (net.join0, 16)):
            layer.weight[:rows] = 0
        net.grain.weight.zero_()
        for k in range(16):  # detail k % 4 of the cell's pixel k // 4 of the grid
            pixel, detail = k // 4, k % 4
            net.stem.weight[k, DETAIL + detail, pixel // 2, pixel % 2] = 1
            net.stem.bias[k] = _LIFT
            net.join0.weight[k, k, 1, 1] = 1
            net.fine.weight[4 * detail + pixel] = 0
            net.fine.weight[4 * detail + pixel, k, 1, 1] = 1
        for colour in range(3):
            for place in range(4):
                net.grain.weight[4 * colour + place, place, 1, 1] = 1
            net.grain.bias[4 * colour : 4 * colour + 4] = -_LIFT
    return net
