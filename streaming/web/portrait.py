"""A still with a hint of a smile, for pickers: one picture, drawn without warming anything up."""

import io
from typing import Protocol

import av
import numpy as np
from PIL import Image

from engine.face.blendshapes import ARKIT
from engine.frames import BLENDSHAPES, POSE, Motion, Video

SMILE = 0.35
SMALL = 96  # px: what a picker shows, on a dense screen


class Painter(Protocol):
    """An Avatar or a Renderer."""

    def render(self, motion: Motion) -> Video: ...


def draw(painter: Painter) -> tuple[bytes, bytes]:
    """PNGs of its portrait as it is drawn, and SMALL."""
    weights = np.zeros(BLENDSHAPES, np.float32)
    weights[[ARKIT.index("mouthSmileLeft"), ARKIT.index("mouthSmileRight")]] = SMILE
    video = painter.render(Motion(0, weights, np.zeros(len(POSE), np.float32)))
    frame = av.VideoFrame.from_ndarray(video.i420, format="yuv420p").reformat(format="rgb24")
    picture = Image.fromarray(frame.to_ndarray())
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    return _png(picture), _png(square.resize((SMALL, SMALL), Image.Resampling.LANCZOS))


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
