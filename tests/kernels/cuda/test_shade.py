"""The CUDA shading, run on the CPU, against its numba twin: casters to the bit, colours within one
step of 255."""

import numpy as np
import pytest

from engine.face.background import Transparent
from engine.render.mark import badge
from engine.render.setting import Setting
from kernels.cel import shade
from kernels.fragment import Fragments, casters, fragments
from kernels.look import LOOKS, SCENES, Cast, Look, Scene, Trait
from kernels.raster import BOTH, empty, rasterize
from tests.kernels.cuda.shim import sanitized
from tests.kernels.cuda.sitting import Batch, Item, brand, motion, sit, yuv

CAST = ("amara", "theo", "vix")


def soup(height: int, width: int, seed: int, faces: int = 300) -> Item:
    """Triangles of ten materials that differ in everything a material can, through each other."""
    random = np.random.default_rng(seed)
    middle = random.random((faces, 1, 2)) * [width, height]
    corners = middle + random.normal(0, random.choice([2, 9, 30], (faces, 1, 1)), (faces, 3, 2))
    depth = random.uniform(0.2, 0.6, (faces, 1, 1)) + random.normal(0, 0.02, (faces, 3, 1))
    screen = np.concatenate([corners, depth], 2).reshape(-1, 3).astype(np.float32)
    triangles = np.arange(3 * faces, dtype=np.int32).reshape(-1, 3)
    materials = random.integers(0, 10, faces).astype(np.uint8)
    table = random.random((10, LOOKS)).astype(np.float32)
    table[:, Look.LIGHT_X : Look.LIGHT_Z + 1] = unit(random, 10)
    table[:, Look.HALF_X : Look.HALF_Z + 1] = unit(random, 10)
    table[:, [Look.SOFTNESS, Look.SHINE_SOFTNESS]] *= 0.3
    table[:, Look.THRESHOLD] -= 0.5
    table[:, Look.TEXTURE] = random.integers(-1, 3, 10)
    table[:, Look.FLAT] = random.random(10) < 0.2
    table[:, Look.RECEIVES] *= random.random(10) < 0.8
    table[:, Look.STRAND] = random.random(10) < 0.4
    casts = random.choice([Cast.NONE, Cast.FINE, Cast.BROAD], 10).astype(np.uint8)
    skin = random.uniform(-0.2, 1.2, (len(screen), 4)).astype(np.float32)
    skin[:, 2:] = skin[:, 2:].clip(0, 1) * (random.random((len(screen), 1)) < 0.7)
    normals = np.column_stack(
        [unit(random, len(screen)), random.uniform(-1, 1, len(screen))]
    ).astype(np.float32)
    images = random.integers(0, 1 << 24, 900).astype(np.uint32)
    index = np.int32([[0, 20, 30], [600, 1, 200], [800, 100, 1]])
    scene = np.zeros(SCENES, np.float32)
    scene[: Scene.RIM_BLUE + 1] = random.random(3)
    scene[Scene.RIM_X : Scene.RIM_Y + 1] = 0.6, 0.8
    scene[Scene.NEAR], scene[Scene.RANGE] = 0.5, 1.2
    scene[Scene.AWAY_X : Scene.AWAY_Y + 1] = 40, -60
    keys = empty(height, width)
    rasterize(screen, triangles, np.full(faces, BOTH, np.uint8), faces, keys)
    backdrop = random.integers(0, 256, (height, width, 3), np.uint8)
    arrays = {"skin": skin, "table": table, "casts": casts, "textures": images, "index": index}
    return Item(keys, screen, normals, triangles, materials, backdrop, scene, arrays)


def unit(random: np.random.Generator, count: int) -> np.ndarray:
    """Random directions, most of them towards the viewer."""
    directions = random.normal(size=(count, 3)) + [0, 0, 1]
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True))


