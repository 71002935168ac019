"""Motion -> Video through a neural texture and a U-Net: the look that a package was trained for.

    mesh -> G-buffer on the grid -> texture sampled by uv -> network -> RGB and alpha -> composite

Deferred neural rendering (StyleAvatar §5.2) with the sound's PPG at the bottleneck and the eroded
background as input (VAST supplement §2). Same contract as engine.render.renderer: the same motion
gives the same bytes, any motion gives a sane picture, one thread at a time. A recurrent network
does so too in `render`, which starts from nothing remembered and so never looks as it was trained
to: use `step`, which carries what it remembers (engine.render.choose refuses such packages).

The network sees one scale, whatever the picture's size (engine.render.grid): its answer is resized,
except where the shorter side is 256 or 512 px.

The look is what it was trained on: of a Setting the background counts, not colours, light or lines;
and not even that where the network was trained to see what is behind a person.

The network computes as its runtime finds best, in bfloat16 where a processor has units for it: half
the time, for a loss that nobody sees (engine/assets/renderer.md). `precision="f32"` is the
reference, to which tests and other runtimes are held.
"""

import logging
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.errors import FrameError, PackageError, RuntimeUnavailable, WeightsError
from engine.face.background import Background, Picture, Transparent
from engine.face.learned import Learned
from engine.face.package import Package, load
from engine.frames import F32, PPG_WINDOW, U8, Motion, Video
from engine.render.canvas import Canvas
from engine.render.gbuffer import GBuffer, Visibility
from engine.render.grid import Surfaces, grid, shrink
from engine.render.mark import badge, marked
from engine.render.plate import filled, softened, veil
from engine.render.renderer import Size, sides
from engine.render.setting import Setting
from engine.render.toon import backdrop
from engine.render.workspace import workspace
from engine.runtime import ASSETS, Graph
from engine.runtime import load as open_graph
from engine.speech.phonemes import PHONES
from kernels.cache import release
from kernels.i420 import rgb_to_i420
from kernels.texture import PLANES

RUNTIME = "openvino"
PRECISION = "auto"  # of engine.runtime
FALLBACK = "onnxruntime"  # part of every installation
_STATE = 16  # px of the grid per cell of what a recurrent network remembers
_log = logging.getLogger(__name__)


