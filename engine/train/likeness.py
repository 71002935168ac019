"""A recipe after one photo of a face: shape, colours, brows and a rough guess of hair and beard.

Contract: `read` makes a picture of untrusted bytes; `from_photo` looks at it in memory and keeps
nothing of it but the recipe. It is an approximation in our style that the person goes on changing:
no sex, age or people is decided (engine.train.fit), expression and head pose are taken off.
Whatever is wrong is a TrackingError that says what to do.
"""

import io
import warnings
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.errors import TrackingError
from engine.face.fields import RGB
from engine.face.palette import code, derived, from_oklch, oklab, oklch
from engine.frames import U8
from engine.tracker.crop import Region
from engine.tracker.mesh import landmarks, surround
from engine.tracker.models import Models
from engine.tracker.still import faces, look
from engine.train import tints
from engine.train.anchors import BASE, LOOKS, Anchors
from engine.train.axes import targets, values
from engine.train.beard import BEARDS
from engine.train.clay import Clay
from engine.train.fit import Found, Space
from engine.train.hairdo import HAIRDOS
from engine.train.portrait import Portrait
from engine.train.recipe import Beard, Brows, Hair, Recipe
from engine.train.tints import Tints

MOST_BYTES = 40 << 20
MOST_PIXELS = 80_000_000
LONGEST = 1600  # px that are looked at
# How our characters differ from the people they are of, and how much more of what is special is
# shown: a drawing that is only exact looks like nobody.
STYLE = {"eye-scale-incr": 0.3, "mouth-angles-up": 0.7, "nose-scale-depth-decr": 0.2,
         "mouth-scale-vert-incr": 0.35, "mouth-upperlip-volume-incr": 0.3,
         "mouth-lowerlip-volume-incr": 0.3, "head-round": 0.2}  # fmt: skip
