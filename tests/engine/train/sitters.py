"""People at the ends of the editor's sliders, built without textures."""

from functools import cache
from typing import Any

import numpy as np

from engine.train.bust import F64, Bust, Part
from engine.train.clay import Clay
from engine.train.landmarks import find
from engine.train.recipe import Hair, Identity, Recipe
from engine.train.sitter import Sitter

# gender, age, weight, muscle, head, people
ENDS: dict[str, tuple[float, float, float, float, float, str]] = {
    "child": (0.0, 11.0, -1.0, 0.0, 1.25, "asian"),
    "giant": (1.0, 45.0, 1.0, 0.0, 0.85, "african"),
    "athlete": (1.0, 25.0, 0.0, 1.0, 1.0, "caucasian"),
    "elder": (0.0, 80.0, -1.0, 0.0, 0.95, "caucasian"),
    "matron": (0.0, 60.0, 1.0, 0.0, 1.15, "asian"),
}


@cache
def clay() -> Clay:
    return Clay.load()


def person(name: str, **other: Any) -> Recipe:
    gender, age, weight, muscle, head, people = ENDS[name]
    identity = Identity({people: 1.0}, gender, age, weight, muscle, head)
    return Recipe(name, name, identity=identity, hair=Hair("none"), **other)


@cache
def bust(name: str) -> Bust:
    return Bust(clay(), person(name))


@cache
def sitter(name: str) -> Sitter:
    own = bust(name)
    quads, mouth = own.body()
    marks = {mark: own.positions[v] for mark, v in find(own, quads, mouth).items()}
    return Sitter(person(name), own, own.part("skin", quads, seam=True), marks)


def samples(made: list[Part]) -> F64:
    """Points [N, 3] all over the triangles of parts."""
    shares = np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [1 / 3] * 3])
    found = [np.einsum("sk,fkc->sfc", shares, p.positions[p.triangles]) for p in made]
    return np.concatenate([f.reshape(-1, 3) for f in found])


def nearest(points: F64, among: F64) -> tuple[F64, F64]:
    """Nearest of `among` to each point [N, 3], and how far it is [N]."""
    square = (among**2).sum(1)
    close = np.array([int((square - 2 * among @ point).argmin()) for point in points])
    return among[close], np.linalg.norm(among[close] - points, axis=1)


def cover(points: F64, out: F64, cloth: F64) -> F64:
    """How far outside points [N, 3] the outermost cloth before each lies [N]; out: unit normals."""
    found = np.full(len(points), -np.inf)
    for number, (point, normal) in enumerate(zip(points, out, strict=True)):
        offset = cloth - point
        along = offset @ normal
        aside = np.linalg.norm(offset - along[:, None] * normal, axis=1)
        found[number] = along[(aside < 0.08) & (np.abs(along) < 0.4)].max(initial=-np.inf)
    return found
