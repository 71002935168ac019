"""Vertex kernels against dense numpy."""

import numpy as np
import pytest

from kernels.mesh import bend, blend, inflate, normals, strands


def test_blend_equals_the_dense_sum() -> None:
    random = np.random.default_rng(0)
    count, shapes = 40, 6
    rest = random.normal(size=(count, 3)).astype(np.float32)
    sizes = [5, 0, 40, 1, 12, 7]
    start = np.cumsum([0, *sizes]).astype(np.int32)
    rows = [random.choice(count, n, replace=False) for n in sizes]
    delta = random.integers(-32767, 32767, (start[-1], 3)).astype(np.int16)
    scale = random.uniform(1e-6, 1e-5, shapes).astype(np.float32)
    weights = np.array([0.5, 1, -0.2, 0, 1.2, 0.01], np.float32)
    dense = np.zeros((shapes, count, 3))
    for k, row in enumerate(rows):
        dense[k, row] = delta[start[k] : start[k + 1]] * float(scale[k])
    out = np.empty_like(rest)
    blend(rest, weights, start, np.concatenate(rows).astype(np.int32), delta, scale, out)
    np.testing.assert_allclose(out, rest + np.tensordot(weights, dense, 1), atol=1e-5)


def test_bend_leaves_the_shoulders_and_moves_the_head_rigidly() -> None:
    random = np.random.default_rng(1)
    points = random.normal(size=(30, 3)).astype(np.float32)
    share = np.repeat(np.float32([0, 0.5, 1]), 10)
    poses = np.zeros((3, 3, 4), np.float32)
    poses[:, [0, 1, 2], [0, 1, 2]] = 1
    poses[1, :, 3], poses[2, :, 3] = [0.5, 0, 0], [1, 0, 0]
    moved = points.copy()
    bend(moved, share, poses)
    np.testing.assert_allclose(moved - points, np.c_[share, 0 * share, 0 * share], atol=1e-6)


def _sphere() -> tuple[np.ndarray, np.ndarray]:
    rows, columns = 24, 48
    polar, around = np.meshgrid(
        np.linspace(0.02, np.pi - 0.02, rows), np.linspace(0, 2 * np.pi, columns + 1), indexing="ij"
    )
    points = np.stack(
        [np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], -1
    )
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a = r * (columns + 1) + c
    down = a + columns + 1
    faces = np.stack([a, down, down + 1, a, down + 1, a + 1], -1).reshape(-1, 3)
    return points.reshape(-1, 3).astype(np.float32), faces.astype(np.int32)


def test_normals_of_a_sphere_point_outwards_across_a_welded_seam() -> None:
    points, faces = _sphere()
    columns = 49
    weld = np.arange(len(points)).reshape(-1, columns)
    weld[:, -1] = weld[:, 0]
    weld = np.unique(weld.ravel(), return_inverse=True)[1].astype(np.int32)
    out, scratch = np.empty_like(points), np.empty((weld.max() + 1, 3), np.float32)
    proxy = np.zeros((len(points), 4), np.float32)
    normals(points, faces, weld, proxy, np.eye(3, dtype=np.float32), scratch, out)
    inner = slice(columns, -columns)
    assert ((out * points).sum(1)[inner] > 0.995).all()
    grid = out.reshape(-1, columns, 3)
    np.testing.assert_array_equal(grid[:, 0], grid[:, -1])


def test_proxies_replace_normals_and_turn_with_the_head() -> None:
    points, faces = _sphere()
    weld = np.arange(len(points), dtype=np.int32)
    out, scratch = np.empty_like(points), np.empty((len(points), 3), np.float32)
    proxy = np.tile(np.float32([0, 0, 1, 1]), (len(points), 1))
    turn = np.float32([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # +z becomes +x
    normals(points, faces, weld, proxy, turn, scratch, out)
    np.testing.assert_allclose(out, np.tile([1, 0, 0], (len(points), 1)), atol=1e-5)


def hull(normals: np.ndarray, clear: np.ndarray, shade: tuple[float, float]) -> np.ndarray:
    screen = np.tile(np.float32([16, 16, 0.5]), (len(normals), 1))
    out = np.zeros_like(screen)
    inflate(
        screen, np.float32(normals), np.full(len(normals), 2, np.float32), np.float32(0.01),
        np.float32(shade), np.float32(clear), np.float32(4), out,
    )  # fmt: skip
    return out - screen


def test_inflate_moves_along_the_screen_normal_and_back() -> None:
    moved = hull([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.ones((5, 5)), (0, 0))
    np.testing.assert_allclose(moved[:, 2], 0.01, atol=1e-6)
    np.testing.assert_allclose(moved[:, :2], [[1.7, 0], [0, -1.7], [0, 0]], atol=1e-5)


def test_lines_are_wider_in_shadow_and_at_the_silhouette() -> None:
    normals = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]  # right, left, up, down
    clear = np.ones((5, 5))
    clear[:, 2:] = 0  # to the right lies more of the figure
    inner, left, up, down = np.hypot(*hull(normals, clear, (0, 1))[:, :2].T)
    assert inner < 0.7 * left and left == pytest.approx(up) and down > 1.3 * up


def test_strands_turn_with_the_head() -> None:
    turn = np.float32([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # +z becomes +x
    out = np.zeros(2, np.float32)
    strands(np.float32([[0, 0, 1], [0, 1, 0]]), turn, np.float32([1, 0, 0]), out)
    np.testing.assert_allclose(out, [1, 0], atol=1e-6)
