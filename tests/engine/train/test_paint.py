"""What is painted lies where it belongs, on any identity, and only when asked for."""

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import PackageError
from engine.train.avatar import parts
from engine.train.brows import brows
from engine.train.bust import Bust
from engine.train.canvas import F32, QUICK, Canvas, Ink, blur, canvas
from engine.train.clay import Clay
from engine.train.facemarks import facemarks
from engine.train.features import features
from engine.train.iris import EYE_RADIUS, EYE_SIZE, eye_inks
from engine.train.lips import seam
from engine.train.paint import skin_inks
from engine.train.recipe import Eyes, Hair, Identity, Recipe, Skin
from engine.train.sitter import Sitter
from tests.engine.train.sitters import ENDS
from tests.engine.train.sitters import sitter as ends

PLAIN = Recipe("a", "A", hair=Hair(cut="none"), light=(0.0, 0.5, 0.8))


def sit(who: Recipe) -> Sitter:
    return parts(Bust(Clay.load(), who), who)[0]


@pytest.fixture(scope="module")
def sitter() -> Sitter:
    return sit(PLAIN)


@pytest.fixture(scope="module")
def blank(sitter: Sitter) -> Canvas:
    return canvas(sitter.bust, sitter.skin, QUICK)


def fresh(c: Canvas) -> Canvas:
    return replace(c, inks=[])


def total(inks: list[Ink], name: str) -> F32:
    found = [ink.alpha for ink in inks if ink.name == name]
    return np.max(found, axis=0) if found else np.zeros((QUICK, QUICK), np.float32)


