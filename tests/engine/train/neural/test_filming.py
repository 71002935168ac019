"""What is filmed is what live use has: the mesh, the sound, surroundings without the face."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.face.learned import Config
from engine.face.package import Package
from engine.frames import BLENDSHAPES, SAMPLE_RATE, SAMPLES_PER_FRAME, U8
from engine.offline import perform
from engine.render.neural import Neural
from engine.train.bust import I64
from engine.train.neural.clip import Clip
from engine.train.neural.filming import SIZE, Camera, Scene, heard
from engine.train.neural.footage import Footage
from engine.train.neural.lesson import Lesson
from engine.train.neural.shots import write
from engine.train.neural.showing import _mean, strip
from tests.engine.train.neural.conftest import FRAMES
from tests.looks import dressed


def test_shots_are_whole_and_hide_the_face(
    fitted: tuple[Package, I64], scene: Scene, tmp_path: Path
) -> None:
    camera = Camera(*fitted)
    path = write(tmp_path, "clip", FRAMES, camera.shots(scene, None, slice(None)))
    crop = Clip(path).crop(0, FRAMES)
    hole = camera.hole(scene.motion(0))
    assert ((crop.coverage[0] > 0) == hole).all()  # that is what is drawn
    behind, true = crop.background[0] * 255, crop.target[0].astype(np.float32)
    np.testing.assert_allclose(behind[~hole], true[~hole], atol=0.01)
    face = behind[100:150, 110:146].reshape(-1, 3)
    assert float(face.std(0).max()) < 10 < float(true[100:150, 110:146].reshape(-1, 3).std(0).max())
    assert set(np.unique(crop.region)) == {0, 1, 2, 3}
    assert crop.motion[2, BLENDSHAPES] == pytest.approx(4)


def test_what_is_learnt_from_is_what_is_drawn_from_live(
    fitted: tuple[Package, I64], scene: Scene, tmp_path: Path
) -> None:
    camera = Camera(*fitted)
    plate = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    person = Config("small", "person", background="plate", erode=camera.erode)
    path = dressed(tmp_path / "mira", person, noise=0.1, plate=Image.fromarray(plate))
    neural, frame = Neural(path, SIZE), 3
    neural.render_rgb(scene.motion(frame))
    part = slice(frame, frame + 1)
    write(tmp_path, "clip", 1, camera.shots(scene, plate, part))
    lesson = Lesson.of(Clip(tmp_path / "clip").crop(0))
    texture = torch.from_numpy(neural.learned.texture.astype(np.float32)).permute(2, 0, 1)
    learnt, live = lesson.image(texture[None])[0].numpy(), neural._mesh.image
    assert (learnt[12] == live[12]).all()
    np.testing.assert_allclose(learnt[13:], live[13:], atol=0.003)
    off = np.abs(learnt[:12] - live[:12]).max(0)
    assert np.quantile(off, 0.999) < 0.01  # corners of triangles fall to either side


def test_the_hole_follows_the_head_and_can_be_narrower(
    fitted: tuple[Package, I64], scene: Scene
) -> None:
    camera = Camera(*fitted)
    first, last = camera.hole(scene.motion(0)), camera.hole(scene.motion(2))
    assert (first != last).any()
    inner = camera.hole(scene.motion(0), 0.02)
    assert inner.sum() < first.sum() and not (inner & ~first).any()


def test_a_plate_has_no_face(fitted: tuple[Package, I64], scene: Scene) -> None:
    plate = Camera(*fitted).plate(scene, slice(None))
    assert plate.shape == (SIZE, SIZE, 3)
    face = plate[100:150, 110:146].reshape(-1, 3)
    assert float(face.std(0).max()) < 25  # no eyes, no mouth


def test_windows_are_what_the_line_hears(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    pcm = (0.1 * rng.standard_normal(SAMPLE_RATE)).astype(np.float32)
    count = 20
    start = np.arange(count, dtype=np.int64) * SAMPLES_PER_FRAME
    empty = np.zeros((count, 0), np.float32)
    footage = Footage(Path("clip.mp4"), np.arange(count), start, empty, empty, pcm)
    live = [m for out in perform([(pcm, SAMPLE_RATE)]) for m in out.motions]
    windows, said = heard(footage)
    assert said is not None
    for t in range(4, count):  # before, the line still remembers a row from before the sound
        assert live[t].ppg is not None
        assert windows[t] == pytest.approx(live[t].ppg, abs=1e-5)
        assert said[t] == pytest.approx(live[t].weights, abs=1e-5)
    assert not scene.ppg.any() and scene.said is None  # a silent video says nothing


def test_strips_show_pictures_and_their_mouths() -> None:
    row: list[U8] = [np.full((SIZE, SIZE, 3), i, np.uint8) for i in range(3)]
    sheet = strip(row, (5, 250))
    assert sheet.shape == (2 * SIZE, 3 * SIZE, 3)
    assert [int(sheet[-1, i * SIZE, 0]) for i in range(3)] == [0, 1, 2]


def test_means_are_by_frames_and_counts_are_sums() -> None:
    rows = [(10, {"psnr": 30.0, "lost": 1.0}), (30, {"psnr": 34.0, "lost": 2.0})]
    assert _mean(rows) == {"psnr": 33.0, "lost": 3.0}
