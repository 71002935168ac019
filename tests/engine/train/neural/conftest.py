"""The tracker's networks, or a visible skip; a drawn head that turns, as if it were followed; a
drawing as if it were a photo, and the portrait made of it."""

import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from engine.face.blendshapes import INDEX
from engine.face.learned import Config
from engine.face.likeness import Likeness
from engine.face.package import ASSETS, Package, load
from engine.frames import BLENDSHAPES, SAMPLES_PER_FRAME, Motion
from engine.render.renderer import Renderer
from engine.tracker.models import Models
from engine.train.avatar import read
from engine.train.bust import I64
from engine.train.clay import Clay
from engine.train.neural.alignment import POINTS, Aligned, Aligner
from engine.train.neural.filming import SIZE, Scene, heard
from engine.train.neural.footage import Footage, Square
from engine.train.neural.identity import anchored
from engine.train.neural.mount import mount
from engine.train.neural.texturer import Joint
from engine.train.neural.unwrap import SIZE as WHOLE
from engine.train.neural.unwrap import Unwrapped, projected

FRAMES = 8


@pytest.fixture(scope="session")
def models(networks: Path) -> Models:
    pytest.importorskip("ai_edge_litert", reason="needs the extra `tracker`")
    return Models.load(networks)


@pytest.fixture(scope="session")
def fitted() -> tuple[Package, I64]:
    """A package and where the landmarks lie on it."""
    package, who = load("mira"), read(ASSETS / "mira" / "recipe.json")
    return package, anchored(Clay.load(), who, package)


@pytest.fixture(scope="session")
def scene(fitted: tuple[Package, I64], tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A video of mira, who turns by 2 degrees a frame and opens her mouth."""
    package, vertex = fitted
    renderer, aligner = Renderer(package, SIZE), Aligner(package, vertex, SIZE)
    weights = np.zeros((FRAMES, BLENDSHAPES), np.float32)
    weights[:, INDEX["jawOpen"]] = np.linspace(0, 0.5, FRAMES)
    pose = np.zeros((FRAMES, 6), np.float32)
    pose[:, 0] = 2 * np.arange(FRAMES)
    points = np.zeros((FRAMES, 478, 3), np.float32)
    path = tmp_path_factory.mktemp("video") / "mira.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.height = stream.width = SIZE
        stream.pix_fmt, stream.bit_rate = "yuv420p", 8_000_000
        for t in range(FRAMES):
            points[t, :POINTS, :2] = aligner.project(weights[t], pose[t].astype(float))
            rgb = renderer.render_rgb(Motion(0, weights[t], pose[t]))
            file.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        file.mux(stream.encode())
    # A square that is the whole picture, so that the mesh lies on what was drawn.
    points[:, 10, :2], points[:, 152, :2] = (SIZE / 2, 0.17 * SIZE), (SIZE / 2, 0.79 * SIZE)
    start = np.arange(FRAMES, dtype=np.int64) * SAMPLES_PER_FRAME
    footage = Footage(path, np.arange(FRAMES), start, points, weights, np.zeros(0, np.float32))
    aligned = Aligned(weights, pose, np.zeros((FRAMES, POINTS), np.float32))
    return Scene("mira", footage, aligned, *heard(footage))


@pytest.fixture(scope="session")
def portrayed(fitted: tuple[Package, I64]) -> Unwrapped:
    """A drawing of mira as if it were a photo, unwrapped without networks."""
    package, vertex = fitted
    points = np.zeros((478, 3), np.float32)
    calm = Motion(0, np.zeros(BLENDSHAPES, np.float32), np.zeros(6, np.float32))
    points[:468] = projected(package, calm)[vertex]
    for first, rim in ((468, (33, 133)), (473, (362, 263))):
        points[first : first + 5] = points[list(rim)].mean(0)
        points[first + 1 : first + 5, :2] += [[9, 0], [0, 9], [-9, 0], [0, -9]]
    picture = Renderer(package, WHOLE).render_rgb(calm)
    weights = np.zeros(BLENDSHAPES, np.float32)
    return Unwrapped(picture, Square(0, 0, WHOLE), points, package, vertex, weights)


@pytest.fixture(scope="session")
def drawn(portrayed: Unwrapped, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Its portrait, drawn by the warp."""
    folder = tmp_path_factory.mktemp("portrait") / "you"
    shutil.copytree(ASSETS / "mira", folder)
    config = Config(size="small", kind="portrait", ppg=False, default=True)
    return mount(portrayed, folder, Likeness("invented person", None), config, Joint("small"))
