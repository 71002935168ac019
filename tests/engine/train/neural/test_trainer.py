"""The trainer learns, goes on where it stopped, and binds what it made to its package."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.errors import PackageError
from engine.face.package import load
from engine.nets.texture import sample
from engine.nets.unet import UNetConfig
from engine.train.neural import apprentice, binding, toy
from engine.train.neural.course import TINY, fit
from engine.train.neural.lesson import Backdrop, Lesson
from engine.train.neural.projecting import fill, project
from engine.train.neural.shots import Shots, join, write
from engine.train.neural.trainer import Trainer
from tests.engine.train.neural.test_shots import made


@pytest.fixture(scope="module")
def toon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toon")
    toy.make(folder, "mira", 64, 6)
    return folder


def test_a_lesson_samples_as_the_kernel_does(tmp_path: Path) -> None:
    shots = made(tmp_path)
    texture = torch.rand(1, 8, 16, 16)
    clip = Shots(tmp_path).train[0]
    lesson = Lesson.of(join([clip.crop(1, 1, 1, 8, 16, 32), clip.crop(2, 1, 0, 0, 16, 32)]))
    image = lesson.image(texture)
    assert image.shape == (2, 16, 16, 32)
    for n, part in ((1, np.s_[1:17, 8:40]), (2, np.s_[0:16, 0:32])):
        truth = sample(texture, torch.from_numpy(shots[n].uv[part])[None])
        assert (image[n - 1, :8] - truth[0]).abs().max() < 2e-3
    assert torch.equal(image[0, 12], torch.from_numpy(shots[1].coverage[1:17, 8:40]))


def test_backdrops_hide_nothing_and_compare_alike(tmp_path: Path) -> None:
    made(tmp_path)
    lesson = Lesson.of(Shots(tmp_path).train[0].crop(0))
    drop = Backdrop(lesson, torch.full((1, 3, 1, 1), 0.5))
    truth, ours = drop.truth(), drop.ours(lesson.target)
    assert torch.allclose(truth.rgb, ours.rgb) and truth.alpha is not None
    bare = replace(lesson, target=lesson.target[:, :3])
    drop = Backdrop(bare, torch.full((1, 3, 1, 1), 0.5))
    clear = torch.zeros(1, 4, *lesson.looks.shape[1:])
    assert torch.allclose(drop.ours(clear).rgb, lesson.plain[:, 5:8])
    unknown = Backdrop(replace(bare, behind=False), torch.zeros(1, 3, 1, 1))
    assert torch.equal(unknown.ours(clear).rgb, clear[:, :3]) and unknown.truth().alpha is None


def test_unseen_texels_take_their_neighbours_colour() -> None:
    sums, weight = torch.zeros(3, 8, 8), torch.zeros(1, 8, 8)
    sums[:, :, :2], weight[:, :, :2] = 1.0, 2.0  # seen: colour one half
    assert torch.allclose(fill(sums, weight), torch.full((3, 8, 8), 0.5), atol=1e-5)


def test_projected_texture_shows_the_pictures(toon: Path) -> None:
    shots = Shots(toon)
    texture = project(shots, 64, 12)
    lesson = Lesson.of(shots.train[0].crop(3))
    inside = lesson.plain[:, 4:5] == 1
    drawn, truth = lesson.image(texture)[:, :3], lesson.target[:, :3]
    drawn, truth = drawn * inside, F.interpolate(truth, drawn.shape[-2:]) * inside
    assert (drawn - truth).abs().sum() / (3 * inside.sum()) < 0.06


def test_training_improves_and_resumes_with_the_same_numbers(toon: Path, tmp_path: Path) -> None:
    shots, config = Shots(toon), UNetConfig.of("small", x2=False)
    recipe = replace(TINY, steps=30, critic_from=0.8, frames=2)
    painter, about = fit(shots, config, recipe, tmp_path, eye=None)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["held"]["psnr"] > rows[0]["held"]["psnr"] + 0.3
    assert {"adversarial", "pixel", "alpha", "temporal"} <= set(rows[-1]["loss"])
    assert (tmp_path / "losses.png").is_file() and len(list(tmp_path.glob("preview_*.png"))) == 2
    again, said = fit(shots, config, recipe, tmp_path, eye=None, resume=True)
    assert said["held_out"] == about["held_out"] and said["steps"] == 30
    assert torch.equal(again.texture, painter.texture)


def test_a_recurrent_network_is_taught_on_windows(toon: Path) -> None:
    shots = Shots(toon)
    recipe = replace(TINY, frames=4, batch=4, size=32)
    config = UNetConfig.of("small", x2=False, recurrent=True)
    trainer = Trainer(shots, project(shots, 16, 2), config, recipe, None)
    losses = [sum(trainer.advance().values()) for _ in range(3)]
    grown = trainer.painter.net.memory.back.weight
    assert np.isfinite(losses).all() and float(grown.detach().abs().sum()) > 0


def test_the_command_writes_a_package_and_refuses_another_mesh(tmp_path: Path) -> None:
    out = tmp_path / "package"
    options = ["--tiny", "--shots", str(tmp_path / "shots"), "--out", str(out), "--size", "small"]
    assert apprentice.main(options) == 0
    package = load(out)
    assert package.learned is not None and package.learned.config.kind == "teacher"
    assert package.learned.config.trained["steps"] == TINY.steps
    assert "python -m engine.train renderer teacher --tiny" in (out / binding.CARD).read_text()
    shot = toy.take(package, 64, toy.wander(1, 0), lambda _: np.zeros((64, 64, 4), np.uint8))
    write(tmp_path / "other", "one", 1, shot, about={"mesh": "0"})
    with pytest.raises(PackageError, match="make the shots again"):
        binding.check(Shots(tmp_path / "other"), package)
