"""The rasterizer against a brute-force reference; fill rule, culling, ties, hostile corners."""

import numpy as np
import pytest

from kernels.raster import BACK, BOTH, EMPTY, FRONT, OFFSETS, empty, rasterize, triangle_of


def draw(
    screen: np.ndarray,
    triangles: np.ndarray,
    sides: int = BOTH,
    size: int = 32,
    late: int | None = None,
) -> np.ndarray:
    keys = empty(size, size)
    faces = np.asarray(triangles, np.int32)
    rasterize(
        np.asarray(screen, np.float32),
        faces,
        np.full(len(faces), sides, np.uint8),
        len(faces) if late is None else late,
        keys,
    )
    return keys


def soup(count: int, seed: int, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    centre = random.uniform(-4, size + 4, (count, 1, 2))
    xy = centre + random.uniform(-9, 9, (count, 3, 2))
    z = random.uniform(0.1, 0.9, (count, 3, 1))
    return np.concatenate([xy, z], 2).reshape(-1, 3), np.arange(3 * count).reshape(-1, 3)


def reference(screen: np.ndarray, triangles: np.ndarray, size: int) -> np.ndarray:
    """Nearest triangle per sample by exact integer edge functions, one triangle at a time."""
    y, x, s = np.mgrid[0:size, 0:size, 0:4]
    offset = np.array(OFFSETS)
    px, py = x * 256 + offset[s, 0], y * 256 + offset[s, 1]
    best, depth = np.full(px.shape, -1), np.full(px.shape, np.inf)
    snapped = np.floor(np.float32(screen)[:, :2] * 256 + 0.5).astype(np.int64)
    for t, (i, j, k) in enumerate(triangles):
        a, b, c = snapped[i], snapped[j], snapped[k]
        if (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]) < 0:
            j, k, b, c = k, j, c, b
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if area == 0:
            continue
        inside, values = np.ones(px.shape, bool), []
        for p, q in ((b, c), (c, a), (a, b)):
            dx, dy = q - p
            e = dx * (py - p[1]) - dy * (px - p[0])
            top_left = dy < 0 or (dy == 0 and dx > 0)
            inside &= (e > 0) | ((e == 0) & top_left)
            values.append(e / area)
        z = sum(v * np.float32(screen[n, 2]) for v, n in zip(values, (i, j, k), strict=True))
        nearer = inside & (z < depth)
        best[nearer], depth[nearer] = t, z[nearer]
    return best


@pytest.mark.parametrize("seed", range(4))
def test_equals_brute_force(seed: int) -> None:
    screen, triangles = soup(24, seed)
    keys = draw(screen, triangles)
    found = np.where(keys == EMPTY, -1, triangle_of(keys))
    expected = reference(screen, triangles, 32)
    np.testing.assert_array_equal(found == -1, expected == -1)  # coverage is exact
    assert (found == expected).mean() > 0.999  # depth is rounded where two triangles cross


def test_neighbours_share_no_sample_and_leave_none_out() -> None:
    random = np.random.default_rng(5)
    rim = np.array([[2, 2], [30, 3], [29, 30], [3, 28]], float)
    middle = random.uniform(8, 24, (20, 2))
    xy = np.concatenate([rim, middle])
    faces = []
    for m in range(20):  # each middle point fans the same quadrangle: covered once per fan
        hub = 4 + m
        faces.append([[0, 1, hub], [1, 2, hub], [2, 3, hub], [3, 0, hub]])
    outline = None
    for fan in faces:
        screen = np.c_[xy, np.full(len(xy), 0.5)]
        count = sum((draw(screen, [face]) != EMPTY).astype(int) for face in fan)
        assert count.max() == 1
        outline = count if outline is None else outline
        np.testing.assert_array_equal(count, outline)


def test_equal_depths_go_to_the_lower_number_in_any_order() -> None:
    screen = np.array([[1, 1, 0.5], [1, 30, 0.5], [30, 1, 0.5]])
    keys = draw(screen, [[0, 1, 2]] * 3)
    assert set(triangle_of(keys[keys != EMPTY])) == {0}


def test_order_of_late_triangles_changes_nothing() -> None:
    screen, triangles = soup(200, 9, 64)
    whole = draw(screen, triangles, size=64)
    for late in (0, 50, 150):
        np.testing.assert_array_equal(draw(screen, triangles, size=64, late=late), whole)


def test_faces_are_culled_by_side() -> None:
    counter_clockwise = np.array([[2, 2, 0.5], [2, 28, 0.5], [28, 2, 0.5]])
    shown = {s: (draw(counter_clockwise, [[0, 1, 2]], s) != EMPTY).any() for s in (FRONT, BACK)}
    turned = {s: (draw(counter_clockwise, [[0, 2, 1]], s) != EMPTY).any() for s in (FRONT, BACK)}
    assert shown == {FRONT: True, BACK: False} and turned == {FRONT: False, BACK: True}


@pytest.mark.parametrize(
    "corner",
    [
        [np.nan, 5, 0.5], [5, 5, np.nan], [5, 5, -0.1], [5, 5, 1.0], [5, 5, np.inf],
        [1e9, 5, 0.5], [-1e9, -1e9, 0.5],
    ],
)  # fmt: skip
def test_impossible_corners_leave_the_triangle_out(corner: list[float]) -> None:
    keys = draw(np.array([corner, [1, 30, 0.5], [30, 1, 0.5]]), [[0, 1, 2]])
    assert (keys == EMPTY).all()


def test_triangles_far_outside_touch_nothing() -> None:
    screen, triangles = soup(50, 3)
    assert (draw(screen + [500, -700, 0], triangles) == EMPTY).all()


def test_edges_pass_through_all_coverage_levels() -> None:
    levels = set()
    for shift in np.linspace(0, 1, 16):
        screen = np.array(
            [[-9, -9, 0.5], [-9, 99, 0.5], [10 + shift, -9, 0.5], [10 + shift, 99, 0.5]]
        )
        keys = draw(screen, [[0, 1, 2], [1, 3, 2]])
        levels |= {int(n) for n in (keys[16, 10] != EMPTY).sum(-1, keepdims=True)}
    assert levels == {0, 1, 2, 3, 4}
