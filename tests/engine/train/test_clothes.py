"""Every garment fits everybody: it encloses the neck and hides the skin below its edge."""

import numpy as np
import pytest

from engine.errors import PackageError
from engine.face.camera import POSE_LIMITS, rotation
from engine.train.bust import F64, neck_weight
from engine.train.clothes import GARMENTS, HIDDEN, dress
from engine.train.form import measure
from engine.train.recipe import Clothes
from tests.engine.train.sitters import ENDS, bust, cover, nearest, person, samples

PIVOT = np.array([0.0, -1.0, -0.75])
# Towards the viewer: nobody sees what is behind the shoulders.
FRONT = 100


def bent(points: F64, share: F64, turn: tuple[float, float, float]) -> F64:
    """Points [V, 3] under a head pose, as engine.face.mesh bends them."""
    made = [rotation(*(float(angle) * s for angle in turn)) for s in share]
    return np.einsum("vij,vj->vi", np.array(made, float), points - PIVOT) + PIVOT


@pytest.mark.parametrize("name", ENDS)
def test_form_lies_on_the_body(name: str) -> None:
    form, points = measure(bust(name)), bust(name).positions
    near = (form.depth > -0.2) & (form.depth < 1.0) & (np.abs(form.azimuth) < FRONT)
    on = form.at(form.azimuth[near], form.depth[near])
    away = np.linalg.norm(on - points[near], axis=1)
    assert np.quantile(away, 0.95) < 0.09
    # Cloth spans hollows, and never runs inside.
    inside = ((points[near] - on) * form.outward(form.azimuth[near], form.depth[near])).sum(1)
    assert np.quantile(inside, 0.99) < 0.035


@pytest.mark.parametrize("cut", GARMENTS)
def test_garments_fit_everybody(cut: str) -> None:
    for name in ENDS:
        who = person(name, clothes=Clothes(cut))
        form, points = measure(bust(name)), bust(name).positions
        skin = bust(name).body()[0]
        visible, made = dress(bust(name), skin, who)
        assert 0 < len(visible) < len(skin)
        assert sum(len(p.triangles) for p in made) <= 2000
        assert all(np.isfinite(p.positions).all() for p in made)
        edge = GARMENTS[cut](form, who.clothes).edge
        below = form.depth - edge.at(form.azimuth)
        assert below[visible].min(1).max() < HIDDEN
        cloth = samples(made)
        # What skin is left below the edge lies inside.
        left = np.unique(visible)
        left = left[(below[left] > 0.05) & (np.abs(form.azimuth[left]) < FRONT)]
        out = form.outward(form.azimuth[left], form.depth[left])
        assert cover(points[left], out, cloth).min() > 0.0, (cut, name)
        # Nothing gapes between neck and edge.
        around = np.arange(-FRONT, FRONT + 1, 10.0)
        rim = form.at(around, edge.at(around))
        assert nearest(rim, cloth)[1].max() < 0.16, (cut, name)


@pytest.mark.parametrize("turn", [(40, 0, 0), (-40, 0, 0), (0, 28, 0), (0, -28, 0), (0, 0, 26)])
def test_a_collar_encloses_the_turned_neck(turn: tuple[float, float, float]) -> None:
    assert np.all(np.abs(turn) <= POSE_LIMITS[:3])
    for name in ENDS:
        who, form, points = person(name), measure(bust(name)), bust(name).positions
        _, made = dress(bust(name), bust(name).body()[0], who)
        stand = next(p for p in made if p.name == "collar")
        foot = GARMENTS["shirt"](form, who.clothes).edge.at(0.0)
        ring = (np.abs(form.depth - foot + 0.06) < 0.08) & (np.abs(form.azimuth) < 181)
        skin = bent(points[ring], neck_weight(points[ring]), turn)
        out = form.outward(form.azimuth[ring], form.depth[ring])
        found = cover(skin, out, samples([stand]))
        before = np.isfinite(found)  # the others have moved up, out of the collar
        assert before.mean() > 0.5 and found[before].min() > 0.0, (name, turn)


def test_longer_necks_get_higher_collars() -> None:
    assert measure(bust("giant")).rise > measure(bust("matron")).rise - 1e-9
    for name in ENDS:
        form = measure(bust(name))
        assert 0 <= form.rise <= 0.4 and form.chin[1] > form.at(0.0, 0.0)[1] + 0.2


def test_unknown_clothes_are_named() -> None:
    with pytest.raises(PackageError, match=r"toga.*blazer"):
        dress(bust("child"), bust("child").body()[0], person("child", clothes=Clothes("toga")))


def test_clothes_stay_with_the_chest() -> None:
    made = dress(bust("child"), bust("child").body()[0], person("child"))[1]
    assert all((p.neck == 0).all() and (p.source == -1).all() for p in made)
