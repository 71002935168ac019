"""Recipes survive reading and writing; whatever is wrong with one is named."""

import json
from dataclasses import fields
from typing import Any

import pytest

from engine.errors import PackageError
from engine.face.package import ASSETS
from engine.train import recipe
from engine.train.avatar import read
from engine.train.clay import Clay
from engine.train.recipe import PARTS, RANGES, Recipe, parse
from engine.train.sitter import Sitter

CAST = sorted(p.parent.name for p in ASSETS.glob("*/recipe.json"))
PLAIN: dict[str, Any] = {"format": "vivify-recipe", "version": 1, "name": "a", "title": "A"}


@pytest.mark.parametrize("name", CAST)
def test_a_bundled_recipe_survives(name: str) -> None:
    who = read(ASSETS / name / "recipe.json")
    assert who.name == name and who.title
    assert parse(json.loads(recipe.text(who))) == who


def test_the_cast_differs_in_bones_age_sex_and_skin() -> None:
    cast = [read(ASSETS / name / "recipe.json") for name in CAST]
    assert len(cast) >= 8
    assert len({tuple(sorted(who.identity.targets.items())) for who in cast}) == len(cast)
    assert {who.identity.gender > 0.5 for who in cast} == {True, False}
    assert max(w.identity.age for w in cast) > 55 and min(w.identity.age for w in cast) < 20
    assert any(who.species == "creature" for who in cast)
    assert len({who.palette["skin"] for who in cast}) == len(cast)


def test_every_target_of_the_cast_exists() -> None:
    known = {name.removeprefix("l-") for name in Clay.load().names}
    for name in CAST:
        assert set(read(ASSETS / name / "recipe.json").identity.targets) <= known, name


def test_a_recipe_of_two_names_is_a_whole_person() -> None:
    who = parse(PLAIN)
    assert who == Recipe("a", "A") and recipe.renamed(who, "b", "B").name == "b"
    assert set(recipe.dump(who)) == {"format", "version", "name", "title", "background"}


def test_defaults_lie_in_their_ranges() -> None:
    for kind in PARTS.values():
        plain = kind()
        assert set(RANGES[kind]) <= {f.name for f in fields(kind)}
        for name, (low, high) in RANGES[kind].items():
            assert low <= getattr(plain, name) <= high, name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "no recipe"),
        ({"version": 9}, "version"),
        ({"name": "../up"}, "recipe.name"),
        ({"species": "robot"}, "human"),
        ({"eyes": {"growth": 9}}, "recipe.eyes.growth"),
        ({"eyes": {"colour": 1}}, "colour"),
        ({"skin": {"freckles": float("nan")}}, "recipe.skin.freckles"),
        ({"skin": {"pattern": "../x"}}, "recipe.skin.pattern"),
        ({"brows": {"curve": [[0.1, 0.2]]}}, "recipe.brows.curve"),
        ({"identity": {"people": {"martian": 1}}}, "people"),
        ({"identity": {"age": "old"}}, "recipe.identity.age"),
        ({"identity": {"targets": {"head-oval": 99}}}, "targets"),
        ({"wears": ["a b"]}, "recipe.wears"),
        ({"palette": {"skin": "pink"}}, "skin"),
        ({"light": [0, 0, 0]}, "recipe.light"),
        ({"rest": {"smirk": 1}}, "rest"),
        ({"smile": 3}, "smile"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(PackageError, match=message):
        parse(PLAIN | change)


def test_sitter_is_what_makers_get() -> None:
    assert {f.name for f in fields(Sitter)} >= {"recipe", "bust", "skin", "marks"}
