"""Contact sheets of the bundled avatars: `python -m demos.gallery OUT/`.

One PNG per avatar and theme (expressions, mouth shapes, head turns), and one portrait each.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from engine.face.blendshapes import ARKIT, INDEX
from engine.face.package import names
from engine.frames import U8, Motion
from engine.render.renderer import Renderer

Pose = tuple[float, float, float, float, float, float]
STRAIGHT: Pose = (0, 0, 0, 0, 0, 0)


def motion(pose: Pose = STRAIGHT, **weights: float) -> Motion:
    """A still motion; a name without Left/Right sets both sides."""
    values = np.zeros(len(ARKIT), np.float32)
    for name, weight in weights.items():
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in INDEX:
                values[INDEX[full]] = weight
    return Motion(0, values, np.array(pose, np.float32))


EXPRESSIONS = [
    motion(),
    motion(mouthSmile=0.9, cheekSquint=0.4),
    motion(eyeBlink=1.0),
    motion(browInnerUp=1.0, browOuterUp=1.0, eyeWide=0.8),
    motion(browDown=0.9, mouthFrown=0.7),
    motion(eyeLookOutLeft=0.8, eyeLookInRight=0.8),
    motion(cheekPuff=0.8),
    motion(mouthSmileLeft=0.8, eyeBlinkLeft=1.0),
]
# Roughly: A, E, I, O, U, F/V, M/B/P, TH.
MOUTHS = [
    motion(jawOpen=0.6),
    motion(jawOpen=0.28, mouthStretch=0.4, mouthUpperUp=0.25, mouthLowerDown=0.3),
    motion(jawOpen=0.10, mouthSmile=0.35, mouthStretch=0.3, mouthUpperUp=0.2, mouthLowerDown=0.3),
    motion(jawOpen=0.35, mouthFunnel=0.6),
    motion(jawOpen=0.10, mouthPucker=0.8),
    motion(jawOpen=0.08, mouthRollLower=0.5, mouthUpperUp=0.4),
    motion(mouthClose=0.1, mouthPress=0.4, mouthRollLower=0.2, mouthRollUpper=0.2),
    motion(jawOpen=0.15, tongueOut=0.4, mouthUpperUp=0.2),
]
TURNS = [
    motion((-25, 0, 0, 0, 0, 0)),
    motion((25, 0, 0, 0, 0, 0), mouthSmile=0.5),
    motion((0, 15, 0, 0, 0, 0)),
    motion((0, -15, 0, 0, 0, 0)),
    motion((0, 0, 12, 0, 0, 0), mouthSmile=0.4),
    motion((0, 0, -12, 0, 0, 0), jawOpen=0.3),
    motion((-38, 8, 0, 0, 0, 0), jawOpen=0.3, mouthSmile=0.4),
    motion((0, 0, 0, 0.25, 0, 0.4)),
]
THEMES = {"expressions": EXPRESSIONS, "mouths": MOUTHS, "turns": TURNS}


def sheet(renderer: Renderer, motions: list[Motion], columns: int = 4) -> U8:
    """The motions side by side, `columns` to a row; the last row is filled with black."""
    pictures = [renderer.render_rgb(m) for m in motions]
    while len(pictures) % columns:
        pictures.append(np.zeros_like(pictures[0]))
    rows = [
        np.concatenate(pictures[i : i + columns], axis=1) for i in range(0, len(pictures), columns)
    ]
    return np.concatenate(rows)


def main(argv: list[str] | None = None) -> int:
    """Draw the sheets; prints the path of each."""
    parser = argparse.ArgumentParser(prog="python -m demos.gallery", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the PNG files")
    parser.add_argument("--avatar", action="append", metavar="A", help="bundled name or path")
    parser.add_argument("--size", type=int, default=512, help="pixels per picture (default 512)")
    parser.add_argument("--quick", action="store_true", help="one small sheet per avatar")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in tqdm(options.avatar or names(), unit="avatar"):
        renderer = Renderer(name, 256 if options.quick else options.size)
        label = renderer.package.name
        themes = {"quick": EXPRESSIONS[:4]} if options.quick else THEMES
        pages = {f"{label}_{theme}": sheet(renderer, motions) for theme, motions in themes.items()}
        if not options.quick:
            pages[f"{label}_portrait"] = renderer.render_rgb(motion(mouthSmile=0.35))
        for page, picture in pages.items():
            path = options.out / f"{page}.png"
            Image.fromarray(picture).save(path)
            tqdm.write(f"{path}  {picture.shape[1]}x{picture.shape[0]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