class Neural:
    """Draws one avatar at one size in one setting, as it was trained to look."""

    def __init__(
        self, package: Package | str | Path, size: Size = 512, setting: Setting | None = None,
        runtime: str = RUNTIME, precision: str = PRECISION,
    ) -> None:  # fmt: skip
        """As engine.render.renderer.Renderer; `runtime`, `precision`: of engine.runtime,
        onnxruntime in place of an OpenVINO that is not installed. Raises FrameError, PackageError
        (also for a package without a neural look), RuntimeUnavailable."""
        self.width, self.height = sides(size)
        self.package = package if isinstance(package, Package) else load(package)
        if self.package.learned is None:
            raise PackageError(
                f"avatar {self.package.name} has no neural look (renderer.safetensors): draw it "
                "with look='toon', or train one with python -m engine.train renderer"
            )
        self.learned: Learned = self.package.learned
        self._shrink = shrink(self.width, self.height)
        shown = grid(self.width, self.height)
        self._mesh = Surfaces(self.package, self.learned.corner_uv, shown)
        self._canvas = Canvas(*self._mesh.shape, self._shrink, self.height, self.width)
        self._texture = self.learned.texture.astype(np.float32)
        self._output = "rgba_x2" if self._shrink == 2 else "rgba"
        self._runs = runtime, precision
        self.graph = _graph(self.learned, self._mesh.shape, self._output, *self._runs)
        self.reduced = False  # whether its small network stands in for the large one
        self._hidden = int(self.graph.config["net"]["hidden"])
        erode, plate = self.learned.config.erode, self.learned.plate
        self._erode = erode
        self._behind = None if plate is None else self._reduced(plate)
        self._stage(setting or Setting())

    def _stage(self, setting: Setting) -> None:
        self.setting, plate = setting, self.learned.plate
        self.background: Background = setting.background or self.package.manifest.background
        if plate is not None and (setting.background is None or self.settled):
            self.background = Picture(plate, 0)
            self._backdrop = spread(plate, self.height, self.width)
        else:
            self._backdrop = backdrop(self.background, self.height, self.width)

    def _reduced(self, picture: U8) -> F32:
        """A picture behind on the grid [gh, gw, 3] in 0..1."""
        return np.asarray(spread(picture, *self._mesh.shape) / np.float32(255), np.float32)

    @property
    def settled(self) -> bool:
        """Whether the picture behind is part of the look, whatever a setting says: a network that
        sees it leaves hair and shoulders to it."""
        return self.learned.plate is not None and self._erode is not None

    @property
    def size(self) -> Size:
        """As given: a number for a square, else (width, height)."""
        return self.width if self.width == self.height else (self.width, self.height)

    def staged(self, setting: Setting) -> "Neural":
        """The same avatar and size over another background; mesh, network and buffers are shared,
        so use both from one thread."""
        other = object.__new__(Neural)
        other.__dict__.update(self.__dict__)
        other._stage(setting)
        return other

    def lighter(self) -> "Neural | None":
        """The same in all but the network, which is the small one beside the look's large one; None
        where there is none. Use both from one thread."""
        if self.learned.small is None:
            return None
        other = object.__new__(Neural)
        other.__dict__.update(self.__dict__)
        other.learned, other.reduced = self.learned.lighter(), True
        other.graph = _graph(other.learned, self._mesh.shape, self._output, *self._runs)
        return other

    def render(self, motion: Motion) -> Video:
        """One I420 picture; its array is fresh and never touched again."""
        return self.step(motion, self.init_state())[0]

    def render_rgb(self, motion: Motion) -> U8:
        """The same picture as RGB [H, W, 3] uint8, before chroma is halved."""
        return self._over(self._answer(motion, self.init_state())[0], self._backdrop)

    def render_over(self, motion: Motion, behind: U8) -> U8:
        """RGB [H, W, 3] over another picture [H, W, 3] uint8 that the network sees as well, where
        it was trained to: a person in each frame's own surroundings. Raises FrameError."""
        if behind.dtype != np.uint8 or behind.shape != (self.height, self.width, 3):
            raise FrameError(
                f"the picture behind is {behind.dtype} {behind.shape}, expected uint8 "
                f"({self.height}, {self.width}, 3)"
            )
        seen = None if self._erode is None else self._reduced(behind)
        return self._over(self._answer(motion, self.init_state(), seen)[0], behind)

    def render_rgba(self, motion: Motion) -> U8:
        """RGBA [H, W, 4] uint8, alpha not premultiplied: smooth around the figure of a
        Transparent background, 255 everywhere on any other."""
        rgba, _ = self._answer(motion, self.init_state())
        out = np.empty((self.height, self.width, 4), np.uint8)
        if isinstance(self.background, Transparent):
            self._canvas.lift(rgba, out)
            if self._marked:
                badge(self.height, self.width).stamp_clear(out)
        else:
            out[..., :3] = self._over(rgba, self._backdrop)
            out[..., 3] = 255
        return out

    def init_state(self) -> F32:
        """What a recurrent network remembers before its first picture [1, Ch, gh / 16, gw / 16];
        of a stateless one: nothing, Ch = 0."""
        rows, columns = self._mesh.shape
        return np.zeros((1, self._hidden, rows // _STATE, columns // _STATE), np.float32)

    def step(self, motion: Motion, state: F32) -> tuple[Video, F32]:
        """One picture and what is remembered of it: all of a session's, in order, from
        `init_state` on."""
        rgba, state = self._answer(motion, state)
        i420 = np.empty((self.height * 3 // 2, self.width), np.uint8)
        rgb_to_i420(self._over(rgba, self._backdrop), i420)
        return Video(motion.start, i420), state

    def _answer(
        self, motion: Motion, state: F32, behind: F32 | None = None
    ) -> tuple[F32, F32]:  # fmt: skip
        """The network's RGBA [h, w, 4], at least as large as the picture, and its state; `behind`:
        another picture than the plate, on the grid."""
        image = self._mesh.draw(motion, self._texture)
        behind = self._behind if behind is None else behind
        if behind is not None and self._erode is not None:
            # As in training: what is not seen is drawn, from what surrounds it; the rest is let be.
            drawn = veil(self._erode, self._mesh.screen, *behind.shape[:2])
            share = softened(image[12] > 0) * (drawn > 0)
            image[12] = drawn
            image[13:16] = filled(np.moveaxis(behind, 2, 0), drawn > 0)
            image[:3] = image[13:16] + share * (image[:3] - image[13:16])
        feed = {"image": image[None], "ppg": self._heard(motion)}
        if self._hidden:
            feed["hidden"] = state
        answer = self.graph.run(feed)
        release()
        rgba = np.ascontiguousarray(np.moveaxis(answer[self._output][0], 0, 2))
        return rgba, answer.get("hidden_out", state)

    def _heard(self, motion: Motion) -> F32:
        """The PPG [1, 40, 8] about the picture; zeros where it is unknown."""
        if motion.ppg is None or not self.learned.config.ppg:
            return np.zeros((1, len(PHONES), PPG_WINDOW), np.float32)
        heard = np.clip(np.nan_to_num(motion.ppg), 0, 1)
        return np.ascontiguousarray(heard.T[None], np.float32)

    def _over(self, rgba: F32, behind: U8) -> U8:
        out = np.empty((self.height, self.width, 3), np.uint8)
        self._canvas.lay(rgba, behind, out)
        if self._marked:
            badge(self.height, self.width).stamp(out)
        return out

    @property
    def _marked(self) -> bool:
        return marked(self.package.manifest.likeness, self.setting.mark)

    @cached_property
    def _whole(self) -> Visibility:
        return Visibility(self.package, self.height, self.width)

    def gbuffer(self, motion: Motion) -> GBuffer:
        """uv, normal, depth and mask at the picture's size."""
        with workspace(self.height, self.width).lend() as buffers:
            return self._whole.gbuffer(motion, buffers)

    def vertices(self, motion: Motion) -> F32:
        """World positions [V, 3] in decimetres."""
        return self._mesh.figure.vertices(motion)

    def landmarks(self, motion: Motion) -> dict[str, npt.NDArray[np.float32]]:
        """Landmark name -> xyz in decimetres: lips, mouth and eye corners, lids, nose, chin."""
        return self._mesh.figure.named(self.vertices(motion))

    def warm(self) -> None:
        """Compile and touch everything, so that the first picture of a session is not late."""
        self.render(Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32)))


def spread(plate: U8, height: int, width: int) -> U8:
    """The picture that was behind [H, W, 3] as the camera sees it at another size: its shorter side
    fills the shorter side, beyond its edges it is mirrored."""
    scale = min(height, width) / min(plate.shape[:2])
    size = max(1, round(plate.shape[1] * scale)), max(1, round(plate.shape[0] * scale))
    image = np.asarray(Image.fromarray(plate).resize(size, Image.Resampling.LANCZOS))
    for axis, side in ((0, height), (1, width)):
        more = side - image.shape[axis]
        ends = [(0, 0)] * 3
        ends[axis] = (max(more, 0) // 2, (max(more, 0) + 1) // 2)
        first = max(-more, 0) // 2
        image = np.pad(image, ends, "symmetric").take(range(first, first + side), axis)
    return np.ascontiguousarray(image)


def _graph(
    learned: Learned, shape: tuple[int, int], output: str, runtime: str, precision: str
) -> Graph:  # fmt: skip
    """The network of a look, with its weights, for pictures on a grid of this shape."""
    config = learned.config
    path = ASSETS / f"renderer_{config.size}{'_recurrent' if config.recurrent else ''}.onnx"
    outputs = [output, *["hidden_out"] * config.recurrent]
    sizes = {"image": (1, PLANES, *shape), "ppg": (1, len(PHONES), PPG_WINDOW)}

    def opened(which: str) -> Graph:
        return open_graph(
            path, which, tensors=learned.weights, outputs=outputs, shape=sizes,
            precision=precision,
        )  # fmt: skip

    try:
        try:
            return opened(runtime)
        except RuntimeUnavailable as error:
            if runtime != RUNTIME:
                raise
            _lacking(str(error))
            return opened(FALLBACK)
    except WeightsError as error:
        raise PackageError(f"renderer.safetensors cannot be drawn: {error}") from error


@cache
def _lacking(cause: str) -> None:
    """Say once that pictures will cost more than they could."""
    _log.warning("neural pictures are drawn by %s, about half as fast: %s", FALLBACK, cause)