GAIN = 1.4
_FORMATS = ("JPEG", "PNG", "WEBP")
_LEAST_EYES = 18.0  # px between the eyes' outer corners
_POOR_EYES = 60.0
_ASIDE_DEG = 25.0
_DARK = 0.35  # OKLab lightness of skin
_CUTS = {
    "bald": ("none",), "short": ("quiff", "crop"), "fringe": ("fringe", "crop", "quiff"),
    "chin": ("bob",), "long": ("long", "wavy", "bob"), "big": ("afro", "curly", "bob"),
}  # fmt: skip
_FULL, _UPPER = (0.6, 0.4), 0.6  # shares of chin and upper lip from which on it is a beard
# What is measured of brows of thickness 1, drawn and photographed.
_BROW_DRAWN, _BROW_PHOTO = 0.042, 0.072
_GLOSS = 0.08  # the mean light on our own drawn hair
_LIT = 0.04  # a base colour is that of skin in full light, a photo is rarely exposed for it


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a photo gives."""

    recipe: Recipe
    residual: float  # dm by which the landmarks are not explained
    found: Found
    tints: Tints
    faces: int
    notes: tuple[str, ...]  # for the person: what was guessed, and what would help


def read(content: bytes) -> U8:
    """A photo file (JPEG, PNG or WebP) -> upright RGB [H, W, 3], at most LONGEST on a side.

    Raises TrackingError for anything else, whatever it is.
    """
    if len(content) > MOST_BYTES:
        raise TrackingError(
            f"the photo has {len(content) >> 20} MB, expected at most {MOST_BYTES >> 20}: save it "
            "smaller"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise _too_large(picture.size)
                picture.draft("RGB", (LONGEST, LONGEST))
                upright = ImageOps.exif_transpose(picture)
                upright.thumbnail((LONGEST, LONGEST))
                if "A" in upright.getbands() or "transparency" in upright.info:
                    over = Image.new("RGBA", upright.size, "white")
                    upright = Image.alpha_composite(over, upright.convert("RGBA"))
                return np.array(upright.convert("RGB"), np.uint8)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_large() from error
    except UnidentifiedImageError as error:
        raise TrackingError(
            "this file is no JPEG, PNG or WebP photo: choose another one"
        ) from error
    except (OSError, ValueError, SyntaxError, IndexError, KeyError, TypeError) as error:
        raise TrackingError(f"the photo cannot be decoded ({error}): save it anew") from error


def _too_large(size: tuple[int, int] | None = None) -> TrackingError:
    found = "the photo has" if size is None else f"the photo is {size[0]} x {size[1]}:"
    return TrackingError(
        f"{found} more than {MOST_PIXELS // 10**6} million pixels: save it smaller"
    )


def from_photo(rgb: U8, models: Models, name: str = "me", title: str = "Me") -> Likeness:
    """A picture [H, W, 3] uint8 of a face -> its likeness, in a few seconds of one core.

    Of several faces the largest is taken, and said so. Raises TrackingError where no face is found
    or it is too small.
    """
    picture, regions = _upright(_checked(rgb), models)
    points = look(models, picture, regions[0])
    if points is None:
        raise _nobody()
    looks = [points]
    region = surround(points)
    for size, aside in LOOKS:
        near = region._replace(size=region.size * size, x=region.x + aside * region.size,
                               roll=region.roll + aside)  # fmt: skip
        looks.append(landmarks(models, picture, near)[0])
    points = np.mean(looks, axis=0).astype(np.float32)
    eyes = float(np.linalg.norm((points[263] - points[33])[:2]))
    if eyes < _LEAST_EYES:
        raise TrackingError(
            f"the face is too small: {eyes:.0f} pixels from eye to eye, expected "
            f"{_LEAST_EYES:.0f} or more; take a photo from nearer"
        )
    found, seen = space().fit(points), tints.read(Portrait.of(picture, points))
    notes = _notes(found, seen, len(regions), eyes)
    recipe = replace(express(found, seen), name=name, title=title)
    return Likeness(recipe, found.residual, found, seen, len(regions), notes)


@cache
def space() -> Space:
    """The bundled one; it takes about a second to make."""
    return Space(Clay.load(), Anchors.load())


def express(found: Found, seen: Tints) -> Recipe:
    """What was found, as a recipe."""
    drawn = found.drawn > 0.5
    usual = space().usual
    shape = values(space().axes, STYLE) + usual + GAIN * (found.identity - usual)
    identity = replace(BASE, targets=targets(space().axes, np.clip(shape, -1, 1)))
    palette = {"skin": code(_lit(seen.skin, 0.0 if drawn else _LIT))}
    hair = None if seen.hair is None else _lit(seen.hair, -_GLOSS if drawn else 0.0)
    for key, value in (("hair", hair), ("iris", seen.iris), ("cloth", seen.cloth)):
        if value is not None:
            palette[key] = code(value)
    if seen.hair is None and seen.brow is not None:
        palette["hair"] = code(seen.brow)
    guessed = derived(palette)
    for key, own, least in (("brow", seen.brow, 0.08), ("lips", seen.lips, 0.07)):
        if own is not None and _apart(own, guessed[key]) > least:
            palette[key] = code(own)
    thick = seen.brows / (_BROW_DRAWN if drawn else _BROW_PHOTO)
    plain = Brows()
    rise = float(np.clip(0.8 * found.brows, -0.05, 0.05))
    curve = tuple((x, round(y + rise, 4), w) for x, y, w in plain.curve)
    return Recipe(
        "me", "Me", identity=identity, hair=Hair(_cut(seen.cut)), beard=Beard(_beard(seen)),
        brows=replace(plain, curve=curve, thickness=round(float(np.clip(thick, 0.6, 1.7)), 2)),
        palette=palette,
    )  # fmt: skip


def _cut(seen: str) -> str:
    """The first cut of the kind that exists."""
    return next((name for name in _CUTS[seen] if name in HAIRDOS), "none")


def _beard(seen: Tints) -> str:
    chin, upper = seen.beard, seen.moustache
    name = "none"
    if chin > _FULL[0] and upper > _FULL[1]:
        name = "full"
    elif upper > _UPPER:
        name = "moustache"
    return name if name in BEARDS else "none"


def _lit(color: RGB, add: float) -> RGB:
    light, chroma, hue = oklch(color)
    return from_oklch(min(light + add, 0.92), chroma, hue)


def _apart(one: RGB, other: RGB) -> float:
    a, b = oklab(np.array([one, other]))
    return float(np.linalg.norm(a - b))


def _checked(picture: U8) -> U8:
    """Of a size that is worth looking at."""
    shape: tuple[int, ...] = getattr(picture, "shape", ())
    if getattr(picture, "dtype", None) != np.uint8 or len(shape) != 3 or shape[2] != 3:
        raise TrackingError(f"the picture is {shape}, expected uint8 RGB [H, W, 3]")
    if min(shape[:2]) < 32:
        raise TrackingError(f"the picture is {shape[1]} x {shape[0]}, expected 32 pixels or more")
    if max(shape[:2]) <= LONGEST:
        return np.ascontiguousarray(picture)
    smaller = Image.fromarray(picture)
    smaller.thumbnail((LONGEST, LONGEST))
    return np.array(smaller, np.uint8)


def _upright(picture: U8, models: Models) -> tuple[U8, list[Region]]:
    """The picture, or one turned by quarters in which there is a face, and all faces in it."""
    for turns in (0, 1, 3, 2):
        turned = np.ascontiguousarray(np.rot90(picture, turns))
        found = [face for face in faces(models, turned) if _there(models, turned, face)]
        if found:
            return turned, found
    raise _nobody()


def _there(models: Models, picture: U8, face: Region) -> bool:
    return look(models, picture, face, times=1) is not None


def _nobody() -> TrackingError:
    return TrackingError(
        "no face is found in the photo, expected one from the front, well lit and not covered; "
        "choose another photo"
    )


def _notes(found: Found, seen: Tints, count: int, eyes: float) -> tuple[str, ...]:
    notes = []
    if count > 1:
        notes.append(f"{count} faces are in the photo: the largest was taken")
    if abs(found.yaw) > _ASIDE_DEG:
        notes.append(f"the head is turned by {abs(found.yaw):.0f} degrees: a photo from the front "
                     "shows more of its shape")  # fmt: skip
    if eyes < _POOR_EYES:
        notes.append(f"the face is small ({eyes:.0f} pixels from eye to eye): colours and shape "
                     "are rough")  # fmt: skip
    if oklch(seen.skin)[0] < _DARK:
        notes.append("the photo is dark: set the colours by hand")
    notes.append("hair, beard and glasses are guesses or left out: choose them yourself")
    return tuple(notes)
