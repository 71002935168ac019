"""Contact sheets of avatars: `python -m demos.gallery OUT/`.

Per avatar one labelled PNG each of expressions, angles, visemes and sizes, and one of the whole
cast. `--strip` draws the README's pictures instead: the cast, and some of it speaking.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from demos.pick_style import SENTENCE, heard
from engine import offline
from engine.avatar import Avatar
from engine.errors import AudioError, VivifyError
from engine.face.background import Gradient, Plain, Transparent
from engine.face.blendshapes import ARKIT, INDEX
from engine.face.fields import RGB
from engine.face.package import names
from engine.face.palette import rgb
from engine.frames import U8, Motion
from engine.render.choose import AnyRenderer, choose
from engine.render.setting import Setting

Pose = tuple[float, float, float, float, float, float]
STRAIGHT: Pose = (0, 0, 0, 0, 0, 0)
PAPER, INK = (250, 249, 253), (44, 40, 60)


def motion(pose: Pose = STRAIGHT, **weights: float) -> Motion:
    """A still motion; a name without Left/Right sets both sides."""
    values = np.zeros(len(ARKIT), np.float32)
    for name, weight in weights.items():
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in INDEX:
                values[INDEX[full]] = weight
    return Motion(0, values, np.array(pose, np.float32))


EXPRESSIONS = {
    "rest": motion(),
    "smile": motion(mouthSmile=0.9, cheekSquint=0.4),
    "laugh": motion(mouthSmile=0.8, jawOpen=0.4, cheekSquint=0.6, eyeSquint=0.3),
    "blink": motion(eyeBlink=1.0),
    "surprise": motion(browInnerUp=1.0, browOuterUp=1.0, eyeWide=0.8, jawOpen=0.3),
    "anger": motion(browDown=0.9, mouthFrown=0.6, noseSneer=0.5, mouthPress=0.3),
    "sadness": motion(browInnerUp=0.9, mouthFrown=0.7, eyeSquint=0.2, eyeLookDown=0.2),
    "disgust": motion(noseSneer=0.9, mouthUpperUp=0.5, browDown=0.4, eyeSquint=0.4),
    "doubt": motion(browOuterUpLeft=0.9, browDownRight=0.6, mouthLeft=0.4),
    "wink": motion(mouthSmileLeft=0.8, eyeBlinkLeft=1.0, cheekSquintLeft=0.6),
    "look aside": motion(eyeLookOutLeft=0.8, eyeLookInRight=0.8),
    "look down": motion(eyeLookDown=0.8),
    "puffed": motion(cheekPuff=0.9),
    "kiss": motion(mouthPucker=0.9, eyeSquint=0.2),
    "tongue": motion(jawOpen=0.5, tongueOut=0.8, mouthSmile=0.3),
}
ANGLES = {
    "left 38": motion((38, 0, 0, 0, 0, 0)),
    "left 18": motion((18, 0, 0, 0, 0, 0), mouthSmile=0.5),
    "front": motion(),
    "right 18": motion((-18, 0, 0, 0, 0, 0), jawOpen=0.25),
    "right 38": motion((-38, 0, 0, 0, 0, 0), mouthSmile=0.5),
    "up": motion((0, 15, 0, 0, 0, 0)),
    "down": motion((0, -15, 0, 0, 0, 0)),
    "tilt": motion((8, 4, 12, 0, 0, 0), mouthSmile=0.6, jawOpen=0.2),
    "tilt back": motion((-8, 6, -12, 0, 0, 0)),
    "close": motion((0, 0, 0, 0, 0, 0.4)),
}
# The 14 of engine.speech.phonemes.VISEMES, as a speaker makes them at their clearest.
VISEMES = {
    "sil": motion(),
    "PP": motion(mouthClose=0.1, mouthPress=0.4, mouthRollLower=0.2, mouthRollUpper=0.2),
    "FF": motion(jawOpen=0.08, mouthRollLower=0.5, mouthUpperUp=0.4),
    "TH": motion(jawOpen=0.15, tongueOut=0.4, mouthUpperUp=0.2),
    "DD": motion(jawOpen=0.16, mouthStretch=0.1, mouthUpperUp=0.15, mouthLowerDown=0.25),
    "SS": motion(jawOpen=0.06, mouthStretch=0.3, mouthUpperUp=0.15, mouthLowerDown=0.25),
    "CH": motion(jawOpen=0.12, mouthFunnel=0.5, mouthPucker=0.25, mouthLowerDown=0.2),
    "kk": motion(jawOpen=0.22, mouthUpperUp=0.12, mouthLowerDown=0.2),
    "RR": motion(jawOpen=0.14, mouthFunnel=0.35, mouthPucker=0.3),
    "aa": motion(jawOpen=0.6, mouthUpperUp=0.1, mouthLowerDown=0.15),
    "E": motion(jawOpen=0.28, mouthStretch=0.4, mouthUpperUp=0.25, mouthLowerDown=0.3),
    "I": motion(jawOpen=0.1, mouthSmile=0.35, mouthStretch=0.3, mouthUpperUp=0.2,
                mouthLowerDown=0.3),
    "O": motion(jawOpen=0.35, mouthFunnel=0.6),
    "U": motion(jawOpen=0.1, mouthPucker=0.8),
}  # fmt: skip
THEMES = {"expressions": EXPRESSIONS, "angles": ANGLES, "visemes": VISEMES}
QUICK = {name: EXPRESSIONS[name] for name in ("rest", "laugh", "blink", "surprise")}
SIZES = (512, 256, 128, 64)

# The README's pictures: how each of the cast poses, and who says the sentence in which style.
POSES = [
    motion((-7, 2, -3, 0, 0, 0), mouthSmile=0.7, cheekSquint=0.3),
    motion((6, 0, 2, 0, 0, 0), mouthSmileLeft=0.6, mouthSmileRight=0.3, browOuterUpLeft=0.5),
    motion((8, 2, 4, 0, 0, 0), mouthSmile=0.75, jawOpen=0.25, cheekSquint=0.4),
    motion((-5, -2, 0, 0, 0, 0), mouthSmile=0.35),
    motion((9, 3, 5, 0, 0, 0), mouthSmile=0.8, jawOpen=0.3, eyeSquint=0.2),
    motion((-8, 0, -4, 0, 0, 0), browInnerUp=0.5, browOuterUp=0.5, mouthSmile=0.5, jawOpen=0.15),
]
SPEAKERS = {"mira": "cheerful", "dante": "serious", "ruth": "warm", "amara": "excited",
            "vix": "theatrical"}  # fmt: skip
STRIP_S, STRIP_FPS, STRIP_QUALITY = 3.4, 12.5, 62
GAP, ROUND = 14, 26  # px between cards, of their corners
POP = 0.14  # share of a card's height by which a head stands out of it


def page(pictures: Sequence[U8], labels: Sequence[str], columns: int, title: str) -> Image.Image:
    """Pictures of one size in rows, each with its label below, under a title."""
    high, wide = pictures[0].shape[:2]
    text = max(11, wide // 16)
    head, foot = 2 * text + 10, text + 12
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * wide, head + rows * (high + foot)), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(text)
    draw.text((10, head // 2), title, INK, ImageFont.load_default(text * 1.4), "lm")
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = number % columns * wide, head + number // columns * (high + foot)
        sheet.paste(Image.fromarray(picture), (x, y))
        draw.text((x + wide // 2, y + high + foot // 2), label, INK, font, "mm")
    return sheet


def sheet(
    renderer: AnyRenderer, theme: str, motions: Mapping[str, Motion], columns: int = 5
) -> Image.Image:
    """One theme of one avatar."""
    title = f"{renderer.package.manifest.title}: {theme}"
    return page([renderer.render_rgb(m) for m in motions.values()], [*motions], columns, title)


def sizes(renderer: AnyRenderer) -> Image.Image:
    """The same smile at several sizes, as large as they are."""
    pictures = [choose(renderer.package, size).render_rgb(EXPRESSIONS["smile"]) for size in SIZES]
    out = Image.new("RGB", (sum(SIZES) + GAP * (len(SIZES) + 1), max(SIZES) + 2 * GAP), PAPER)
    x = GAP
    for picture in pictures:
        out.paste(Image.fromarray(picture), (x, GAP + max(SIZES) - len(picture)))
        x += len(picture) + GAP
    return out


def card(wide: int, high: int, background: object) -> Image.Image:
    """A rounded card in an avatar's own colours; the space above it is clear."""
    top, bottom, glow = _inks(background)
    down = np.linspace(0, 1, high)[:, None, None]
    y, x = np.mgrid[0:high, 0:wide]
    shine = np.exp(-(((x / wide - 0.5) / 0.36) ** 2) - ((y / high - 0.45) / 0.36) ** 2)[..., None]
    flat = np.array(top) * (1 - down) + np.array(bottom) * down
    color = flat * (1 - 0.7 * shine) + np.array(glow) * 0.7 * shine
    out = Image.fromarray(np.asarray(np.rint(255 * color), np.uint8)).convert("RGBA")
    out.putalpha(_rounded(wide, high))
    return out