def expected(item: Item) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(picture [H, W, 3], nearest caster, its cover) as numba makes them."""
    height, width = item.keys.shape[:2]
    # Four surfaces in every pixel would fit.
    most = (np.empty(4 * height * width + 4, kind) for kind in ("i4", "i4", "u1", "u1", "i4", "u4"))
    buffers, shadows = Fragments(*most), casters(height, width)
    traits = np.empty((len(item.normals), len(Trait)), np.float32)
    traits[:, [0, 1, 2, Trait.STRAND]] = item.normals
    traits[:, [Trait.U, Trait.V, Trait.AMBIENT, Trait.SHELTER]] = item.arrays["skin"]
    out = np.empty((height, width, 3), np.uint8)
    count = fragments(
        item.keys, item.materials, item.arrays["casts"], item.backdrop, *buffers[:4], *shadows, out
    )
    shade(
        count, width, *buffers, item.screen, item.triangles, traits, item.arrays["table"],
        item.scene, *shadows, item.arrays["textures"], item.arrays["index"],
        item.backdrop.reshape(-1, 3), out.reshape(-1, 3),
    )  # fmt: skip
    return out, *shadows


def close(found: np.ndarray, wanted: np.ndarray, share: float = 1e-3) -> None:
    """At most one step apart, and only on this share of the numbers."""
    apart = np.abs(found.astype(int) - wanted)
    assert apart.max() <= 1 and (apart > 0).mean() <= share, (apart.max(), (apart > 0).mean())


def compare(items: list[Item], variant: str = "plain", even: bool = True) -> None:
    """Both kinds of picture of a batch, RGB alone of odd sizes, and its casters."""
    batch = Batch(items, variant)
    cells, pictures = batch.cells(), batch.shade("rgb")
    for item, found, picture in zip(items, cells, pictures, strict=True):
        wanted, depth, cover = expected(item)
        np.testing.assert_array_equal(found >> 10, depth >> 9)
        np.testing.assert_array_equal(found >> 5 & 31, cover[..., 0])
        np.testing.assert_array_equal(found & 31, cover[..., 1])
        close(picture, wanted)
    if not even:
        return
    for found, picture in zip(batch.shade("i420"), pictures, strict=True):
        np.testing.assert_array_equal(found, yuv(picture))


@pytest.mark.parametrize("variant", ["plain", "reversed"])
def test_avatars_in_one_batch_look_as_their_own_line_draws_them(variant: str) -> None:
    items = [sit(name, 256, 256, motion(n)) for n, name in enumerate(CAST)]
    batch = Batch(items, variant)
    for item, picture, i420 in zip(items, batch.shade("rgb"), batch.shade("i420"), strict=True):
        assert item.picture is not None
        close(picture, item.picture, 1e-4)
        close(i420, yuv(item.picture), 1e-4)


@pytest.mark.parametrize("width", [256, 90])
def test_a_likeness_bears_its_mark(width: int) -> None:
    plain, marked = (sit("theo", 96, width, motion(4)) for _ in range(2))
    mark = badge(96, width)
    marked.arrays["badge"], counts = brand(mark)
    marked.counts.update(counts)
    batch = Batch([plain, marked])
    assert marked.picture is not None
    mark.stamp(marked.picture)
    for what in ("rgb", "i420"):
        for item, found in zip(batch.items, batch.shade(what), strict=True):
            assert item.picture is not None
            wanted = item.picture if what == "rgb" else yuv(item.picture)
            close(found, wanted)


def test_an_avatar_at_the_size_of_a_call_with_cells_of_two_pixels() -> None:
    compare([sit("mira", 512, 512, motion(7))])


def test_two_settings_and_a_picture_wider_than_high() -> None:
    plain = Setting(light=(-0.6, 0.2, 0.5), outline=0)
    items = [sit("kenji", 340, 410, motion(2), plain), sit("kenji", 340, 410, motion(3))]
    compare(items)


def test_a_transparent_background_is_black() -> None:
    item = sit("noa", 130, 98, motion(1), Setting(background=Transparent()))
    (picture,) = Batch([item]).shade("rgb")
    assert item.picture is not None
    close(picture, item.picture, 1e-4)
    assert (picture[0] == 0).all()


@pytest.mark.parametrize(("height", "width"), [(2, 2), (66, 70), (96, 128), (34, 322)])
def test_all_that_a_material_can_be(height: int, width: int) -> None:
    compare([soup(height, width, seed) for seed in range(3)])


@pytest.mark.parametrize(("height", "width"), [(41, 77), (325, 323)])
def test_odd_sizes_have_no_i420_but_a_picture(height: int, width: int) -> None:
    item = soup(height, width, 5)
    if height > 320:  # cells of two pixels leave the last row and column out
        item.arrays["casts"][:] = Cast.NONE
    compare([item], even=False)


def test_from_the_last_thread_to_the_first() -> None:
    compare([soup(70, 130, 8), soup(70, 130, 9)], "reversed")


def test_outlines_are_flat_whatever_their_material_says() -> None:
    pictures = []
    for said in (0, 1):
        item = soup(66, 70, 6)
        count = len(item.triangles) // 2
        item.materials[count:] += 10  # materials of their own
        table = np.tile(item.arrays["table"], (2, 1))
        table[10:, Look.FLAT] = said
        item.arrays |= {"table": table, "casts": np.tile(item.arrays["casts"], 2)}
        item.counts = {} if said else {"surfaces": count}
        pictures.append(Batch([item]).shade("rgb"))
    np.testing.assert_array_equal(*pictures)


def hostile() -> Item:
    """Places, normals and tables with numbers that are none."""
    random = np.random.default_rng(4)
    item = soup(46, 58, 11)
    for array in (item.screen, item.normals, item.scene, *item.arrays.values()):
        if array.dtype == np.float32:
            at = random.random(array.shape) < 0.15
            array[at] = random.choice([np.nan, np.inf, -np.inf, 1e30, -1e30], int(at.sum()))
    item.arrays["table"][:, Look.TEXTURE] = random.integers(-1, 3, 10)
    return item


def test_numbers_that_are_none_stay_in_their_pixels() -> None:
    clean, spoilt = soup(46, 58, 11), hostile()
    alone, beside = Batch([clean]).shade("rgb")[0], Batch([clean, spoilt]).shade("rgb")[0]
    np.testing.assert_array_equal(alone, beside)


def hard() -> None:
    """What the sanitizers watch."""
    compare([soup(46, 58, 11), soup(46, 58, 12)], "sanitized")
    compare([soup(34, 64, 11)], "sanitized")
    for what in ("rgb", "i420"):
        Batch([hostile()], "sanitized").shade(what)
        Batch([sit("ruth", 66, 64, motion(1))], "sanitized").shade(what)


def test_sanitizers_find_nothing() -> None:
    sanitized("tests.kernels.cuda.test_shade:hard")
