"""Teeth, tongue, lashes, highlights and correctives, on people at the ends of the sliders."""

import numpy as np
import pytest

from engine.face.blendshapes import ARKIT
from engine.train.bust import foremost
from engine.train.correctives import BENT, CORRECTIVES, SHYNESS, corrective
from engine.train.features import features
from engine.train.lids import edge
from tests.engine.train.sitters import ENDS, bust, sitter


@pytest.mark.parametrize("name", ENDS)
def test_teeth_and_tongue_lie_behind_the_skin_of_anybody(name: str) -> None:
    person = bust(name)
    quads = person.body()[0]
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    faces = faces[np.abs(person.positions[faces]).max((1, 2)) < 1.2]
    parts = [p for p in features(sitter(name)) if p.name in ("teeth", "tongue")]
    assert [p.name for p in parts] == ["teeth", "teeth", "tongue"]
    for part in parts:
        front = foremost(person.positions, faces, part.positions[:, :2])
        inside = np.isfinite(front)
        assert inside.mean() > 0.9
        assert (part.positions[inside, 2] < front[inside] - 0.03).all()


@pytest.mark.parametrize("name", ENDS)
def test_lashes_close_to_an_arc_of_equal_sides(name: str) -> None:
    left, right = (p for p in features(sitter(name)) if p.name == "lash")
    for part, blink, side in ((left, "eyeBlinkLeft", "l"), (right, "eyeBlinkRight", "r")):
        shut = part.positions + part.extra[blink] + part.extra[f"{blink}+{blink}"]
        row = shut[: len(shut) // 3]  # its edge
        ends, middle = row[[0, -1], 1].mean(), row[len(row) // 2, 1]
        assert middle < ends - 0.01  # a smile of a line, not a hook
        bends = np.diff(row[:, 1], 2)
        assert (bends > -0.004).all()
        lid = bust(name).positions[edge(bust(name).source, side)]
        assert abs(part.positions[:, 0].mean() - lid[:, 0].mean()) < 0.06
    np.testing.assert_allclose(left.positions * [-1, 1, 1], right.positions, atol=0.01)


def test_a_blink_leaves_nothing_of_the_gaze_in_the_lids() -> None:
    person = bust("athlete")
    lid = edge(person.source, "l")
    for gaze in ("eyeLookDownLeft", "eyeLookUpLeft", "eyeWideLeft"):
        undone = corrective(person, ("eyeBlinkLeft", gaze))
        np.testing.assert_allclose(undone[lid], -person.shape(gaze)[lid], atol=1e-9)
        eyeball = np.unique(person.group("l-eye"))
        assert (undone[eyeball] == 0).all()


def test_correctives_are_known_shapes_and_finite() -> None:
    assert len(set(CORRECTIVES)) == len(CORRECTIVES) <= 32
    for names in CORRECTIVES:
        assert set(names) <= set(ARKIT)
        move = corrective(bust("child"), names)
        bent = (names[0] == names[1] and names[0] in BENT) or names in SHYNESS
        assert np.isfinite(move).all() and (np.abs(move).max() == 0) == bent


def test_the_tongue_rises_before_it_comes_out() -> None:
    tongue = features(sitter("athlete"))[-1]
    straight, bent = tongue.extra["tongueOut"], tongue.extra["tongueOut+tongueOut"]
    tip = tongue.positions[:, 2].argmax()
    half = 0.5 * straight + 0.25 * bent
    whole = straight + bent
    assert half[tip, 1] > whole[tip, 1] and half[tip, 2] < 0.45 * whole[tip, 2]
    assert whole[tip, 2] > 0.2


def test_highlights_stay_while_the_eye_turns() -> None:
    person = bust("athlete")
    parts = [p for p in features(sitter("athlete")) if p.name == "glint"]
    assert len(parts) == 2
    eyeball = np.unique(person.group("l-eye"))
    turned = np.abs(person.shape("eyeLookOutLeft")[eyeball]).max()
    assert 0 < np.abs(parts[0].extra["eyeLookOutLeft"]).max() < 0.6 * turned
    # Both eyes catch the same light on the same side.
    across = [p.positions[0, 0] - p.positions[len(p.positions) // 2, 0] for p in parts]
    assert abs(across[0] - across[1]) < 1e-9 and across[0] != 0


@pytest.mark.parametrize("name", ENDS)
def test_highlights_keep_between_the_lids(name: str) -> None:
    person = bust(name)
    left = next(p for p in features(sitter(name)) if p.name == "glint")
    upper, lower = edge(person.source, "l"), edge(person.source, "l", lower=True)
    for shape in ("eyeLookDownLeft", "eyeBlinkLeft", "eyeSquintLeft", "mouthSmileLeft"):
        move, at = person.shape(shape), left.positions + left.extra.get(shape, 0.0)
        rims = [(person.positions + move)[rim] for rim in (lower, upper)]
        low, high = (np.interp(at[:, 0], r[r[:, 0].argsort(), 0], r[r[:, 0].argsort(), 1])
                     for r in rims)  # fmt: skip
        assert (at[:, 1] > low - 0.006).all()
        assert (at[:, 1] < np.maximum(low, high) + 0.006).all()
