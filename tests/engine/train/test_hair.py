"""Hair: closed locks, off the skin and out of the face, on every head and for every wish."""

from dataclasses import replace

import numpy as np
import pytest

from engine.train.bust import F64, Part
from engine.train.comb import Body
from engine.train.hair import Lock, flow, tube
from engine.train.hairdo import HAIRDOS
from engine.train.recipe import RANGES, Hair
from engine.train.sheet import gather
from engine.train.sitter import Sitter
from engine.train.skull import Skull, angles, direction, ears
from tests.engine.train.sitters import ENDS, sitter

CUTS = sorted(set(HAIRDOS) - {"none"})
SHORT = {"buzz", "crop", "quiff", "fringe", "pixie", "undercut", "receding", "coils"}


def cut(head: str, name: str, **wishes: float) -> list[Part]:
    own = sitter(head)
    hair = Hair(name, **wishes)  # type: ignore[arg-type]
    made = Sitter(replace(own.recipe, hair=hair), own.bust, own.skin, own.marks)
    vars(made)["skull"] = own.skull  # the same head: measured once
    return HAIRDOS[name](made)


def points(parts: list[Part]) -> F64:
    return np.concatenate([p.positions for p in parts])


def test_a_lock_is_closed_and_lies_outside_the_skull() -> None:
    skull = sitter("athlete").skull
    shape = Lock(((10, 70, 0.1), (60, 40, 0.15), (80, 10, 0.1)), drop=0.4)
    lock = tube(skull, flow(skull, np.array([shape.knots]), np.array([0.4]), shape.rings), shape)
    edges: dict[tuple[int, int], int] = {}
    for a, b, c in lock.triangles:
        for one, two in ((a, b), (b, c), (c, a)):
            edges[(one, two)] = edges.get((one, two), 0) + 1
    assert max(edges.values()) == 1  # consistently wound
    open_edges = [e for e in edges if e[::-1] not in edges]
    assert len(open_edges) <= 6  # only the tip's last ring, which has no width
    assert (skull.above(lock.positions) > 0).all()
    a, b, c = (lock.positions[lock.triangles[:, k]] - lock.positions[0] for k in range(3))
    assert (a * np.cross(b, c)).sum() / 6 > 1e-3  # dm3: its outside faces out


@pytest.mark.parametrize("head", ENDS)
def test_one_direction_means_one_place_on_any_head(head: str) -> None:
    own = sitter(head)
    skull, ear = own.skull, ears(own.bust, own.skin)
    scalp = own.skin.positions[~ear]
    scalp = scalp[(scalp[:, 1] > 0.55) & (scalp[:, 2] < 0.1)]
    assert np.abs(skull.above(scalp)).max() < 0.03
    both = own.skin.positions[ear]
    assert (both[:, 0] > 0).sum() == (both[:, 0] < 0).sum() > 50
    assert 75 < skull.ear.front < skull.ear.back < 125 and -15 < skull.ear.top < 10
    azimuth, elevation = angles(direction(np.array([30.0, -120.0]), np.array([20.0, -40.0])))
    np.testing.assert_allclose([azimuth, elevation], [[30, -120], [20, -40]])


@pytest.mark.parametrize("name", CUTS)
def test_every_cut_fits_the_budget_and_stays_out_of_the_face(name: str) -> None:
    head = list(ENDS)[CUTS.index(name) % len(ENDS)]
    own, parts = sitter(head), cut(head, name)
    skull: Skull = own.skull
    at = points(parts)
    assert np.isfinite(at).all() and sum(len(p.triangles) for p in parts) <= 9000
    for part in parts:
        count = len(part.positions)
        assert part.triangles.max() < count and (part.source == -1).all()
        assert part.uvs.min() > -1e-6 and part.uvs.max() < 1 + 1e-6
        assert part.loose.min() >= 0 and part.loose.max() <= 1 and len(part.loose) == count
        assert part.neck.min() >= 0 and part.neck.max() <= 1
        rooted = skull.above(part.positions) < 0.01
        assert part.loose[rooted].max(initial=0) < 0.05  # what lies on the scalp stays there
        np.testing.assert_allclose(np.linalg.norm(part.proxy[:, :3], axis=1), 1, atol=1e-6)
    # Nothing hangs before the eyes, nose and mouth.
    eyes = own.bust.eyes["l"]
    before = (np.abs(at[:, 0]) < eyes[0] + 0.1) & (at[:, 1] < 0.12) & (at[:, 1] > -0.9)
    assert not (before & (at[:, 2] > own.marks["nose_tip"][2] - 0.6)).any()
    if name in SHORT:
        ear = own.skin.positions[ears(own.bust, own.skin)]
        low = ear[:, 1].min() + 0.5 * np.ptp(ear[:, 1])
        beside = np.abs(at[:, 0]) > np.abs(ear[:, 0]).max() - 0.06
        assert not (beside & (at[:, 1] < low)).any()


@pytest.mark.parametrize("name", CUTS)
def test_every_wish_is_met_without_breaking(name: str) -> None:
    head = list(ENDS)[(CUTS.index(name) + 2) % len(ENDS)]
    wishes = RANGES[Hair]
    end = CUTS.index(name) % 2
    made = cut(
        head, name, length=wishes["length"][end], volume=wishes["volume"][1 - end],
        curl=wishes["curl"][end], part=wishes["part"][end], seed=999 * end,
    )  # fmt: skip
    at = points(made)
    assert np.isfinite(at).all() and np.abs(at).max() < 4
    assert sum(len(p.triangles) for p in made) <= 9000


def test_wishes_do_what_they_say() -> None:
    low = [points(cut("elder", "bob", length=x))[:, 1].min() for x in (0.3, 1.0, 2.0)]
    assert low[0] > low[1] + 0.3 > low[2] + 0.6
    wide = [np.ptp(points(cut("elder", "afro", volume=x))[:, 0]) for x in (0.3, 1.0, 2.0)]
    assert wide[0] + 0.2 < wide[1] < wide[2] - 0.2
    left, right = (points(cut("elder", "bob", part=side)) for side in (1.0, -1.0))
    for axis, sign in ((0, -1), (1, 1), (2, 1)):
        np.testing.assert_allclose(left[:, axis].mean(), sign * right[:, axis].mean(), atol=0.03)
    one, same, other = (points(cut("elder", "pixie", seed=s)) for s in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert one.shape != other.shape or np.abs(one - other).max() > 0.01


@pytest.mark.parametrize("head", ["giant", "matron"])
def test_long_hair_hangs_over_the_shoulders_not_through_them(head: str) -> None:
    parts = [p for p in cut(head, "long", length=1.2, curl=1.0) if p.name == "hair"]
    at = points(parts)
    low = at[(at[:, 1] < -0.9) & (at[:, 1] > -2.3)]
    away = np.linalg.norm(Body(sitter(head)).clear(low, np.zeros(len(low))) - low, axis=1)
    assert len(low) > 300 and np.quantile(away, 0.98) < 0.03 and away.max() < 0.15
    necks = np.concatenate([p.neck for p in parts])
    assert necks[at[:, 1] < -2.2].max(initial=0) < 0.1 and necks[at[:, 1] > -0.7].min() == 1


def test_lanes_gather_into_clumps_that_share_their_edges() -> None:
    clumps = gather(40, 6, np.random.default_rng(1))
    assert clumps.across[0] == -1 and clumps.across[-1] == 1
    assert (np.diff(clumps.number) >= 0).all() and 4 <= clumps.number.max() + 1 <= 13
    assert clumps.pick(np.arange(3.0)).shape == (40,)
