"""The picture's size, what draws it and what lies behind, as people say it: on a command line or by
a file.

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
from engine.render.setting import LOOKS
from streaming.errors import TransportError

MAX_BYTES = 12 << 20  # of a file
MAX_PIXELS = 13_000_000  # what telephones take, many times what is shown
SIDE = 1920  # px: larger pictures are made smaller
# What decoders raise for a broken file.
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, OverflowError,
          struct.error, zlib.error)  # fmt: skip
LOOK_HELP = "|".join(LOOKS) + "[,unmarked]"
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


def look(text: str) -> tuple[str, bool]:
    """'auto', 'toon' or 'neural', with ',unmarked' for no badge on the likeness of a person: what
    Setting calls `look` and `mark`. Raises TransportError."""
    name, *more = text.strip().lower().split(",")
    if name not in LOOKS or more not in ([], ["unmarked"]):
        raise TransportError(f"look {text!r:.40} is not one of {LOOK_HELP}")
    return name, not more


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


def picture(content: bytes, room: Size = (SIDE, SIDE), *, cut: bool = False) -> U8:
    """A picture file as RGB [H, W, 3], at most as large as `room`.

    `cut`: as `room` shows it, when it fills it: its middle, no larger than that. Needs up to eight
    bytes a pixel of the file for a moment, so do it one at a time. Raises TransportError.
    """
    if len(content) > MAX_BYTES:
        raise TransportError(
            f"the picture has {len(content) >> 20} MB, expected at most {MAX_BYTES >> 20}"
        )
    wide, high = sides(room)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about what is refused right below
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                image.draft("RGB", (SIDE, SIDE))
                upright = _upright(image)
    except Image.DecompressionBombError as error:
        raise TransportError(
            f"the picture has more than {MAX_PIXELS // 1_000_000} million pixels; make it smaller"
        ) from error
    except DAMAGE as error:
        raise TransportError("this is not a PNG, JPEG or WebP picture that can be read") from error
    if min(upright.size) < 2:
        raise TransportError("the picture is one pixel thin, expected at least 2 x 2")
    if cut:
        upright = _middle(upright, wide / high)
    upright.thumbnail((wide, high), Image.Resampling.LANCZOS)
    return np.asarray(upright.convert("RGB"))


def _upright(image: Image.Image) -> Image.Image:
    """Decoded, no larger than a film needs, turned as its camera was held; few copies."""
    if image.mode not in ("RGB", "L"):
        image = image.convert("RGB")
    wide, high = image.size
    scale = min(1.0, SIDE / max(min(wide, high), 1))  # a panorama keeps its height
    if scale < 1:
        size = max(round(wide * scale), 1), max(round(high * scale), 1)
        small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        small.info = image.info
        image = small
    ImageOps.exif_transpose(image, in_place=True)
    return image


def _middle(image: Image.Image, aspect: float) -> Image.Image:
    """The largest part of this aspect ratio around the middle, at least 2 pixels a side."""
    wide = max(2, min(image.width, round(image.height * aspect)))
    high = max(2, min(image.height, round(image.width / aspect)))
    left, top = (image.width - wide) // 2, (image.height - high) // 2
    return image.crop((left, top, left + wide, top + high))
