"""What a network reads, made by the CUDA kernel on the CPU, against its numba twin: halves within
one step."""

import numpy as np
import pytest

from engine.face.learned import Learned
from engine.face.package import load
from engine.frames import Motion
from engine.render.gbuffer import Visibility
from engine.render.grid import Surfaces
from engine.render.workspace import Buffers
from kernels.raster import BOTH, EMPTY, empty, rasterize
from kernels.texture import DEPTH, NEAR, PLANES, SPREAD, sample, spread, surfaces
from tests.kernels.cuda.shim import sanitized
from tests.kernels.cuda.sitting import Batch, Item, motion


def soup(height: int, width: int, seed: int, span: float = 1.4, faces: int = 60) -> Item:
    """Triangles over each other, each with a place of its own in an atlas or beyond its edges."""
    random = np.random.default_rng(seed)
    middle = random.random((faces, 1, 2)) * [width, height * 0.8]
    corners = middle + random.normal(0, random.choice([1.5, 6], (faces, 1, 1)), (faces, 3, 2))
    depth = random.uniform(0.2, 0.8, (faces, 3, 1))
    screen = np.concatenate([corners, depth], 2).reshape(-1, 3).astype(np.float32)
    triangles = np.arange(3 * faces, dtype=np.int32).reshape(-1, 3)
    normals = random.normal(size=(3 * faces, 4))
    normals /= np.linalg.norm(normals[:, :3], axis=1)[:, None]
    keys = empty(height, width)
    rasterize(screen, triangles, np.full(faces, BOTH, np.uint8), faces, keys)
    places = (random.random((faces, 3, 2)) * span - max(span - 1, 0) / 2).astype(np.float32)
    return furnished(
        Item(
            keys, screen, normals.astype(np.float32), triangles, np.zeros(faces, np.uint8),
            np.zeros((height, width, 3), np.uint8),
        ),
        places, random.normal(size=(19 + seed, 26, DEPTH)).astype(np.float16),
    )  # fmt: skip


def furnished(item: Item, corners: np.ndarray, atlas: np.ndarray) -> Item:
    """With a neural texture [R, S, 8] and each triangle's places in it [F, 3, 2]."""
    item.arrays = {"corners": np.float32(corners), "atlas": atlas}
    item.counts = {"rows": atlas.shape[0], "columns": atlas.shape[1]}
    return item


def portrait(name: str, pose: Motion) -> tuple[Item, np.ndarray]:
    """An avatar with a neural look on its grid of 256, and the image [256, 256, 16] that its own
    line makes."""
    package = load(name)
    learned = package.learned
    assert isinstance(learned, Learned)
    seen, buffers = Visibility(package, 256, 256), Buffers(256, 256)
    seen.draw(pose, buffers, (0.0, 0.0, 1.0), outline=0)
    item = Item(
        buffers.keys, seen.screen.copy(), np.column_stack([seen.normals, seen.normals[:, 0]]),
        seen.triangles, seen.materials, np.zeros((256, 256, 3), np.uint8),
    )  # fmt: skip
    item = furnished(item, learned.corner_uv[seen.source], np.float16(learned.texture))
    image = Surfaces(package, learned.corner_uv, 256).draw(pose, np.float32(learned.texture))
    return item, np.moveaxis(image, 0, 2).copy()


def expected(item: Item) -> np.ndarray:
    """Image [H, W, 16] as numba makes it; nothing behind."""
    height, width = item.keys.shape[:2]
    uv = np.empty((height, width, 4, 2), np.float32)
    image = np.zeros((height, width, PLANES), np.float32)
    surfaces(
        item.keys, item.screen, item.triangles, np.ascontiguousarray(item.normals[:, :3]),
        item.arrays["corners"], uv, image,
    )  # fmt: skip
    sample(uv, item.arrays["atlas"].astype(np.float32), image)
    spread(image, np.empty((height, width), np.uint8), np.empty(height * width, np.int32))
    return image


def images(
    items: list[Item], variant: str = "plain", behind: list[np.ndarray | None] | None = None
) -> np.ndarray:
    """Images [B, H, W, 16] of the kernel; `behind` [B]: None or half [H, W, 4]."""
    batch = Batch(items, variant)
    held = [p if p is None else batch.shim.upload(p) for p in behind or [None] * len(items)]
    pointers = np.array([0 if h is None else h.pointer for h in held], np.uint64)
    out = batch.shim.empty((batch.size, batch.height, batch.width, PLANES), np.float16)
    batch.shim.launch(
        "read_atlas", (batch.size, batch.height, batch.width), batch.keys, batch.screen,
        batch.normals, batch.figures, batch.who, batch.shim.upload(pointers), out,
        batch.screen_stride, batch.normal_stride, batch.height, batch.width,
    )  # fmt: skip
    return batch.shim.download(out)


def ordered(halves: np.ndarray) -> np.ndarray:
    """Halves as numbers that count their steps."""
    bits = halves.view(np.int16).astype(np.int32)
    return np.where(bits < 0, -(bits & 0x7FFF), bits)


