"""The makers of avatars behind one door: recipes in and out as JSON, packages as folders.

Contract: everything that comes from outside is checked here (PackageError in words for people);
the recipes that come out are whole and in normal form. One thread at a time may build.
"""

import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import PackageError, RuntimeUnavailable
from engine.face import package
from engine.face.archive import Archive
from engine.face.background import Picture, Transparent
from engine.face.fields import Fields
from engine.face.likeness import Consent, Likeness
from engine.face.likeness import dump as dump_likeness
from engine.face.likeness import parse as parse_likeness
from engine.face.package import ASSETS, Package
from engine.face.palette import code, derived
from engine.frames import BLENDSHAPES, POSE, SAMPLES_PER_FRAME, Motion
from engine.offline import MotionClip
from engine.render.setting import Setting
from engine.tracker.models import Models
from engine.train import dials, dice, likeness, recipe
from engine.train.avatar import build
from engine.train.clay import Clay
from engine.train.importer import convert
from engine.train.recipe import Recipe
from engine.train.wear import choose

Json = dict[str, Any]

RECIPE_BYTES = 256 << 10
LOOKS = ("palette", "light", "background")  # what changes without building
MODELS = (".glb", ".vrm", ".gltf")
BLANKS = b"\xef\xbb\xbf \t\r\n"  # that may stand before JSON
SQUARE = 24  # px of the chequered pattern that stands for "nothing"


def untrained() -> str:
    """What to install before a person can be learned; empty if nothing is missing."""
    if importlib.util.find_spec("torch") is not None:
        return ""
    return (
        "learning a person needs PyTorch, which is not installed: install Vivify with its extra "
        "`train` (pip install 'vivify[train,tracker]')"
    )


def _training(part: str, file: Path, folder: Path, name: str, by: str) -> list[str]:
    command = [sys.executable, "-m", "engine.train", "renderer", part, str(file)]
    return [*command, "--out", str(folder), "--name", name, f"--consent={by}"]


