"""The picture's size and what lies behind it, as people say it: on a command line or by a file.

Contract: a picture that somebody gives is bounded before its pixels are unpacked, and made no
larger than a film needs. Everything else is a TransportError that says what was expected.
"""

import io
import re
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from engine.face.background import Background, Picture, Plain, Transparent
from engine.face.fields import color
from engine.frames import U8
from engine.render.renderer import Size, sides
from streaming.errors import TransportError

MAX_BYTES = 12 << 20  # of a file
MAX_PIXELS = 40_000_000
SIDE = 1920  # px: larger pictures are made smaller
# What decoders raise for a broken file.
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, OverflowError,
          struct.error, zlib.error)  # fmt: skip
BLUR = 0.015  # share of the height: a picture behind somebody is a little out of focus


def size(text: str) -> Size:
    """'512' or '1280x720' as pixels. Raises TransportError or FrameError."""
    found = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip().lower())
    if found is None:
        raise TransportError(f"size {text!r:.40} is not like 512 or 1280x720")
    wide, high = found.groups()
    wanted: Size = (int(wide), int(high)) if high else int(wide)
    sides(wanted)
    return wanted


def background(text: str) -> Background | None:
    """'auto' (None: the avatar's own), 'plain:#rrggbb', 'green' or the path of a picture."""
    if text == "auto":
        return None
    if text == "green":
        return Transparent()
    if text.startswith("plain:"):
        return Plain(color(text.removeprefix("plain:"), "the background"))
    try:
        content = Path(text).read_bytes()
    except OSError as error:
        raise TransportError(
            f"background {text!r:.80} is not auto, plain:#rrggbb or green, and cannot be read as "
            f"a picture: {error.strerror}"
        ) from error
    return Picture(picture(content), BLUR)


def picture(content: bytes) -> U8:
    """A picture file as RGB [H, W, 3], at most SIDE pixels a side. Raises TransportError."""
    if len(content) > MAX_BYTES:
        raise TransportError(
            f"the picture has {len(content) >> 20} MB, expected at most {MAX_BYTES >> 20}"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about what is refused right below
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                image.draft("RGB", (SIDE, SIDE))
                upright = ImageOps.exif_transpose(image).convert("RGB")
    except Image.DecompressionBombError as error:
        raise TransportError(
            f"the picture has more than {MAX_PIXELS // 1_000_000} million pixels; make it smaller"
        ) from error
    except DAMAGE as error:
        raise TransportError("this is not a PNG, JPEG or WebP picture that can be read") from error
    upright.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(upright)
