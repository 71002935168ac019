"""Shading of small hand-made scenes: flat colours, tones, textures, coverage."""

import numpy as np
import pytest

from kernels.cel import REACHES, shade
from kernels.fragment import casters, fragments, room
from kernels.look import LOOKS, SCENES, TRAITS, Cast, Look, Scene, Trait
from kernels.raster import BOTH, empty, rasterize

SIZE = 16


def material(**columns: float) -> np.ndarray:
    row = np.zeros(LOOKS, np.float32)
    row[Look.RED : Look.SHADOW_BLUE + 1] = 1
    row[Look.LIGHT_Z], row[Look.SOFTNESS], row[Look.SHINE_SOFTNESS] = 1, 0.1, 0.1
    row[Look.TEXTURE], row[Look.HALF_Z] = -1, 1
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
    casts: list[Cast] | None = None,
    ambient: float = 1.0,
    shelter: float = 0.0,
    strand: float = 0.0,
) -> np.ndarray:
    screen, faces = np.float32(screen), np.int32(triangles)
    keys, buffers, shadows = empty(SIZE, SIZE), room(SIZE, SIZE), casters(SIZE, SIZE)
    rasterize(screen, faces, np.full(len(faces), BOTH, np.uint8), len(faces), keys)
    background = np.full((SIZE, SIZE, 3), 200, np.uint8)
    out = np.zeros((SIZE, SIZE, 3), np.uint8)
    kinds = np.array(materials or [0] * len(faces), np.uint8)
    traits = np.zeros((len(screen), TRAITS), np.float32)
    traits[:, : Trait.NORMAL_Z + 1] = normal
    traits[:, [Trait.U, Trait.V]] = 0 if uvs is None else uvs
    traits[:, Trait.AMBIENT], traits[:, Trait.SHELTER] = ambient, shelter
    traits[:, Trait.STRAND] = strand
    pixels = np.zeros((1, 1, 3), np.uint8) if texture is None else texture
    words = pixels.reshape(-1, 3).astype(np.uint32) @ np.uint32([1, 1 << 8, 1 << 16])
    scene = np.zeros(SCENES, np.float32)
    scene[: Scene.RIM_BLUE + 1], scene[Scene.RIM_X] = 1, 1
    # One unit of depth is one dm here, and the near reach looks four pixels up.
    scene[Scene.NEAR], scene[Scene.RANGE] = 0.5, 1
    scene[Scene.AWAY_Y] = -4 / REACHES[0][0]
    count = fragments(
        keys, kinds, np.array(casts or [Cast.NONE] * len(table), np.uint8), background,
        *buffers[:4], *shadows, out,
    )  # fmt: skip
    shade(
        count, SIZE, *buffers, screen, faces, traits, np.stack(table), scene, *shadows,
        words.astype(np.uint32), np.int32([[0, *pixels.shape[:2]]]), background.reshape(-1, 3),
        out.reshape(-1, 3),
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


DARK = {"shadow_red": 0.5, "shadow_green": 0.5, "shadow_blue": 0.5, "threshold": 0.0}


def test_occlusion_lowers_the_light_and_deepens_the_shadow() -> None:
    def level(ambient: float, share: float, normal: tuple[float, float, float]) -> int:
        row = material(**DARK, ambient=share)
        return int(picture(QUAD, FACES, [row], normal=normal, ambient=ambient)[8, 8, 0])

    half, dark = (0.9, 0.0, 0.15), (0, -1, -0.2)
    assert level(1, 1, half) > level(0.6, 1, half) + 20 > level(0.2, 1, half) + 20
    assert level(1, 1, dark) > level(0.2, 1, dark) + 20
    assert level(0.2, 0, half) == level(1, 1, half)


def shadowed(cast: Cast, gap: float, shelter: float = 0.0, receives: float = 1.0) -> np.ndarray:
    """Where a bar over rows 4 to 6 of a wall throws a shadow; the light stands above."""
    bar = np.array([[0, 4, 0.5 - gap], [0, 6, 0.5 - gap], [16, 6, 0.5 - gap], [16, 4, 0.5 - gap]])
    table = [material(**DARK, receives=receives), material(flat=1)]
    out = picture(
        np.concatenate([QUAD, bar]), np.concatenate([FACES, FACES + 4]), table, [0, 0, 1, 1],
        casts=[Cast.NONE, cast], shelter=shelter,
    )  # fmt: skip
    return out[:, 8, 0] < 250


def test_a_caster_shades_what_lies_behind_it_away_from_the_light() -> None:
    rows = shadowed(Cast.FINE, 0.2)
    np.testing.assert_array_equal(np.flatnonzero(rows), [8, 9])
    assert not shadowed(Cast.NONE, 0.2).any() and not shadowed(Cast.FINE, 0.02).any()
    assert not shadowed(Cast.FINE, 0.2, receives=0).any()


def test_broad_casters_shade_only_what_is_sheltered() -> None:
    assert not shadowed(Cast.BROAD, 0.2).any()
    # Deeper gaps are also found by the longer reaches.
    assert shadowed(Cast.BROAD, 0.4, shelter=1).sum() > shadowed(Cast.FINE, 0.4).sum() == 2


def test_a_moving_caster_moves_its_shadow_by_fractions_of_a_pixel() -> None:
    sums = []
    for shift in np.linspace(0, 1, 9):
        bar = QUAD * [1, 0.125, 1] + [0, 4 + shift, -0.2]
        table = [material(**DARK, receives=1), material(flat=1)]
        out = picture(
            np.concatenate([QUAD, bar]), np.concatenate([FACES, FACES + 4]), table, [0, 0, 1, 1],
            casts=[Cast.NONE, Cast.FINE],
        )  # fmt: skip
        dark = (255 - out[:, 8, 0].astype(float))[7:]
        sums.append((dark * np.arange(7, SIZE)).sum() / dark.sum())
    steps = np.diff(sums)
    assert (steps > -0.01).all() and steps.max() < 0.3 and sums[-1] - sums[0] == pytest.approx(1)


def test_highlights_of_hair_lie_across_its_strands() -> None:
    row = material(red=0.3, green=0.3, blue=0.3, shine=0.5, shine_edge=0.9, strand=1)
    across = picture(QUAD, FACES, [row], strand=0.0)
    along = picture(QUAD, FACES, [row], strand=0.9)
    assert (across > along + 100).all()


def test_the_rim_lies_on_one_side() -> None:
    row = material(red=0.3, green=0.3, blue=0.3, rim=0.5)
    left, right = (picture(QUAD, FACES, [row], normal=(x, 0, 0.05))[8, 8, 0] for x in (-1, 1))
    assert right > left + 40