class Workshop:
    """Builds, changes and reads avatars for an editor."""

    def __init__(
        self,
        talking: MotionClip | None = None,
        idle: MotionClip | None = None,
        models: Callable[[], Models] | None = None,
        quick: bool = False,
    ) -> None:
        """`talking`, `idle`: what a preview does over and over, without them it keeps still;
        `models`: gets the face tracker's, for photos; `quick`: what `build` makes has small
        textures and takes a second."""
        self.clay = Clay.load()
        self._quick = quick
        self.minutes = 30.0  # of training, for a person from a video
        self._models = models
        self._clips = {True: talking, False: idle}

    def groups(self) -> list[Json]:
        """What can be turned, see engine.train.dials."""
        return dials.groups(self.clay)

    def cast(self) -> dict[str, str]:
        """Bundled recipes to start from: name -> title."""
        return {name: str(self.start(name)["title"]) for name in _bundled()}

    def start(self, name: str) -> Json:
        """The recipe of a bundled avatar."""
        if name not in _bundled():
            raise PackageError(f"no bundled avatar {name[:40]!r}, one of {', '.join(_bundled())}")
        return self.read((ASSETS / name / "recipe.json").read_bytes())

    def roll(self, seed: int) -> Json:
        """A made-up person."""
        return _json(dice.roll(seed))

    def read(self, content: bytes) -> Json:
        """A recipe as JSON text or inside a zipped package, checked."""
        if content.startswith(b"PK"):
            return self._packed(content)
        if content.startswith(b"glTF"):
            raise PackageError("this is a GLB or VRM model: give it to Import, not to Open")
        if len(content) > RECIPE_BYTES:
            raise PackageError(
                f"this file has {len(content) >> 10} kB, a recipe at most {RECIPE_BYTES >> 10}"
            )
        try:
            return self.check(json.loads(content))
        except (ValueError, RecursionError) as error:
            raise PackageError(
                "this file is neither a recipe (JSON) nor an avatar package (zip)"
            ) from error

    def find(self, source: str) -> Json:
        """A recipe by a bundled name, or by the path of a recipe, package folder or zip."""
        path = Path(source)
        if source in _bundled():
            return self.start(source)
        if path.is_dir():
            package.load(path)
            return self.check(_recipe_of(path))
        try:
            return self.read(path.read_bytes())
        except OSError as error:
            raise PackageError(
                f"{source[:80]!r} is no bundled avatar ({', '.join(_bundled())}) and cannot be "
                f"read as a file: {error.strerror}"
            ) from error

    def check(self, value: Any) -> Json:
        """A recipe that an editor sends, in normal form."""
        return _json(self._known(recipe.parse(value)))

    def shape(self, value: Json) -> str:
        """The part of a recipe that must be built; recipes of one shape differ in looks only."""
        kept = {k: v for k, v in value.items() if k not in (*LOOKS, "name", "title")}
        return json.dumps(kept, sort_keys=True)

    def setting(self, value: Json) -> Setting:
        """The rest of it, laid over any package of this shape."""
        who = recipe.parse(value)
        behind = Picture(_chequers(), 0.0) if isinstance(who.background, Transparent) else None
        return Setting(
            light=who.light,
            palette=_whole(who.palette),
            background=behind or who.background,
        )

    def colors(self, value: Json) -> dict[str, str]:
        """The colours that an editor shows, chosen or derived."""
        return dials.colors(recipe.parse(value).palette)

    def preview(self, value: Json) -> Package:
        """A quick build."""
        with tempfile.TemporaryDirectory(prefix="vivify-") as folder:
            build(recipe.parse(value), self.clay, Path(folder), quick=True)
            return package.load(folder)

    def build(self, value: Json, folder: Path) -> None:
        """The whole package, as it is used and shared."""
        build(recipe.parse(value), self.clay, folder, self._quick)

    def move(self, start: int, talking: bool, yaw: float, pitch: float) -> Motion:
        """What a preview does at a sample: a clip over and over, the head turned on top of it."""
        clip = self._clips[talking]
        weights, pose = np.zeros(BLENDSHAPES, np.float32), np.zeros(len(POSE), np.float32)
        if clip is not None:
            row = start // SAMPLES_PER_FRAME % len(clip.start)
            weights, pose = clip.weights[row], clip.pose[row].copy()
        pose[POSE.index("yaw")] += yaw
        pose[POSE.index("pitch")] += pitch
        return Motion(start, weights, pose)

    def likeness(self, content: bytes) -> tuple[Json, list[str]]:
        """A recipe after a photo of one face, and what to know about it."""
        rgb = likeness.read(content)
        if self._models is None:
            raise RuntimeUnavailable("photos need the face tracker; give the workshop its models")
        found = likeness.from_photo(rgb, self._models())
        return _json(found.recipe), list(found.notes)

    def consent(self, by: str) -> None:
        """Refuse a name that cannot stand under somebody's consent, before anything is read."""
        agreed = Likeness("real person", Consent(by, "2000-01-01", "yes"))
        parse_likeness(Fields(dump_likeness(agreed), "likeness"))

    def person(self, video: Path, folder: Path, name: str, by: str) -> list[str]:
        """The command that learns a person from a video, half an hour on a CPU."""
        return [*_training("person", video, folder, name, by), "--minutes", str(self.minutes)]

    def portrait(self, photo: Path, folder: Path, name: str, by: str) -> list[str]:
        """The command that makes a photographic avatar of one photo, a minute or two."""
        return _training("portrait", photo, folder, name, by)

    def convert(self, content: bytes, file: str, folder: Path, permitted: bool) -> list[str]:
        """A GLB or VRM, `file` its name, as a package in `folder`; the report line by line."""
        if not content.startswith(b"glTF") and not content.lstrip(BLANKS).startswith(b"{"):
            what = "is something else" if content else "is empty"
            raise PackageError(f"{_plain(file)} {what}: expected a .glb or .vrm model")
        with tempfile.TemporaryDirectory(prefix="vivify-") as spare:
            model = Path(spare) / _plain(file)  # errors name the person's own file
            model.write_bytes(content)
            return str(convert(model, folder, folder.name, permitted)).splitlines()

    def _packed(self, content: bytes) -> Json:
        with tempfile.TemporaryDirectory(prefix="vivify-") as folder:
            path = Path(folder) / "this file"  # errors name it
            path.write_bytes(content)
            package.load(path)
            return self.check(_recipe_of(path))

    def _known(self, who: Recipe) -> Recipe:
        """Refuse at once what the clay lacks, and what cannot be worn together; the builder
        would say so a second later."""
        names = set(self.clay.names) | {n[2:] for n in self.clay.names if n.startswith("l-")}
        if lacking := sorted(set(who.identity.targets) - names):
            raise PackageError(f"recipe.identity.targets names unknown {lacking[:5]}")
        choose(who.wears)
        return who


def _json(who: Recipe) -> Json:
    """Plain JSON, lists and all, as it comes back from a page."""
    plain: Json = json.loads(recipe.text(who))
    return plain


def _plain(file: str) -> str:
    """A file's name as one that any file system takes."""
    path = Path(file)
    stem = "".join(c for c in path.stem if c.isprintable() and c not in '/\\:*?"<>|')[:50]
    suffix = path.suffix.lower()
    return f"{stem or 'model'}{suffix if suffix in MODELS else '.glb'}"


def _recipe_of(path: Path) -> Any:
    """The recipe that a package, folder or zip, was built from."""
    with Archive(path) as archive:
        try:
            return archive.json("recipe.json", limit=RECIPE_BYTES)
        except PackageError as error:
            if "missing" not in str(error):
                raise
    raise PackageError(
        "this package holds no recipe.json: it can be worn but not edited; start from one of the "
        "cast instead"
    )


def _bundled() -> Sequence[str]:
    return sorted(path.parent.name for path in ASSETS.glob("*/recipe.json"))


def _whole(palette: dict[str, str]) -> dict[str, str]:
    """Every colour by name, so that nothing of the package's own palette remains."""
    known = derived({})
    return {name: code(color) for name, color in derived(palette).items() if name in known}


def _chequers() -> Any:
    tile = np.indices((SQUARE, SQUARE)).sum(0) % 2
    grey = np.where(tile, 232, 206).astype(np.uint8)
    return np.repeat(np.kron(grey, np.ones((16, 16), np.uint8))[..., None], 3, axis=2)
