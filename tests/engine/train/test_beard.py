"""Beards ride on the skin, leave lips and ears free; scalps and strands are painted."""

from dataclasses import replace

import numpy as np
import pytest

from engine.train.beard import BEARDS, paint
from engine.train.canvas import canvas
from engine.train.recipe import Beard, Hair
from engine.train.scalp import SCALPS, hairline
from engine.train.scalp import paint as paint_scalp
from engine.train.sitter import Sitter
from engine.train.skull import angles, ears
from engine.train.strands import beard_inks, hair_inks
from tests.engine.train.sitters import ENDS, sitter

GROWN = sorted(set(BEARDS) - {"none"})


def worn(head: str, beard: str = "none", hair: str = "none", length: float = 1.0) -> Sitter:
    own = sitter(head)
    recipe = replace(own.recipe, beard=Beard(beard, length), hair=Hair(hair))
    made = Sitter(recipe, own.bust, own.skin, own.marks)
    vars(made)["skull"] = own.skull
    return made


@pytest.mark.parametrize("name", GROWN)
@pytest.mark.parametrize("head", ["athlete", "elder"])
def test_a_beard_rides_on_the_skin_clear_of_lips_and_ears(head: str, name: str) -> None:
    own = worn(head, name)
    (beard,) = BEARDS[name](own)
    rest = own.bust.positions[beard.source]
    apart = np.linalg.norm(beard.positions - rest, axis=1)
    # Whatever the face does, a beard's vertex moves with the skin's that it names.
    assert beard.name == "beard" and (beard.source >= 0).all() and not beard.extra
    assert 0.03 < apart.max() < 0.45 and len(beard.triangles) < 2500
    assert not np.isin(beard.source, own.skin.source[ears(own.bust, own.skin)])[apart > 0.04].any()
    seam = own.marks["lip_upper_inner"]
    mouth = np.hypot(rest[:, 0] / own.marks["mouth_corner_left"][0], (rest[:, 1] - seam[1]) / 0.04)
    out = beard.positions[mouth < 0.8] - rest[mouth < 0.8]
    assert (out[:, 2] < 0.01).all()  # under the lips' skin, not over it


@pytest.mark.parametrize("name", ["full", "short"])
def test_a_beard_rises_from_the_skin_without_a_step(name: str) -> None:
    own = worn("athlete", name)
    (beard,) = BEARDS[name](own)
    edges = np.sort(beard.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edge, uses = np.unique(edges, axis=0, return_counts=True)
    border = np.unique(edge[uses == 1])
    out = np.linalg.norm(beard.positions - own.bust.positions[beard.source], axis=1)
    assert len(border) > 50 and out[border].max() < 0.031  # under the skin, which is painted there
    next_in = np.setdiff1d(edge[np.isin(edge, border).any(1)], border)
    assert np.median(out[next_in]) < 0.5 * out.max()


def test_clipped_sides_fade_into_the_skin() -> None:
    own = worn("athlete", hair="quiff")
    c = canvas(own.bust, own.skin, 256)
    paint_scalp(c, own)
    azimuth, elevation = angles(c.position.astype(float) - own.skull.centre)
    line = np.interp(np.abs(azimuth), *hairline(own.skull, SCALPS["quiff"]))
    side = (np.abs(azimuth) > 130) & (np.abs(azimuth) < 170)
    over = elevation - line
    dense = [
        float(c.inks[0].alpha[side & (over > low) & (over < low + 4)].mean())
        for low in (-8, 0, 6, 12, 20)
    ]
    assert dense[0] < 0.02 and dense[-1] > 0.85 and (np.diff(dense) > 0.08).sum() >= 3


def test_a_beard_grows_with_its_length_and_hangs_below_the_chin() -> None:
    low = [BEARDS["full"](worn("giant", "full", length=x))[0].positions[:, 1].min()
           for x in (0.3, 1.0, 2.0)]  # fmt: skip
    assert low[0] > low[1] > low[2] > low[0] - 0.8
    assert BEARDS["none"](worn("giant")) == []


@pytest.mark.parametrize("head", ENDS)
def test_hairlines_pass_over_the_ears(head: str) -> None:
    skull = sitter(head).skull
    for scalp in SCALPS.values():
        azimuth, elevation = hairline(skull, scalp)
        assert (np.diff(azimuth) >= 0).all() and azimuth[0] == 0 and azimuth[-1] == 180
        middle = np.interp(0.5 * (skull.ear.front + skull.ear.back), azimuth, elevation)
        assert middle > skull.ear.top and elevation[-1] < -25


def test_scalp_and_beard_are_painted_where_they_grow() -> None:
    own = worn("athlete", "full", "crop")
    c = canvas(own.bust, own.skin, 128)
    paint_scalp(c, own)
    paint(c, own)
    hair, beard = c.inks
    assert hair.name == SCALPS["crop"].ink and beard.name == "beard"
    x, y, z = np.moveaxis(c.position, 2, 0)
    crown = (y > 0.8) & (z < -0.4)
    nose = (np.abs(x) < 0.1) & (np.abs(y + 0.2) < 0.1) & (z > 0)
    chin = own.marks["chin"]
    below = (np.abs(x) < 0.1) & (np.abs(y - chin[1]) < 0.04) & (z > chin[2] - 0.2)
    assert hair.alpha[crown].mean() > 0.9 and hair.alpha[nose].max() == 0
    assert beard.alpha[below].mean() > 0.8 and beard.alpha[nose].max() == beard.alpha[crown].max()
    empty = canvas(own.bust, own.skin, 32)
    paint_scalp(empty, worn("athlete", hair="bob"))
    paint(empty, worn("athlete"))
    assert not empty.inks


def test_strands_are_wide_enough_for_small_pictures() -> None:
    for ink in (*hair_inks(), *beard_inks()):
        assert 0 <= ink.alpha.min() < ink.alpha.max() <= 1
        # No step from texel to texel across a clump is a hard line.
        assert np.abs(np.diff(ink.alpha, axis=1)).max() < 0.5
