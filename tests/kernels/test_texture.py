"""Places in an atlas, what is read there and what is laid over a background, against float64."""

import numpy as np
import pytest

from kernels.raster import BOTH, EMPTY, OFFSETS, empty, rasterize, triangle_of
from kernels.texture import DEPTH, NEAR, PLANES, composite, cut_out, sample, surfaces

HEIGHT, WIDTH = 20, 28


class Scene:
    """Triangles over each other, some of them small, each with a place of its own in an atlas."""

    def __init__(self, spread: float = 1.0) -> None:
        random = np.random.default_rng(3)
        middle = random.random((60, 1, 2)) * [WIDTH, HEIGHT * 0.8]
        corners = middle + random.normal(0, random.choice([1.5, 6], (60, 1, 1)), (60, 3, 2))
        depth = random.uniform(0.2, 0.8, (60, 3, 1))
        self.screen = np.concatenate([corners, depth], 2).reshape(-1, 3).astype(np.float32)
        self.triangles = np.arange(180, dtype=np.int32).reshape(60, 3)
        normals = random.normal(size=(180, 3))
        self.normals = (normals / np.linalg.norm(normals, axis=1)[:, None]).astype(np.float32)
        self.corners = (random.random((60, 3, 2)) * spread).astype(np.float32)
        self.keys = empty(HEIGHT, WIDTH)
        rasterize(self.screen, self.triangles, np.full(60, BOTH, np.uint8), 60, self.keys)
        self.uv = np.full((HEIGHT, WIDTH, 4, 2), 9, np.float32)
        self.image = np.full((HEIGHT, WIDTH, PLANES), 9, np.float32)
        surfaces(
            self.keys, self.screen, self.triangles, self.normals, self.corners, self.uv, self.image
        )

    def weights(self, triangle: int, x: float, y: float) -> np.ndarray:
        """Barycentric, clamped into the triangle."""
        a, b, c = self.screen[self.triangles[triangle], :2].astype(float)
        edges = np.stack([b - a, c - a], 1)
        one, two = np.clip(np.linalg.solve(edges, np.array([x, y]) - a), 0, 1)
        total = max(one + two, 1)
        return np.array([1 - (one + two) / total, one / total, two / total])

    def pixel(self, y: int, x: int) -> tuple[np.ndarray, np.ndarray, float]:
        """(uv [4, 2], mean normal [3], mean depth) of a pixel, sample by sample."""
        keys = self.keys[y, x]
        met = np.flatnonzero(keys != EMPTY)
        found, uv = triangle_of(keys), np.full((4, 2), np.nan)
        normal, depth = np.zeros(3), 0.0
        for s in met:
            alike = [n for n in met if found[n] == found[s]]
            at = np.mean([OFFSETS[n] for n in alike], 0) / 256 + [x, y]
            share = self.weights(found[s], *at)
            uv[s] = share @ self.corners[found[s]]
            normal += share @ self.normals[self.triangles[found[s]]] / len(met)
            depth += float(keys[s] >> 32) / (2**31 - 129) / len(met)
        return uv, normal, depth


def test_surfaces_equal_float64_on_every_pixel() -> None:
    scene, mixed = Scene(), 0
    for y in range(HEIGHT):
        for x in range(WIDTH):
            uv, normal, depth = scene.pixel(y, x)
            covered = float((scene.keys[y, x] != EMPTY).mean())
            assert scene.image[y, x, 12] == covered
            if covered:
                assert (
                    np.nanmax(np.ptp(uv[~np.isnan(uv[:, 0])], axis=0)) > NEAR
                    or len(np.unique(scene.uv[y, x][~np.isnan(uv[:, 0])], axis=0)) == 1
                )
            spread = np.ptp(uv[~np.isnan(uv[:, 0])], axis=0) if covered else np.ones(2)
            if (spread <= NEAR).all():
                uv[~np.isnan(uv[:, 0])] = np.nanmean(uv, 0)
            else:
                mixed += 1
            np.testing.assert_allclose(scene.uv[y, x], uv, atol=2e-4)
            np.testing.assert_allclose(scene.image[y, x, 8:11], normal, atol=3e-4)
            assert scene.image[y, x, 11] == pytest.approx(depth, abs=1e-6)
    assert 50 < mixed < HEIGHT * WIDTH


