"""Networks' pictures and RGB to I420 by the CUDA kernels, run on the CPU, against numba's steps."""

import re
from pathlib import Path

import numpy as np
import pytest

from engine.render.canvas import Canvas
from engine.render.mark import Badge, badge
from kernels.cuda.layout import FIGURE
from kernels.cuda.taps import TALL, WIDE, axis
from kernels.resize import taps
from tests.kernels.cuda.shim import Held, Shim, sanitized
from tests.kernels.cuda.sitting import brand, words, yuv

KINDS = ("half", "float", "half_last")
TYPES = {"half": np.float16, "float": np.float32, "half_last": np.float16}


def pictures(batch: int, height: int, width: int) -> np.ndarray:
    random = np.random.default_rng(height)
    rgb = random.integers(0, 256, (batch, height, width, 3), np.uint8)
    rgb[:, ::3] = random.choice([0, 255], rgb[:, ::3].shape)
    return rgb


def convert(rgb: np.ndarray, variant: str = "plain") -> np.ndarray:
    shim, (batch, height, width) = Shim(variant), rgb.shape[:3]
    out = shim.pinned((batch, height * 3 // 2, width), np.uint8)
    shim.launch("rgb_i420", (batch, height, width), shim.upload(rgb), out, height, width)
    return shim.download(out)


@pytest.mark.parametrize("variant", ["plain", "reversed"])
@pytest.mark.parametrize(
    ("height", "width"), [(2, 2), (6, 14), (34, 50), (64, 96), (48, 272), (360, 640)]
)
def test_rgb_is_converted_to_the_bit(height: int, width: int, variant: str) -> None:
    rgb = pictures(3, height, width)
    for found, picture in zip(convert(rgb, variant), rgb, strict=True):
        np.testing.assert_array_equal(found, yuv(picture))


def answers(batch: int, rows: int, columns: int, kind: str) -> np.ndarray:
    """What networks may paint [B, rows, columns, 4]: a figure with a soft edge, colours beyond
    what can be shown, some numbers that are none."""
    random = np.random.default_rng(rows + columns)
    rgba = random.uniform(-0.2, 1.2, (batch, rows, columns, 4))
    y, x = np.mgrid[:rows, :columns] / np.array([[[rows]], [[columns]]]) - 0.5
    rgba[..., 3] = np.clip(1.5 - 4 * np.hypot(x, y) + rgba[..., 3] * 0.2, -0.1, 1.1)
    odd = random.random(rgba.shape) < 0.002
    rgba[odd] = random.choice([np.nan, np.inf, -np.inf], int(odd.sum()))
    return rgba.astype(TYPES[kind])


class Work:
    """A batch of answers on the device, each over another backdrop."""

    def __init__(
        self, rgba: np.ndarray, height: int, width: int, kind: str, variant: str,
        mark: Badge | None = None,
    ) -> None:  # fmt: skip
        self.shim, self.kind = Shim(variant), kind
        self.batch, self.rows, self.columns = rgba.shape[:3]
        self.shape = height, width
        self.backdrops = pictures(self.batch, height, width)
        figures = np.zeros(self.batch, FIGURE)
        self._held = [self.shim.upload(words(picture)) for picture in self.backdrops]
        figures["backdrop"] = [held.pointer for held in self._held[::-1]]
        if mark is not None:
            ink, counts = brand(mark)
            self._held.append(self.shim.upload(ink))
            figures["badge"] = self._held[-1].pointer
            for name, count in counts.items():
                figures[name] = count
        self.figures = self.shim.upload(figures)
        self.who = self.shim.upload(np.arange(self.batch, dtype=np.int32)[::-1])
        planes = rgba if kind == "half_last" else np.moveaxis(rgba, 3, 1)
        self.rgba = self.shim.upload(planes)
        self.out: Held = self.shim.pinned((self.batch, height * 3 // 2, width), np.uint8)

    def compose(self) -> np.ndarray:
        height, width = self.shape
        top, left = (self.rows - height) // 2, (self.columns - width) // 2
        self.shim.launch(
            f"compose_{self.kind}", (self.batch, height, width), self.rgba, self.figures, self.who,
            self.out, self.rows, self.columns, top, left, height, width,
        )  # fmt: skip
        return self.shim.download(self.out)

    def resize(self, step: float) -> np.ndarray:
        height, width = self.shape
        x, y = axis(self.columns, width, step, WIDE), axis(self.rows, height, step, TALL)
        held = y.most, x.most
        self._taps = [self.shim.upload(part) for part in (*x[:2], *y[:2])]
        self.shim.launch(
            f"resize_{self.kind}", (self.batch, self.rows, self.columns, height, width, *held),
            self.rgba, *self._taps, self.figures, self.who, self.out, self.rows, self.columns,
            len(x.weight), len(y.weight), *held, height, width,
        )  # fmt: skip
        return self.shim.download(self.out)


def compare(
    rows: int, columns: int, height: int, width: int, kind: str, variant: str = "plain",
    mark: Badge | None = None,
) -> None:  # fmt: skip
    """What engine.render.canvas does of an answer, a likeness's mark, then kernels.i420."""
    rgba = answers(3, rows, columns, kind)
    work = Work(rgba, height, width, kind, variant, mark)
    step = min(rows, columns) / min(height, width)
    same = step == 1 and rows >= height and columns >= width
    canvas, laid = Canvas(rows, columns, 1, height, width), np.empty((height, width, 3), np.uint8)
    for b, found in enumerate(work.compose() if same else work.resize(step)):
        canvas.lay(rgba[b].astype(np.float32), work.backdrops[b], laid)
        if mark is not None:
            mark.stamp(laid)
        apart = np.abs(found.astype(int) - yuv(laid))
        assert apart.max() <= 1 and (apart == 0).mean() > 0.999, (apart.max(), (apart > 0).mean())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rows", "columns", "height", "width"),
    [
        (64, 64, 64, 64),  # sixteen bytes a load everywhere
        (64, 96, 64, 80),  # a crop that begins at a multiple of eight pixels
        (64, 96, 64, 90),  # one that does not
        (62, 66, 62, 66),  # rows that are no multiple of sixteen bytes
        (256, 272, 256, 272),
    ],
)  # fmt: skip
def test_an_answer_of_the_same_size(
    rows: int, columns: int, height: int, width: int, kind: str
) -> None:
    compare(rows, columns, height, width, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rows", "columns", "height", "width"),
    [
        (64, 64, 96, 96),  # larger
        (64, 112, 90, 158),  # larger, tiles and bytes left over
        (64, 64, 38, 62),  # smaller; beyond its edges there is background only
        (96, 96, 26, 24),  # a quarter: sixteen taps
        (50, 62, 70, 90),  # rows that are no multiple of sixteen bytes
        (32, 64, 64, 180),  # wider than the grid reaches
    ],
)  # fmt: skip
def test_an_answer_of_another_size(
    rows: int, columns: int, height: int, width: int, kind: str
) -> None:
    compare(rows, columns, height, width, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_likeness_bears_its_mark(kind: str) -> None:
    compare(96, 96, 96, 96, kind, mark=badge(96, 96))
    compare(64, 112, 90, 158, kind, mark=badge(90, 158))


def test_the_size_of_a_call() -> None:
    compare(256, 256, 360, 640, "half")


@pytest.mark.parametrize("kind", KINDS)
def test_from_the_last_thread_to_the_first(kind: str) -> None:
    compare(64, 96, 64, 90, kind, "reversed")
    compare(64, 112, 90, 158, kind, "reversed")


def test_without_alpha_there_is_the_backdrop_alone() -> None:
    rgba = np.full((2, 32, 32, 4), np.nan, np.float16)
    for step, size in ((1.0, 32), (0.5, 64)):
        work = Work(rgba, size, size, "half", "plain")
        found = work.compose() if step == 1 else work.resize(step)
        for i420, picture in zip(found, work.backdrops, strict=True):
            np.testing.assert_array_equal(i420, yuv(picture))


@pytest.mark.parametrize(("source", "pixels"), [(64, 100), (64, 38), (96, 24), (512, 1080)])
def test_tiles_need_no_more_than_is_said(source: int, pixels: int) -> None:
    found = axis(source, pixels, source / pixels, 32)
    first, weight = taps(source, pixels, source / pixels)
    np.testing.assert_array_equal(found.weight, weight.T)
    needed = [
        first[min(x + 31, pixels - 1)] + weight.shape[1] - first[x] // 8 * 8
        for x in range(0, pixels, 32)
    ]
    assert found.most % 8 == 0 and max(needed) <= found.most < max(needed) + 8


def test_answers_are_read_sixteen_bytes_at_a_time(tmp_path: Path) -> None:
    from tests.kernels.cuda.test_build import made, tool  # skips where NVRTC is not installed

    path = tmp_path / "code.cubin"
    path.write_bytes(made("i420", "sm_90").code)
    parts = re.split(r"\.section\s+\.text\.(\w+)", tool("nvdisasm", "-c", str(path)))
    text = dict(zip(parts[1::2], parts[2::2], strict=True))
    # Two rows of four planes and of the backdrop; what is left is the way by bytes, 2 x 2 pixels.
    assert text["compose_half"].count("LDG.E.128") == 8 + 4
    assert text["compose_half"].count("LDG.E.U16") == 4 * 4
    assert text["compose_float"].count("LDG.E.128") == 8 + 2
    assert text["rgb_i420"].count("LDG.E.128") == 6 and text["rgb_i420"].count("LDG.E.U8") == 12


def hard() -> None:
    """What the sanitizers watch."""
    for height, width in ((6, 14), (34, 48)):
        convert(pictures(2, height, width), "sanitized")
    compare(96, 96, 96, 96, "half", "sanitized", badge(96, 96))
    for kind in KINDS:
        compare(64, 96, 64, 90, kind, "sanitized")
        compare(64, 96, 64, 80, kind, "sanitized")
        compare(64, 112, 90, 158, kind, "sanitized")
        compare(50, 62, 26, 34, kind, "sanitized")


def test_sanitizers_find_nothing() -> None:
    sanitized("tests.kernels.cuda.test_i420:hard")