def _inks(background: object) -> tuple[RGB, RGB, RGB]:
    if isinstance(background, Gradient):
        return rgb(background.top), rgb(background.bottom), rgb(background.glow)
    plain = rgb(background.color if isinstance(background, Plain) else "#dfe3ee")
    return plain, plain, plain


def _rounded(wide: int, high: int, top: int = 0) -> Image.Image:
    """Mask of a rounded card; above `top` nothing is cut but what lies beside it."""
    mask = Image.new("L", (wide * 4, high * 4), 0)
    draw = ImageDraw.Draw(mask)
    draw.rounded_rectangle((0, top * 4, wide * 4 - 1, high * 4 - 1), ROUND * 4, 255)
    if top:
        draw.rectangle((0, 0, wide * 4, (top + ROUND) * 4), 255)
    return mask.resize((wide, high), Image.Resampling.LANCZOS)


class Sitter:
    """One avatar on its card, drawn again for every motion."""

    def __init__(self, name: str, wide: int, high: int) -> None:
        self.avatar = Avatar.load(name, (wide, high), setting=Setting(background=Transparent()))
        self.title = self.avatar.renderer.package.manifest.title
        top = round(POP * high)
        self._behind = Image.new("RGBA", (wide, high))
        behind = self.avatar.renderer.package.manifest.background
        self._behind.paste(card(wide, high - top, behind), (0, top))
        self._window = _rounded(wide, high, top)

    def draw(self, motion: Motion) -> Image.Image:
        figure = Image.fromarray(self.avatar.renderer.render_rgba(motion), "RGBA")
        clear = Image.new("RGBA", figure.size)
        return Image.alpha_composite(self._behind, Image.composite(figure, clear, self._window))


