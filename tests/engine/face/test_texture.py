"""Inks laid over a base colour, in order."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from engine.face.manifest import Layer, Texture
from engine.face.package import Package
from engine.face.texture import paint

COLORS = {"skin": (1.0, 0.5, 0.0), "ink": (0.0, 0.0, 1.0), "half": (0.5, 0.5, 0.5)}


def package(texture: Texture, **masks: Any) -> Package:
    found = SimpleNamespace(manifest=SimpleNamespace(textures={"t": texture}), masks=masks,
                            pictures={"p": np.full((2, 2, 3), 7, np.uint8)})  # fmt: skip
    return cast(Package, found)


def test_inks_lie_over_each_other_in_order() -> None:
    first, second = np.zeros((2, 4, 4), np.uint8)
    first[1, 1:3], second[1, 2] = 255, 128
    layers = (Layer("ink", "a", "over"), Layer("skin", "b", "over"))
    made = paint(package(Texture(None, "skin", layers), a=first, b=second), "t", COLORS)
    assert made.shape == (4, 4, 3) and made.dtype == np.uint8
    assert made[0, 0].tolist() == [255, 128, 0] and made[1, 1].tolist() == [0, 0, 255]
    assert made[1, 2].tolist() == [128, 64, 127]


def test_multiplying_darkens_what_is_there() -> None:
    mask = np.full((4, 4), 255, np.uint8)
    layers = (Layer("half", "a", "multiply"),)
    made = paint(package(Texture(None, "skin", layers), a=mask), "t", COLORS)
    assert made[0, 0].tolist() == [128, 64, 0]


def test_no_inks_are_the_plain_base_and_a_picture_is_itself() -> None:
    assert (paint(package(Texture(None, "half", ())), "t", COLORS) == 128).all()
    blank = (Layer("ink", "a", "over"),)
    made = paint(package(Texture(None, "half", blank), a=np.zeros((8, 8), np.uint8)), "t", COLORS)
    assert made.shape == (8, 8, 3) and (made == 128).all()
    assert (paint(package(Texture("p", None, ())), "t", COLORS) == 7).all()