def test_surfaces_write_everything_they_own_and_nothing_else() -> None:
    scene = Scene()
    assert not (scene.uv == 9).any() and not (scene.image[..., 8:13] == 9).any()
    assert (scene.image[..., :8] == 9).all() and (scene.image[..., 13:] == 9).all()
    nothing = (scene.keys == EMPTY).all(2)
    assert nothing.any() and np.isnan(scene.uv[nothing]).all()
    assert (scene.image[nothing, 8:13] == 0).all()


def test_samples_close_together_are_one_place() -> None:
    scene = Scene(spread=NEAR / 2)
    met = scene.keys != EMPTY
    for uv, covered in zip(scene.uv.reshape(-1, 4, 2), met.reshape(-1, 4), strict=True):
        assert len(np.unique(uv[covered], axis=0)) == min(covered.sum(), 1)


def bilinear(atlas: np.ndarray, u: float, v: float) -> np.ndarray:
    rows, columns = atlas.shape[:2]
    x = min(max(u * columns - 0.5, 0), columns - 1)
    y = min(max(v * rows - 0.5, 0), rows - 1)
    j, i = int(x), int(y)
    k, m = min(j + 1, columns - 1), min(i + 1, rows - 1)
    above = atlas[i, j] * (1 - (x - j)) + atlas[i, k] * (x - j)
    below = atlas[m, j] * (1 - (x - j)) + atlas[m, k] * (x - j)
    return np.asarray(above * (1 - (y - i)) + below * (y - i))


@pytest.mark.parametrize("shape", [(2, 2), (16, 16), (33, 17)])
def test_sampling_equals_float64(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    atlas = random.normal(size=(*shape, DEPTH)).astype(np.float32)
    uv = random.uniform(-0.3, 1.3, (9, 11, 4, 2)).astype(np.float32)
    uv[random.random((9, 11, 4)) < 0.3] = np.nan
    uv[::2, ::2] = uv[::2, ::2, :1]  # pixels that lie at one place
    uv[0, 1, :2] = uv[0, 1, 2:] = [[0, 0], [1, 1]]
    image = np.full((9, 11, PLANES), 9, np.float32)
    sample(uv, atlas, image)
    for y in range(9):
        for x in range(11):
            met = [bilinear(atlas.astype(float), *at) for at in uv[y, x] if at[0] == at[0]]
            expected = np.mean(met, 0) if met else np.zeros(DEPTH)
            np.testing.assert_allclose(image[y, x, :8], expected, atol=3e-5)
    assert (image[..., 8:] == 9).all()


def test_sampling_survives_places_that_are_no_places() -> None:
    uv = np.array([np.inf, -np.inf, 1e30, -1e30], np.float32).repeat(2).reshape(1, 1, 4, 2)
    uv[0, 0, 0, 1] = np.nan
    image = np.empty((1, 1, PLANES), np.float32)
    sample(uv, np.ones((4, 4, DEPTH), np.float32), image)
    assert (image[..., :8] == 1).all()


def outputs() -> np.ndarray:
    rgba = np.random.default_rng(1).uniform(-0.5, 1.5, (7, 9, 4)).astype(np.float32)
    rgba[0, 0] = np.nan
    rgba[0, 1], rgba[0, 2] = np.inf, -np.inf
    return rgba


def held(rgba: np.ndarray) -> np.ndarray:
    return np.clip(np.nan_to_num(rgba.astype(float), nan=0, posinf=1, neginf=0), 0, 1)


def test_composite_equals_the_formula_and_cuts_off_the_rest() -> None:
    rgba, behind = outputs(), np.random.default_rng(2).integers(0, 256, (6, 8, 3), np.uint8)
    out = np.full((6, 8, 3), 77, np.uint8)
    composite(rgba, behind, out)
    r = held(rgba)[:6, :8]
    expected = r[..., 3:] * r[..., :3] * 255 + (1 - r[..., 3:]) * behind
    assert np.abs(out - expected).max() <= 0.51
    np.testing.assert_array_equal(out[0, 0], behind[0, 0])
    assert (out[0, 1] == 255).all()


def test_cut_out_keeps_alpha() -> None:
    out = np.full((6, 8, 4), 77, np.uint8)
    cut_out(outputs(), out)
    expected = held(outputs())[:6, :8] * 255
    assert np.abs(out - expected).max() <= 0.51