def test_the_canvas_knows_the_face_under_each_texel(blank: Canvas, sitter: Sitter) -> None:
    assert blank.position.shape == (QUICK, QUICK, 3) and blank.position[..., 0].min() >= 0
    tip = sitter.marks["nose_tip"]
    apart = np.linalg.norm(blank.position - tip.astype(np.float32), axis=2)
    row, column = np.unravel_index(apart.argmin(), apart.shape)
    assert apart.min() < 0.02 and abs(int(column) - QUICK // 2) <= 1
    assert blank.lips[int(row), int(column)] == 0 and 500 < blank.lips.sum() < 3000
    assert blank.blink.max() > 0.1 and blank.blink[: QUICK // 8].max() < 0.01
    large = canvas(sitter.bust, sitter.skin, 2 * QUICK)
    apart = large.position[::2, ::2] - blank.position
    assert np.abs(apart[QUICK // 4 : QUICK // 2]).mean() < 0.01


def test_a_stroke_has_its_width_and_both_sides(blank: Canvas) -> None:
    c = fresh(blank)
    c.stroke("brow", [(0.2, 0.4), (0.4, 0.42), (0.6, 0.4)], [0.03, 0.03, 0.03], 0.01)
    alpha = c.inks[0].alpha
    at = c.position[alpha > 0.5]
    assert at[:, 0].min() > 0.14 and at[:, 0].max() < 0.66
    middle = at[np.abs(at[:, 0] - 0.4) < 0.02]
    assert np.ptp(middle[:, 1]) == pytest.approx(0.06, abs=0.02)
    np.testing.assert_allclose(alpha.sum(0)[::-1], alpha.sum(0), atol=2.0)
    left = fresh(blank)
    left.stroke("brow", [(0.2, 0.4), (0.6, 0.4)], [0.02, 0.02], 0.01, side=1)
    assert left.inks[0].alpha[:, : QUICK // 2].max() == 0
    fading = fresh(blank)
    fading.stroke("brow", [(0.2, 0.4), (0.6, 0.4)], [0.02, 0.02], 0.01, [0.2, 1.0])
    at, alpha = fading.position[..., 0], fading.inks[0].alpha
    assert alpha[np.abs(at - 0.25) < 0.02].max() < 0.5 < alpha[np.abs(at - 0.55) < 0.02].max()


@pytest.mark.parametrize("name", ENDS)
def test_brows_lie_above_the_lids_of_anybody(name: str) -> None:
    one = ends(name)
    c = canvas(one.bust, one.skin, QUICK)
    brows(c, one.recipe, facemarks(one.bust))
    drawn = c.inks[0].alpha > 0.5
    assert drawn.any() and c.blink[drawn].max() < 0.04


@pytest.mark.parametrize("name", ENDS)
def test_an_iris_lies_within_the_opening_of_any_eye(name: str) -> None:
    one = ends(name)
    for part, side in zip([p for p in features(one) if p.name == "eye"], ("left", "right"),
                          strict=True):  # fmt: skip
        at = part.positions[0, :2] - (part.uvs[0] - 0.5) * 2 * EYE_RADIUS
        inner, outer = (abs(one.marks[f"eye_{end}_{side}"][0]) for end in ("inner", "outer"))
        assert 0.35 < (abs(at[0]) - inner) / (outer - inner) < 0.65
        assert at[1] < one.marks[f"lid_upper_{side}"][1]


def test_coats_of_one_ink_are_one_layer(blank: Canvas) -> None:
    c = fresh(blank)
    c.glow("blush", [0.4, -0.3], 0.1, 0.5)
    c.glow("blush", [0.4, -0.3], 0.1, 0.5)
    c.glow("white", [0.4, -0.3], 0.1, 0.0)
    assert len(c.inks) == 1 and c.inks[0].alpha.max() == pytest.approx(0.75, abs=0.02)


def test_the_skin_is_painted_evenly_and_within_bounds(sitter: Sitter) -> None:
    inks = skin_inks(sitter, QUICK)
    names = [ink.name for ink in inks]
    assert {"blush", "lips", "lips_dark", "nose_line", "mouth_line", "crease", "brow"} <= set(names)
    assert not {"freckles", "mole", "stubble", "fur_light"} & set(names)
    for ink in inks:
        assert ink.alpha.shape == (QUICK, QUICK) and np.isfinite(ink.alpha).all()
        assert 0 <= ink.alpha.min() and ink.alpha.max() <= 1
    for name in ("brow", "lips", "blush"):
        sums = [total(inks, name)[:, half].sum() for half in (np.s_[:256], np.s_[256:])]
        # MakeHuman's mesh and masks are themselves a little uneven.
        assert sums[0] == pytest.approx(sums[1], rel=0.06), name


def test_paint_lies_on_its_feature(sitter: Sitter, blank: Canvas) -> None:
    inks, marks = skin_inks(sitter, QUICK), sitter.marks

    def centre(name: str) -> F32:
        alpha = total(inks, name)
        return np.asarray((blank.position * alpha[..., None]).sum((0, 1)) / alpha.sum())

    assert centre("brow")[1] > marks["lid_upper_left"][1] + 0.1
    assert abs(centre("lips")[1] - marks["lip_upper_inner"][1]) < 0.06
    assert centre("lips_dark")[1] > centre("lips_light")[1]
    assert marks["nose_tip"][1] - 0.2 < centre("nose_line")[1] < marks["nose_tip"][1] + 0.02
    # The fold is drawn where a blink does not smear it.
    upper = blank.position[..., 1] > marks["lid_upper_left"][1]
    fold = total(inks, "crease") * upper
    assert (fold[blank.blink > 0.12] < 0.3).mean() > 0.97 and fold.max() > 0.3


@pytest.mark.parametrize(
    ("skin", "ink"),
    [
        (Skin(freckles=1), "freckles"),
        (Skin(mole=1), "mole"),
        (Skin(stubble=1), "stubble"),
        (Skin(pattern="fox"), "fur_light"),
    ],
)
def test_what_a_recipe_asks_for_is_added(sitter: Sitter, skin: Skin, ink: str) -> None:
    inks = skin_inks(replace(sitter, recipe=replace(PLAIN, skin=skin)), QUICK)
    assert total(inks, ink).max() > 0.2
    if ink == "stubble":  # on the chin, not over the lips
        c = canvas(sitter.bust, sitter.skin, QUICK)
        assert total(inks, ink)[c.lips > 0.9].mean() < 0.1


def test_an_unknown_pattern_names_the_choices(sitter: Sitter) -> None:
    who = replace(PLAIN, skin=Skin(pattern="zebra"))
    with pytest.raises(PackageError, match="zebra.*fox"):
        skin_inks(replace(sitter, recipe=who), QUICK)


def test_the_line_of_the_lips_is_even_on_other_mouths() -> None:
    narrow = {"mouth-scale-horiz-decr": 0.8, "mouth-angles-up": 1.0}
    who = replace(PLAIN, identity=Identity(gender=1, age=60, targets=narrow))
    bust = Bust(Clay.load(), who)
    made = parts(bust, who)[0]
    corner = made.marks["mouth_corner_left"]
    line = seam(bust, made.skin, corner)
    assert (np.diff(line[:, 0]) > 0).all() and line[-1, 0] < corner[0]
    assert np.abs(np.diff(line[:, 1], 2)).max() < 0.02
    assert abs(line[0, 1] - made.marks["lip_upper_inner"][1]) < 0.03


def test_an_iris_has_ring_light_and_pupil() -> None:
    inks = eye_inks(PLAIN)
    middle = EYE_SIZE // 2
    assert {ink.name for ink in inks} >= {"iris_dark", "iris", "iris_light", "pupil"}
    pupil = next(ink.alpha for ink in inks if ink.name == "pupil")
    assert pupil[middle, middle] == 1 and pupil[0].max() == 0
    ring = next(ink.alpha for ink in inks if ink.name == "iris_dark")
    edge = middle + round(PLAIN.eyes.iris / EYE_RADIUS * middle) - 3
    assert ring[middle, edge] > 0.9 and ring[middle, edge + 8] == 0
    slit = eye_inks(replace(PLAIN, eyes=Eyes(slit=1.0)))
    cat = next(ink.alpha for ink in slit if ink.name == "pupil")
    assert cat.any(0).sum() < 0.6 * cat.any(1).sum()


def test_a_blur_keeps_the_mean() -> None:
    image = np.zeros((33, 33), np.float32)
    image[16, 16] = 1
    soft = blur(image, 2)
    assert soft.sum() == pytest.approx(1, abs=1e-4) and soft[16, 16] == soft.max() < 0.2
