"""Landmark distances: known displacements have known sizes, head pose counts where it should."""

import numpy as np
import pytest

from engine.eval.distances import (
    Landmarks,
    d_a,
    d_l,
    d_v,
    distances,
    lmd,
    style_distances,
    umeyama,
)
from engine.eval.landmarks import INNER_LIPS, MOUTH, face
from engine.face.blendshapes import INDEX
from engine.face.camera import rotation


def landmarks(places: np.ndarray) -> Landmarks:
    return Landmarks(places, places, places[:, INNER_LIPS, 1].sum(1))


def motion(ticks: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = np.zeros((ticks, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = 0.3 + 0.3 * np.sin(np.arange(ticks) * 0.7 + rng.uniform(0, 6))
    pose = np.zeros((ticks, 6), np.float32)
    pose[:, 0] = 8 * np.sin(np.arange(ticks) * 0.2)
    return weights, pose


def test_umeyama_undoes_any_similarity() -> None:
    rng = np.random.default_rng(0)
    target = rng.standard_normal((68, 3))
    turns = [rotation(20, -10, 5), rotation(-40, 15, 0)]
    source = np.stack([2.5 * target @ turn.T + np.array([1, -2, 3]) for turn in turns])
    np.testing.assert_allclose(umeyama(source, target), np.stack([target, target]), atol=1e-5)
    # It never mirrors: a mirror image stays apart.
    mirrored = target * np.array([-1, 1, 1])
    assert np.abs(umeyama(mirrored, target) - target).max() > 0.1


def test_head_pose_counts_for_d_l_only() -> None:
    mira = face()
    weights, pose = motion(30)
    straight = Landmarks.of(mira, weights, np.zeros_like(pose))
    turned = Landmarks.of(mira, weights, pose)
    # The neck bends below the chin: a trace of the turn stays.
    assert lmd(straight, turned) < 0.15 and d_l(straight, turned) > 2
    np.testing.assert_allclose(straight.area, turned.area, rtol=0.1, atol=0.05)


def test_a_known_step_has_a_known_size() -> None:
    truth = landmarks(np.zeros((10, 68, 3)))
    aside = np.zeros((10, 68, 3))
    aside[:, :, 0] = 3.0
    made = landmarks(aside)
    assert lmd(truth, made) == d_l(truth, made) == 3.0 and d_v(truth, made) == 0.0
    mouth = np.zeros((10, 68, 3))
    mouth[:, MOUTH, 2] = 1.0
    assert lmd(truth, landmarks(mouth), MOUTH) == 1.0
    assert lmd(truth, landmarks(mouth)) == pytest.approx(20 / 68)
    walking = np.zeros((10, 68, 3))
    walking[:, :, 1] = 0.5 * np.arange(10)[:, None]
    assert d_v(truth, landmarks(walking)) == 0.5
    half = Landmarks(truth.still, truth.posed, np.full(10, 2.0))
    full = Landmarks(truth.still, truth.posed, np.full(10, 4.0))
    assert d_a(full, half) == 50.0


def test_the_open_area_follows_the_jaw() -> None:
    weights = np.zeros((3, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = (0, 0.3, 0.6)
    area = Landmarks.of(face(), weights, np.zeros((3, 6), np.float32)).area
    assert area[0] < 0.5 < area[1] < area[2] and area[2] == pytest.approx(2 * area[1], rel=0.3)


def test_everything_is_nought_between_equals() -> None:
    same = Landmarks.of(face(), *motion(60))
    assert all(value == 0 for value in distances(same, same).values())
    assert all(value == 0 for value in style_distances(same, same).values())


def test_style_distance_finds_the_nearest_window() -> None:
    mira = face()
    calm, wild = motion(80), motion(80)
    wild[0][:, INDEX["jawOpen"]] *= 1.6
    wild[1][:, 0] *= 3
    # The same manner with other timing is nearer than another manner.
    late = motion(80, seed=1)
    reference = Landmarks.of(mira, *calm)
    near, far = (style_distances(reference, Landmarks.of(mira, *m)) for m in (late, wild))
    assert near["sld"] < far["sld"]
    # A window of the reference lies in the animation: its distance is nought.
    longer = Landmarks.of(mira, *(np.concatenate(p) for p in zip(wild, calm, strict=True)))
    assert style_distances(reference.window(4, 25), longer)["sld"] < near["sld"]
