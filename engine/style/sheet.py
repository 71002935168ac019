"""Pictures of styles: a map of which are alike, and strips of each one saying the same sentence.

Contract: pictures are RGB uint8 arrays; nothing is stored or opened here. The map's axes are the
two principal axes of the codes shown (PCA), so near means alike.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from engine import offline
from engine.face.blendshapes import INDEX
from engine.frames import F32, U8, Motion
from engine.render.choose import AnyRenderer
from engine.style.code import Style

MOMENTS = 6  # pictures of a strip
_PAPER, _INK, _FAINT = (250, 248, 244), (40, 40, 48), (200, 198, 192)
_MARGIN = 12  # px
_SIDE = 140  # px beside a strip for its name
_TEXT = 15  # px
_LATER = 4  # ticks that a moment may move

Points = npt.NDArray[np.float64]


def strips(
    styles: Sequence[Style], pcm: F32, renderer: AnyRenderer, moments: int = MOMENTS
) -> Iterator[list[U8]]:
    """For each style the same moments of the sentence `pcm` (16 kHz mono): pictures [H, W, 3]; a
    blink, which would hide the eyes, is let pass."""
    for style in styles:
        clip = offline.motion(pcm, style)
        lids = clip.weights[:, INDEX["eyeBlinkLeft"]]
        rows = []
        for share in np.linspace(0.15, 0.9, moments):
            around = np.arange(-_LATER, _LATER + 1) + round(share * (len(lids) - 1))
            around = around[(around >= 0) & (around < len(lids))]
            t = around[lids[around].argmin()]
            rows.append(Motion(0, clip.weights[t], clip.pose[t]))
        yield [_close(renderer.render_rgb(row)) for row in rows]


def _close(picture: U8) -> U8:
    """The face without hair ends and shoulders."""
    size = len(picture)
    side, top, left = (int(size * share) for share in (0.72, 0.07, 0.14))
    return picture[top : top + side, left : left + side]


def sheet(names: Sequence[str], faces: Sequence[Sequence[U8]]) -> U8:
    """Strips below each other, each with its style's name on the left."""
    high, wide = faces[0][0].shape[:2]
    page, draw = _page(_SIDE + len(faces[0]) * wide, len(faces) * high)
    font = ImageFont.load_default(_TEXT)
    for row, (name, strip) in enumerate(zip(names, faces, strict=True)):
        page.paste(Image.fromarray(np.concatenate(strip, axis=1)), (_SIDE, row * high))
        draw.multiline_text(
            (_SIDE - _MARGIN, row * high + high // 2), _broken(name), _INK, font, "rm",
            align="right",
        )  # fmt: skip
    return np.asarray(page)


def chart(names: Sequence[str], codes: F32, faces: Sequence[U8], wide: int = 900) -> U8:
    """The map: each style's face near its place among the others; a line leads to the place itself
    where faces had to make room. `codes` [N, CODE], `faces` N pictures of one size."""
    size = faces[0].shape[0]
    high = wide * 3 // 4
    page, draw = _page(wide, high)
    font = ImageFont.load_default(_TEXT)
    cell = np.array([size + 8, size + _TEXT + 10], float)
    room = np.array([wide, high]) - cell - 2 * _MARGIN
    spots = places(codes) * room + cell / 2 + _MARGIN
    shown = _apart(spots, cell, cell / 2 + _MARGIN, np.array([wide, high]) - cell / 2 - _MARGIN)
    for spot, face in zip(spots, shown, strict=True):
        draw.line((*spot, *face), _FAINT, 2)
        draw.ellipse((*(spot - 3), *(spot + 3)), _FAINT)
    round_ = Image.new("L", (size, size))
    ImageDraw.Draw(round_).ellipse((0, 0, size - 1, size - 1), 255)
    for name, place, face in zip(names, shown, faces, strict=True):
        x, y = (place - cell / 2).round().astype(int)
        page.paste(Image.fromarray(face), (int(x) + 4, int(y)), round_)
        draw.text((place[0], y + size + 2), name, _INK, font, "ma")
    return np.asarray(page)


def places(codes: F32) -> Points:
    """Codes [N, CODE] -> [N, 2] in [0, 1]: the first two principal axes; half by value and half by
    rank, so that one style far from all does not press the others together."""
    rows = np.asarray(codes, np.float64) - codes.mean(0)
    _, _, axes = np.linalg.svd(rows, full_matrices=False)
    spots = rows @ axes[:2].T
    spots = np.pad(spots, ((0, 0), (0, 2 - spots.shape[1])))
    low, span = spots.min(0), np.ptp(spots, axis=0)
    by_value = (spots - low) / np.maximum(span, 1e-6)
    by_rank = spots.argsort(0).argsort(0) / max(len(spots) - 1, 1)
    return np.where(span > 1e-6, (by_value + by_rank) / 2, 0.5)


def _apart(spots: Points, cell: Points, low: Points, high: Points) -> Points:
    """Moved until no two cells overlap, as far as the page has room."""
    rng = np.random.default_rng(0)
    moved = spots.copy()
    for _ in range(1500):
        gap = (moved[:, None] - moved[None]) / cell
        far = np.abs(gap).max(-1)
        np.fill_diagonal(far, 1.0)
        if (far >= 1.0).all():
            break
        # Aside from the straight line too: a row that is too full becomes two.
        away = gap + 0.05 * rng.standard_normal(gap.shape)
        away /= np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-6)
        push = np.maximum(1.0 - far, 0)[..., None] * away
        moved = np.clip(moved + 0.1 * push.sum(1) * cell, low, high)
    return moved


def _page(wide: int, high: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    page = Image.new("RGB", (wide, high), _PAPER)
    return page, ImageDraw.Draw(page)


def _broken(name: str) -> str:
    """A long name in lines that fit beside a strip."""
    lines = [""]
    for word in name.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) > 14:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(line[:18] for line in lines[:3])
