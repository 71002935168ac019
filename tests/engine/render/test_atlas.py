"""The atlas: inside the unit square, nothing that is seen shares a place, the face gets most."""

import numpy as np
import pytest

from engine.face.package import Package, load
from engine.frames import Motion
from engine.render.atlas import RESOLUTION, atlas
from engine.render.grid import Surfaces
from kernels.raster import BOTH, EMPTY, empty, rasterize, triangle_of

REST = Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32))
SIDE = 512


def area(uv: np.ndarray) -> np.ndarray:
    one, two = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    return np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) / 2


def drawn(uv: np.ndarray) -> np.ndarray:
    """Which triangle lies at each texel of the atlas; -1 for none."""
    screen = np.full((uv.shape[0] * 3, 3), 0.5, np.float32)
    screen[:, :2] = uv.reshape(-1, 2) * SIDE
    keys = empty(SIDE, SIDE)
    triangles = np.arange(len(screen), dtype=np.int32).reshape(-1, 3)
    rasterize(screen, triangles, np.full(len(uv), BOTH, np.uint8), len(uv), keys)
    return np.where(keys == EMPTY, -1, triangle_of(keys))


@pytest.fixture(scope="module", params=["mira", "leila", "vix"])
def face(request: pytest.FixtureRequest) -> Package:
    return load(request.param)


def test_fills_the_square_the_same_way_each_time(face: Package) -> None:
    uv = atlas(face)
    assert uv.shape == (len(face.mesh.triangle), 3, 2) and uv.dtype == np.float32
    assert uv.min() >= 0 and uv.max() <= 1
    np.testing.assert_array_equal(uv, atlas(face))
    assert (drawn(uv) >= 0).mean() > 0.5


def test_materials_lie_apart(face: Package) -> None:
    uv, material = atlas(face), face.mesh.material
    first, last = drawn(uv), drawn(uv[::-1])
    covered = first >= 0
    # Of triangles that share a texel the lower number is drawn, so the last ones are hidden first.
    np.testing.assert_array_equal(material[first[covered]], material[::-1][last[covered]])
    for row in np.unique(material):
        assert (np.ptp(uv[material == row], axis=(0, 1)) * SIDE > 2).all()


def test_what_is_seen_at_rest_shares_no_place(face: Package) -> None:
    uv = atlas(face)
    seen = np.unique(Surfaces(face, uv, 256).trace(REST).triangle)
    seen = seen[seen >= 0]
    shown = (drawn(uv[seen]) >= 0).mean()
    assert area(uv[seen]).sum() <= 1.12 * shown


def test_each_eye_has_its_own_place_and_the_face_most_of_the_room() -> None:
    mira = load("mira")
    uv, mesh = atlas(mira), mira.mesh
    names = [m.name for m in mira.manifest.materials]
    share = {n: area(uv[mesh.material == i]).sum() for i, n in enumerate(names)}
    assert share["skin"] == max(share.values()) and share["skin"] > 0.2
    assert share["teeth"] * RESOLUTION**2 > 1000
    eye = mesh.material == names.index("eye")
    side = mesh.position[mesh.triangle].mean(1)[:, 0] > 0
    uv, left = uv[eye], side[eye]
    first, last = drawn(uv), drawn(uv[::-1])
    np.testing.assert_array_equal(left[first[first >= 0]], left[::-1][last[first >= 0]])
