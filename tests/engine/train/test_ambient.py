"""Baked occlusion of hand-made parts."""

import numpy as np

from engine.train.ambient import bake, directions
from engine.train.bust import Part


def sheet(name: str, y: float, size: float, up: bool, at: float = 0.0) -> Part:
    """A horizontal grid of 9 x 9 vertices, facing up or down."""
    u, v = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9), indexing="ij")
    points = np.stack([u * size, 0 * u + y, v * size + at], -1).reshape(-1, 3)
    a = (np.arange(8)[:, None] * 9 + np.arange(8)).reshape(-1)
    quads = np.stack([a, a + 1, a + 10, a + 9], 1)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    count = len(points)
    return Part(
        name, points, faces if up else faces[:, ::-1], np.zeros((count, 2)), np.full(count, -1),
        np.ones(count), np.arange(count), np.ones(count),
    )  # fmt: skip


def test_directions_are_spread_evenly() -> None:
    found = directions(80)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    assert np.abs(found.mean(0)).max() < 0.02


def test_open_surfaces_are_light_and_covered_ones_dark() -> None:
    floor, roof = sheet("shirt", 0.0, 1.0, True), sheet("hair", 0.3, 1.0, False)
    alone = bake([floor])
    assert alone.min() > 0.97
    light = bake([floor, roof])
    middle, corner = light[40], light[0]
    assert middle < 0.45 < corner and (light <= 1).all() and (light >= 0).all()
    quick = bake([floor, roof], quick=True)
    assert abs(quick[40] - middle) < 0.15


def test_lashes_throw_no_occlusion() -> None:
    floor, lash = sheet("shirt", 0.0, 1.0, True), sheet("lash", 0.3, 1.0, False)
    assert bake([floor, lash])[: len(floor.positions)].min() > 0.97


def test_the_mouth_darkens_with_depth() -> None:
    tongue = sheet("tongue", 0.0, 0.4, True, at=-0.4)
    light, z = bake([tongue]), tongue.positions[:, 2]
    assert light[z.argmax()] > 0.9 and light[z.argmin()] < 0.3
    assert (np.diff(light[np.argsort(z)]) > -1e-9).all()
