"""Shading of small hand-made scenes: flat colours, tones, textures, coverage."""

import numpy as np

from kernels.raster import BOTH, empty, rasterize
from kernels.shade import LOOKS, Look, fragments, room, shade

SIZE = 16


def material(**columns: float) -> np.ndarray:
    row = np.zeros(LOOKS, np.float32)
    row[Look.RED : Look.SHADOW_BLUE + 1] = 1
    row[Look.LIGHT_Z], row[Look.SOFTNESS], row[Look.SHINE_SOFTNESS] = 1, 0.1, 0.1
    row[Look.TEXTURE] = -1
    for name, value in columns.items():
        row[Look[name.upper()]] = value
    return row


def picture(
    screen: np.ndarray,
    triangles: np.ndarray,
    table: list[np.ndarray],
    materials: list[int] | None = None,
    normal: tuple[float, float, float] = (0, 0, 1),
    uvs: np.ndarray | None = None,
    texture: np.ndarray | None = None,
) -> np.ndarray:
    screen, faces = np.float32(screen), np.int32(triangles)
    keys, buffers = empty(SIZE, SIZE), room(SIZE, SIZE)
    rasterize(screen, faces, np.full(len(faces), BOTH, np.uint8), len(faces), keys)
    background = np.full((SIZE, SIZE, 3), 200, np.uint8)
    out = np.zeros((SIZE, SIZE, 3), np.uint8)
    kinds = np.array(materials or [0] * len(faces), np.uint8)
    pixels = np.zeros((1, 1, 3), np.uint8) if texture is None else texture
    count = fragments(keys, kinds, background, *buffers, out)
    shade(
        count, SIZE, *buffers, screen, faces, kinds,
        np.tile(np.float32(normal), (len(screen), 1)),
        np.zeros((len(screen), 2), np.float32) if uvs is None else np.float32(uvs),
        np.stack(table), pixels.reshape(-1), np.int32([[0, *pixels.shape[:2]]]),
        background.reshape(-1, 3), out.reshape(-1, 3),
    )  # fmt: skip
    return out


QUAD = np.array([[0, 0, 0.5], [0, 16, 0.5], [16, 16, 0.5], [16, 0, 0.5]])
FACES = np.array([[0, 1, 2], [0, 2, 3]])


def test_background_where_nothing_is() -> None:
    assert (picture(QUAD * [0.25, 0.25, 1], FACES, [material()])[8:] == 200).all()


def test_flat_colour_is_exact() -> None:
    out = picture(QUAD, FACES, [material(red=1, green=0.5, blue=0, flat=1)])
    assert (out == [255, 128, 0]).all()


def test_two_tones() -> None:
    tones = material(shadow_red=0.5, shadow_green=0.4, shadow_blue=0.2, threshold=0.0)
    lit = picture(QUAD, FACES, [tones])
    dark = picture(QUAD, FACES, [tones], normal=(0, -1, -0.2))
    assert (lit == 255).all() and np.abs(dark.astype(int) - [128, 102, 51]).max() <= 1


def test_texture_is_bilinear_and_upright() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0], pixels[0, 1] = [255, 0, 0], [0, 255, 0]  # row 0 is v = 1
    uvs = np.array([[0, 1], [0, 0], [1, 0], [1, 1]])
    out = picture(QUAD, FACES, [material(texture=0)], uvs=uvs, texture=pixels)
    assert out[0, 0, 0] > 240 and out[0, 15, 1] > 240 and out[15].max() < 20
    ramp = out[0, :, 0].astype(int)
    assert (np.diff(ramp) <= 0).all() and 100 < ramp[8] < 150


def test_coverage_mixes_with_the_backdrop() -> None:
    # The edge at x = 8.5 covers two of four samples of column 8.
    out = picture(QUAD * [8.5 / 16, 1, 1], FACES, [material(red=0, green=0, blue=0, flat=1)])
    assert (out[:, 7] == 0).all() and (out[:, 8] == 100).all() and (out[:, 9] == 200).all()


def test_two_materials_mix_in_a_pixel_and_the_nearer_wins() -> None:
    near, far = QUAD * [8.5 / 16, 1, 1] - [0, 0, 0.2], QUAD
    table = [material(red=0, green=0, blue=0, flat=1), material(flat=1)]
    out = picture(
        np.concatenate([near, far]), np.concatenate([FACES, FACES + 4]), table, [0, 0, 1, 1]
    )
    assert (out[:, 4] == 0).all() and (out[:, 12] == 255).all()
    assert np.abs(out[:, 8].astype(int) - 127).max() <= 1


def test_highlight_and_rim_only_add() -> None:
    plain = material(red=0.3, green=0.3, blue=0.3)
    shiny = material(red=0.3, green=0.3, blue=0.3, shine=0.5, shine_edge=0.9)
    rimmed = material(red=0.3, green=0.3, blue=0.3, rim=0.5)
    base = picture(QUAD, FACES, [plain])
    assert (picture(QUAD, FACES, [shiny]) > base + 100).all()
    grazing = (1.0, 0.0, 0.05)
    assert (picture(QUAD, FACES, [rimmed], normal=grazing)
            > picture(QUAD, FACES, [plain], normal=grazing)).all()  # fmt: skip
