"""Things worn sit where they belong on everybody: glasses on noses and ears, hats over skulls."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import PackageError
from engine.train.anatomy import ear, face_depth, vertices
from engine.train.bust import Bust, Part
from engine.train.facemarks import VERTICES
from engine.train.glasses import ROUND, SQUARE, SUN, Style, fit
from engine.train.hats import HATS, cover
from engine.train.hijab import fold_inks, hijab
from engine.train.recipe import Hair
from engine.train.sitter import Sitter
from engine.train.skull import angles
from engine.train.wear import PLACES, WEARABLES, choose
from tests.engine.train.sitters import ENDS, bust, clay, nearest, person, samples, sitter

PIXEL = 1 / 80.0  # dm of one pixel of a picture of 256
BUDGET = {"hijab": 2700}  # instead of hair


def fresh(name: str) -> Sitter:
    """A sitter whose skin may be changed."""
    own = sitter(name)
    skin = Part(**{**own.skin.__dict__, "positions": own.skin.positions.copy(),
                   "outline": own.skin.outline.copy()})  # fmt: skip
    return Sitter(own.recipe, own.bust, skin, own.marks)


@pytest.mark.parametrize("thing", WEARABLES)
def test_everything_can_be_worn_by_everybody(thing: str) -> None:
    for name in ENDS:
        changes = thing in ("fox_ears", "elf_ears", "hijab")
        made = WEARABLES[thing](fresh(name) if changes else sitter(name))
        assert sum(len(p.triangles) for p in made) <= BUDGET.get(thing, 1500)
        for part in made:
            count = len(part.positions)
            assert np.isfinite(part.positions).all() and part.triangles.max() < count
            assert part.neck.shape == part.source.shape == part.outline.shape == (count,)
            assert part.uvs.shape == (count, 2) and np.abs(part.uvs).max() <= 8
            assert len(part.loose) in (0, count)
    assert inspect.getdoc(WEARABLES[thing])


@pytest.mark.parametrize("style", [ROUND, SQUARE, SUN])
def test_glasses_sit_before_the_eyes_and_on_the_nose(style: Style) -> None:
    assert 2 * style.wire > 1.5 * PIXEL
    thing = {ROUND: "glasses_round", SQUARE: "glasses_square", SUN: "sunglasses"}[style]
    for name in ENDS:
        own = sitter(name)
        front, made = fit(own, style), WEARABLES[thing](own)
        assert all((p.neck == 1).all() and (p.source == -1).all() for p in made)
        groups = tuple(f"{s}-{g}" for s in "lr" for g in ("eye", "eyelashes-2"))
        eyes = own.bust.positions[vertices(own.bust, groups)]
        assert (eyes[:, 2] < front.bent(eyes[:, :2])[:, 2]).all()
        # Both eyes look through: the opening lies within the lens.
        for end in ("inner", "outer"):
            corner = own.marks[f"eye_{end}_left"][0]
            assert abs(corner - front.centre[0]) < front.half[0] + 0.02
        rims = np.concatenate([p.positions for p in made])
        rims = rims[np.abs(rims[:, 2] - front.bent(rims[:, :2])[:, 2]) < 0.5 * style.wire]
        skin = face_depth(own, rims[:, :2], 0.015)
        assert (rims[:, 2] - skin).min() > -0.03
        # Its bridge rests on the nose, its temples pass by the ears.
        nose = own.skin.positions[np.abs(own.skin.positions[:, 0]) < 0.2]
        low = samples(made)
        low = low[(np.abs(low[:, 0]) < 0.2) & (low[:, 1] > -0.35)]
        assert nearest(low, nose)[1].min() < 0.035
        temples = [p.positions.reshape(-1, 6, 3).mean(1) for p in made if len(p.positions) == 60]
        assert len(temples) == 2
        assert min(own.skull.above(t[1:8]).min() for t in temples) > 0.5 * style.wire
        for side in (-1, 1):
            root = own.bust.positions[ear(own.bust, "root", side)]
            assert nearest(root[None], samples(made))[1][0] < 0.10, (name, side)


@pytest.mark.parametrize("style", [ROUND, SQUARE])
def test_a_gleam_lies_in_its_lens_and_beside_the_iris(style: Style) -> None:
    thing = {ROUND: "glasses_round", SQUARE: "glasses_square"}[style]
    for name in ENDS:
        own = sitter(name)
        front = fit(own, style)
        gleams = [p.positions for p in WEARABLES[thing](own) if p.name == "gleam"]
        assert len(gleams) == 2
        for points in gleams:
            side = np.sign(points[:, 0].mean())
            away = (points[:, :2] - front.centre * [side, 1]) / front.half
            assert (np.abs(away) ** style.corner).sum(1).max() < 1.0
            which = "left" if side > 0 else "right"
            eye = 0.5 * (own.marks[f"eye_inner_{which}"] + own.marks[f"eye_outer_{which}"])
            beside = np.hypot(*(points - eye)[:, :2].T) > own.recipe.eyes.iris
            above = points[:, 1] > own.marks[f"lid_upper_{which}"][1]
            assert (beside | above).all(), name


def test_rings_hang_at_the_lobes() -> None:
    for name in ENDS:
        own = sitter(name)
        for thing in ("hoops", "studs", "drops"):
            points = np.concatenate([p.positions for p in WEARABLES[thing](own)])
            for side in (-1, 1):
                lobe = own.bust.positions[ear(own.bust, "lobe", side)]
                assert nearest(lobe[None], points)[1][0] < 0.06
                mine = points[side * points[:, 0] > 0]
                assert np.linalg.norm(mine - lobe, axis=1).max() < 0.35


@pytest.mark.parametrize("thing", HATS)
def test_hats_enclose_the_skull(thing: str) -> None:
    for name in ENDS:
        own = sitter(name)
        shell = samples(WEARABLES[thing](own))
        offset = own.skin.positions - own.skull.centre
        azimuth, elevation = angles(offset)
        front, back = HATS[thing]
        edge = back + (front - back) * (0.5 + 0.5 * np.cos(np.radians(azimuth)))
        top = own.skin.positions[elevation > edge + 8]
        towards = (shell - own.skull.centre) / np.linalg.norm(
            shell - own.skull.centre, axis=1, keepdims=True
        )
        reach = np.linalg.norm(shell - own.skull.centre, axis=1)
        for point in top[::7] - own.skull.centre:
            length = np.linalg.norm(point)
            assert reach[(towards @ (point / length)).argmax()] > length + 0.03


def test_hair_stays_under_a_hat() -> None:
    own = sitter("athlete")
    who = person("athlete", wears=("beanie",))
    worn = Sitter(who, own.bust, own.skin, own.marks)
    crown = own.skull.point(np.array([[0.0, 1.0, 0.0], [0.0, 0.9, -0.44]]), 0.6)
    tall = Part("hair", crown, np.zeros((0, 3), np.int64), np.zeros((2, 2)), np.full(2, -1),
                np.ones(2), np.arange(2), np.ones(2))  # fmt: skip
    (flat,) = cover(worn, [tall])
    assert (own.skull.above(flat.positions) < 0.2).all()
    veiled = Sitter(person("athlete", wears=("hijab",)), own.bust, own.skin, own.marks)
    assert cover(veiled, [flat]) == []
    assert who.hair == Hair("none")


def test_a_hijab_frames_the_face() -> None:
    for name in ENDS:
        own = fresh(name)
        cloth = hijab(own)[0]
        front = cloth.positions[cloth.positions[:, 2] > own.marks["chin"][2] - 0.25]
        face = own.marks
        for mark in ("nose_tip", "mouth_corner_left", "eye_outer_right", "lid_lower_left"):
            assert nearest(face[mark][None], front)[1][0] > 0.06
        # Speech moves the cloth under the chin with it.
        near = np.linalg.norm(cloth.positions - face["chin"], axis=1) < 0.3
        assert (cloth.extra["jawOpen"][near, 1] < -0.05).any()
    assert all(0 <= ink.alpha.min() and ink.alpha.max() <= 1 for ink in fold_inks())


def test_ears_are_mirrored() -> None:
    for name in ("root", "lobe", "behind"):
        left, right = (bust("elder").positions[ear(bust("elder"), name, s)] for s in (1, -1))
        np.testing.assert_allclose(left, right * [-1, 1, 1], atol=0.01)


def test_a_muzzle_draws_out_nose_and_mouth_only() -> None:
    plain = bust("athlete")
    who = person("athlete")
    fox = Bust(clay(), replace(who, identity=replace(who.identity, muzzle=1.0)))
    move = fox.positions - plain.positions
    assert move[VERTICES["nose_tip"], 2] > 0.1 and move[VERTICES["upper_lip_peak"], 2] > 0.2
    still = np.abs(move).max(1) < 0.02
    assert still[ear(plain, "root", 1)] and still[VERTICES["lid_fold"]]
    # It opens as any mouth does.
    assert fox.shape("jawOpen")[VERTICES["lower_lip_edge"], 1] < -0.05


def test_every_thing_has_one_place() -> None:
    assert sorted(name for things in PLACES.values() for name in things) == sorted(WEARABLES)
    together = [things[0] for things in PLACES.values()]
    assert choose(together) == [WEARABLES[name] for name in together]
    for things in PLACES.values():
        for one, two in zip(things, things[1:] + things[:1], strict=True):
            with pytest.raises(PackageError, match=f"has {one} and {two}, both .*keep one"):
                choose([one, two])