def cast(who: Sequence[str], wide: int, high: int, columns: int) -> Image.Image:
    """The cast on their cards, each with a pose of its own; clear between them."""
    rows = -(-len(who) // columns)
    size = (columns * (wide + GAP) - GAP, rows * (high + GAP) - GAP)
    out = Image.new("RGBA", size)
    for number, name in enumerate(tqdm(who, unit="avatar", desc="cast")):
        row, column = divmod(number, columns)
        short = columns - min(columns, len(who) - row * columns)
        x = round((column + short / 2) * (wide + GAP))
        drawn = Sitter(name, wide, high).draw(POSES[number % len(POSES)])
        out.paste(drawn, (x, row * (high + GAP)))
    return out


def strip(who: Mapping[str, str], wide: int, high: int) -> Iterator[Image.Image]:
    """One sentence said by several at once, each in a style of their own, with their names."""
    if not SENTENCE.is_file():
        raise AudioError(f"{SENTENCE.name} is not here; run this in a checkout")
    pcm = heard(SENTENCE, STRIP_S)
    sitters = [Sitter(name, wide, high) for name in who]
    spoken = []
    for sitter, style in zip(sitters, who.values(), strict=True):
        clip = offline.motion(pcm, style)
        rows = zip(clip.start, clip.weights, clip.pose, strict=True)
        spoken.append(sitter.avatar.swing([Motion(int(s), w, p) for s, w, p in rows])[0])
    count, foot = min(len(s) for s in spoken), 34
    font = ImageFont.load_default(17)
    for tick in tqdm(range(0, count, round(25 / STRIP_FPS)), unit="picture", desc="strip"):
        out = Image.new("RGBA", (len(who) * (wide + GAP) - GAP, high + foot))
        draw = ImageDraw.Draw(out)
        for number, (sitter, motions) in enumerate(zip(sitters, spoken, strict=True)):
            x = number * (wide + GAP)
            out.paste(sitter.draw(motions[tick]), (x, 0))
            label = f"{sitter.title} · {list(who.values())[number]}"
            draw.text((x + wide // 2, high + foot // 2), label, (128, 120, 150, 255), font, "mm")
        yield out


def readme(out: Path) -> Iterator[Path]:
    """cast.png and strip.webp."""
    everyone = names()
    place = out / "cast.png"
    picture = cast(everyone, 216, 250, -(-len(everyone) // 2))
    picture.save(place, optimize=True)
    yield place
    who = {name: style for name, style in SPEAKERS.items() if name in everyone}
    pictures = list(strip(who, 190, 220))
    place = out / "strip.webp"
    pictures[0].save(
        place, save_all=True, append_images=pictures[1:], duration=round(1000 / STRIP_FPS), loop=0,
        quality=STRIP_QUALITY, method=4, minimize_size=False,
    )  # fmt: skip
    yield place


def sheets(who: Sequence[str], size: int, quick: bool, out: Path) -> Iterator[Path]:
    """Every sheet of every avatar, and the overview."""
    smiles, labels = [], []
    for name in tqdm(who, unit="avatar"):
        renderer = choose(name, size)
        if quick:
            made = {"quick": sheet(renderer, "quick", QUICK, 4)}
        else:
            made = {theme: sheet(renderer, theme, m) for theme, m in THEMES.items()}
            made["sizes"] = sizes(renderer)
        for theme, drawn in made.items():
            place = out / f"{renderer.package.name}_{theme}.png"
            drawn.save(place)
            yield place
        smiles.append(renderer.render_rgb(motion(mouthSmile=0.5)))
        labels.append(renderer.package.manifest.title)
    place = out / "cast.png"
    page(smiles, labels, min(5, len(smiles)), "Cast").save(place)
    yield place


def main(argv: list[str] | None = None) -> int:
    """Draw the pictures; prints the path of each."""
    parser = argparse.ArgumentParser(prog="python -m demos.gallery", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--avatar", action="append", metavar="A", help="bundled name or path")
    parser.add_argument("--size", type=int, default=512, help="pixels per picture (default 512)")
    parser.add_argument("--quick", action="store_true", help="one small sheet per avatar")
    parser.add_argument(
        "--strip", action="store_true", help="cast.png and strip.webp of the README"
    )
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    who = options.avatar or names()
    size = min(options.size, 192) if options.quick else options.size
    drawn = readme(options.out) if options.strip else sheets(who, size, options.quick, options.out)
    try:
        for place in drawn:
            with Image.open(place) as picture:
                wide, high = picture.size
            tqdm.write(f"{place}  {wide}x{high}, {place.stat().st_size >> 10} kB")
    except VivifyError as error:
        print(f"gallery: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
