"""The editor's makers: every dial is real, random people are sound, files are checked."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import PackageError, RuntimeUnavailable, TrackingError
from engine.face.background import Picture
from engine.face.package import ASSETS
from engine.face.palette import derived, rgb
from engine.offline import MotionClip
from engine.train import dice, recipe
from engine.train.beard import BEARDS
from engine.train.clothes import GARMENTS
from engine.train.hairdo import HAIRDOS
from engine.train.recipe import PARTS, RANGES
from engine.train.wear import WEARABLES
from engine.train.workshop import Workshop
from streaming.studio.sitting import HEAVY


@pytest.fixture(scope="module")
def shop() -> Workshop:
    moves, pose = np.eye(3, 52, dtype=np.float32), np.zeros((3, 6), np.float32)
    clip = MotionClip(np.arange(3) * 640, moves, pose)
    return Workshop(clip, clip)


def turned(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    out: dict[str, Any] = json.loads(json.dumps(base))
    at = out
    *keys, last = path.split(".")
    for key in keys:
        at = at.setdefault(key, {})
    at[last] = value
    return out


def test_every_dial_turns_something_real(shop: Workshop) -> None:
    base = shop.start("mira")
    kinds = set()
    for group in shop.groups():
        for dial in group["dials"]:
            kinds.add(dial["kind"])
            if dial["kind"] == "number":
                for end in (dial["low"], dial["high"]):
                    shop.check(turned(base, dial["path"], end))
                assert dial["low"] <= dial["default"] <= dial["high"]
            elif dial["kind"] == "pair":
                for target in filter(None, dial["targets"]):
                    shop.check(turned(base, "identity.targets", {target: dial["high"]}))
            elif dial["kind"] == "choice":
                for option in dial["options"]:
                    shop.check(turned(base, dial["path"], option["value"]))
            elif dial["kind"] == "many":
                places = {option["value"]: option["place"] for option in dial["options"]}
                for place in set(places.values()):
                    there = [thing for thing in places if places[thing] == place]
                    shop.check(turned(base, dial["path"], there[:1]))
                    with pytest.raises(PackageError, match="keep one of them"):
                        shop.check(turned(base, dial["path"], [*there, there[0]][:2]))
    assert kinds >= {"mix", "number", "pair", "choice", "many", "color", "light", "background"}
    shown = {d.get("path") for g in shop.groups() for d in g["dials"]}
    assert shown >= {f"{part}.{name}" for part, kind in PARTS.items() for name in RANGES[kind]}


def test_random_people_are_sound_and_their_seeds_alone(shop: Workshop) -> None:
    rolled = [dice.roll(seed) for seed in range(40)]
    for who in rolled:
        assert recipe.parse(json.loads(recipe.text(who))) == who
        shop.check(recipe.dump(who) and json.loads(recipe.text(who)))
        assert who.hair.cut in HAIRDOS and who.beard.cut in BEARDS and who.clothes.cut in GARMENTS
        assert set(who.wears) <= set(WEARABLES) and max(who.identity.targets.values()) <= 1.25
        skin, cloth = (np.array(rgb(who.palette[n])) for n in ("skin", "cloth"))
        assert np.abs(skin - cloth).max() > 0.04
    assert dice.roll(3) == rolled[3]
    assert len({who.palette["skin"] for who in rolled}) > 30
    assert len({who.hair.cut for who in rolled}) > 3
    assert {who.identity.gender > 0.5 for who in rolled} == {True, False}


@pytest.mark.parametrize("seed", [2, 5, 11])
def test_random_people_can_be_built(shop: Workshop, seed: int) -> None:
    made = shop.preview(shop.roll(seed))
    assert {"skin", "eye"} <= {m.name for m in made.manifest.materials}
    assert len(made.mesh.triangle) < HEAVY


def test_looks_are_not_built(shop: Workshop) -> None:
    base = shop.start("mira")
    blue = turned(base, "palette.skin", "#4060ff")
    assert shop.shape(base) == shop.shape(blue) != shop.shape(turned(base, "smile", 0.5))
    assert shop.setting(blue).palette["skin"] == "#4060ff"
    own = base["palette"]
    assert set(shop.setting(base).palette) == set(derived({}))  # nothing of a package's remains
    assert shop.colors(base)["hair"] == own["hair"]
    clear = turned(base, "background", {"kind": "transparent"})
    assert isinstance(shop.setting(clear).background, Picture)  # chequers stand for nothing


def test_the_light_is_set_and_never_built_in(shop: Workshop) -> None:
    base = shop.start("mira")
    one, other = (shop.preview(turned(base, "light", [x, 0.5, 0.6])) for x in (-0.6, 0.6))
    assert np.array_equal(one.mesh.position, other.mesh.position)
    for name, mask in one.masks.items():
        assert np.array_equal(mask, other.masks[name]), name


def test_recipes_out_of_files(shop: Workshop, tmp_path: Path) -> None:
    text = (ASSETS / "mira" / "recipe.json").read_bytes()
    assert shop.read(text) == shop.start("mira") == shop.find("mira")
    assert shop.find(str(ASSETS / "mira" / "recipe.json")) == shop.start("mira")
    with zipfile.ZipFile(tmp_path / "mira.zip", "w") as archive:
        for file in (ASSETS / "mira").iterdir():
            archive.write(file, file.name)
    assert shop.find(str(tmp_path / "mira.zip"))["name"] == "mira"
    with zipfile.ZipFile(tmp_path / "bare.zip", "w") as archive:
        for file in (ASSETS / "mira").iterdir():
            if file.name != "recipe.json":
                archive.write(file, file.name)
    with pytest.raises(PackageError, match="not edited"):
        shop.find(str(tmp_path / "bare.zip"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "neither"),
        (b"\xff\xfe", "neither"),
        (b"[" * 100_000, "neither"),
        (b"[]", "object"),
        (b"{}", "format"),
        (b" " * 300_000, "kB"),
        (b"PK\x03\x04", "not a readable"),
        (b"glTF\x02\0\0\0", "Import"),
        (b'{"format":"vivify-recipe","version":1,"name":"../x","title":"X"}', "name"),
        (b'{"format":"vivify-recipe","version":1,"name":"x","title":"X","smile":NaN}', "smile"),
    ],
)
def test_bad_files(shop: Workshop, content: bytes, said: str) -> None:
    with pytest.raises(PackageError, match=said):
        shop.read(content)


@pytest.mark.parametrize(
    ("content", "file", "said"),
    [
        (b"", "My Fox.VRM", "My Fox.vrm is empty"),
        (b"\x89PNG", "../../fox.glb", "^fox.glb is something else"),
        (b"GIF", "\0/*?", "model.glb is something else"),
    ],
)
def test_bad_models_are_called_by_their_name(
    shop: Workshop, tmp_path: Path, content: bytes, file: str, said: str
) -> None:
    with pytest.raises(PackageError, match=said):
        shop.convert(content, file, tmp_path / "fox", permitted=False)
    assert not (tmp_path / "fox").exists()


def test_unknown_targets_are_refused_before_building(shop: Workshop) -> None:
    with pytest.raises(PackageError, match="nose-of-nobody"):
        shop.check(turned(shop.start("mira"), "identity.targets", {"nose-of-nobody": 1}))
    with pytest.raises(PackageError, match="no bundled avatar"):
        shop.start("../secret")
    with pytest.raises(PackageError, match="cannot be"):
        shop.find("nobody")


def test_preview_moves_and_turns(shop: Workshop) -> None:
    motion = shop.move(640 * 4, True, 30.0, -5.0)
    assert motion.weights[1] == 1 and list(motion.pose[:2]) == [30.0, -5.0]
    assert Workshop().move(0, True, 0.0, 0.0).weights.max() == 0


def test_a_preview_is_the_recipe(shop: Workshop) -> None:
    package = shop.preview(turned(shop.start("mira"), "hair.cut", "none"))
    assert package.name == "mira" and "hair" not in {m.name for m in package.manifest.materials}


def test_photos_that_cannot_be_read(shop: Workshop) -> None:
    with pytest.raises(TrackingError, match="photo"):
        shop.likeness(b"no picture")
    picture = (ASSETS / "mira").glob("*.png")
    with pytest.raises(RuntimeUnavailable, match="tracker"):
        shop.likeness(next(picture).read_bytes())