def close(found: np.ndarray, wanted: np.ndarray) -> None:
    """Within one half step of float32's image; numbers near 0, which are differences of texels of
    about 1, within an eighth of the step of these."""
    steps = np.abs(ordered(found) - ordered(wanted.astype(np.float16)))
    near = np.abs(found.astype(np.float32) - wanted) < 2.0**-14
    assert (near | (steps <= 1)).all(), (steps[~near].max(), (steps > 1).sum())
    error = np.linalg.norm(found.astype(float) - wanted) / max(np.linalg.norm(wanted), 1e-9)
    assert error < 5e-4


@pytest.mark.parametrize("variant", ["plain", "reversed"])
def test_avatars_in_one_batch_are_read_as_their_own_line_reads_them(variant: str) -> None:
    sat = [portrait("mira", motion(1)), portrait("theo", motion(2))]
    for found, (_, wanted) in zip(images([i for i, _ in sat], variant), sat, strict=True):
        close(found, wanted)
        assert (found[..., 12] > 0).mean() > 0.3


@pytest.mark.parametrize("variant", ["plain", "reversed"])
@pytest.mark.parametrize(("height", "width"), [(20, 28), (16, 16), (33, 47), (5, 3), (64, 80)])
def test_places_in_an_atlas_and_beyond_it(height: int, width: int, variant: str) -> None:
    items = [soup(height, width, seed) for seed in range(3)]
    for found, item in zip(images(items, variant), items, strict=True):
        close(found, expected(item))


def test_samples_close_together_are_one_place() -> None:
    noise = np.random.default_rng(0).normal(size=(512, 512, DEPTH)).astype(np.float16)
    for span in (NEAR / 2, NEAR * 4):
        items = [soup(30, 41, 3, span), soup(30, 41, 4, span)]
        for item in items:  # texels fine enough for a place between two to be another colour
            furnished(item, item.arrays["corners"], noise)
        for found, item in zip(images(items), items, strict=True):
            close(found, expected(item))


def test_colours_run_over_the_edge_and_no_further() -> None:
    item = soup(40, 64, 1, faces=6)
    item.arrays["atlas"][:] = 1
    (found,) = images([item])
    covered = (item.keys != EMPTY).any(2)
    reached = covered.copy()
    for _ in range(SPREAD):
        wide = np.pad(reached, 1)
        reached = np.any([wide[y : y + 40, x : x + 64] for y in range(3) for x in range(3)], 0)
    np.testing.assert_array_equal(found[..., 0] == 1, reached)
    assert (found[~reached] == 0).all() and (found[~covered, 8:] == 0).all()
    assert (reached & ~covered).any() and not reached.all()


def test_what_is_behind_shows_where_no_mesh_is_and_where_nothing_is_drawn() -> None:
    items = [soup(33, 47, seed) for seed in range(3)]
    behind = np.random.default_rng(0).random((33, 47, 4)).astype(np.float16)
    behind[..., 3] = np.round(behind[..., 3] * 4) / 4
    found = images(items, "plain", [None, behind, None])
    for image, item in zip(found[::2], items[::2], strict=True):
        close(image, expected(item))
    wanted = expected(items[1])
    bare = (behind[..., 3] == 0) | (wanted[..., 12] == 0)
    wanted[..., 12], wanted[..., 13:] = behind[..., 3], behind[..., :3]
    wanted[bare, :3] = behind[bare, :3]
    close(found[1], wanted)
    assert bare.any() and not bare.all()


def hostile() -> Item:
    """Corners, places and texels with numbers that are none."""
    random = np.random.default_rng(4)
    item = soup(35, 50, 7)
    for array in (item.screen, item.normals, item.arrays["corners"], item.arrays["atlas"]):
        at = random.random(array.shape) < 0.1
        odd = [np.nan, np.inf, -np.inf, 6e4, -6e4]
        array[at] = random.choice(odd, int(at.sum())).astype(array.dtype)
    return item


def test_numbers_that_are_none_stay_in_their_picture() -> None:
    clean = soup(35, 50, 7)
    alone, beside = images([clean])[0], images([clean, hostile()])[0]
    np.testing.assert_array_equal(alone, beside)


def test_a_picture_of_nothing_is_nothing() -> None:
    item = soup(37, 21, 1)
    item.keys[:] = EMPTY
    assert (images([item]) == 0).all()


def test_outlines_have_no_place_in_an_atlas() -> None:
    """Keys of triangles behind the last surface are as empty ones."""
    item, bare = soup(33, 47, 1), soup(33, 47, 1)
    hull = np.random.default_rng(0).random(item.keys.shape) < 0.2
    item.keys[hull] = item.keys[hull] & ~0xFFFFFFFF | len(item.triangles) + np.arange(hull.sum())
    bare.keys[hull] = EMPTY
    close(images([item])[0], expected(bare))


def hard() -> None:
    """What the sanitizers watch."""
    for height, width in ((33, 47), (5, 3)):
        item = soup(height, width, 2)
        (found,) = images([item], "sanitized")
        close(found, expected(item))
    images([hostile(), hostile()], "sanitized", [None, np.ones((35, 50, 4), np.float16)])


def test_sanitizers_find_nothing() -> None:
    sanitized("tests.kernels.cuda.test_texture:hard")
