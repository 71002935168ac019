"""The trainer learns, goes on where it stopped, and binds what it made to its package."""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.errors import PackageError, WeightsError
from engine.face.learned import Config
from engine.face.package import load
from engine.nets.texture import sample, spread
from engine.nets.unet import UNet, UNetConfig
from engine.train.neural import apprentice, binding, toy
from engine.train.neural.clip import join
from engine.train.neural.course import TINY, add_options, digest, fit, recipe_of, resized
from engine.train.neural.lesson import Backdrop, Lesson, halved
from engine.train.neural.projecting import fill, project
from engine.train.neural.shots import Shots, write
from engine.train.neural.trainer import Painter, Recipe, Trainer
from tests.engine.train.neural.test_shots import made

CONFIG = Config(size="small", kind="teacher")
ABOUT = {"steps": 1, "recipes": [asdict(TINY)], "held": False, "measured": {}, "frames": 1,
         "minutes": 0.0, "device": "cpu"}  # fmt: skip


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
        uv = torch.from_numpy(shots[n].uv[part])[None]
        met = (~torch.isnan(uv[..., 0])).any(-1)[:, None].float()
        truth = spread(sample(texture, uv), met)
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
    seen, drawn = drop.ours(clear).rgb, lesson.plain[:, 4:5].expand(-1, 3, -1, -1)
    assert torch.equal(seen[drawn == 0], halved(bare.target)[drawn == 0])
    assert not seen[drawn == 1].any()
    skip = replace(bare, behind=True).image(torch.ones(1, 8, 16, 16))[:, :3]
    assert torch.equal(skip[drawn == 0], lesson.plain[:, 5:8][drawn == 0])
    around = F.max_pool2d((bare.looks[:, None] == 0).float(), 3, 1, 1)
    inside = (drawn > 0) & (around == 0)
    assert torch.allclose(skip[inside], torch.ones(())) and inside.any()
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


def test_training_improves_and_tells_what_was_held_out(toon: Path, tmp_path: Path) -> None:
    recipe = replace(TINY, steps=30, critic_from=0.8)
    _, about = fit(Shots(toon), UNetConfig.of("small", x2=False), recipe, tmp_path, eye=None)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["held"]["psnr"] > rows[0]["held"]["psnr"] + 0.3
    assert {"adversarial", "pixel", "alpha", "temporal"} <= set(rows[-1]["loss"])
    assert (tmp_path / "losses.png").is_file() and len(list(tmp_path.glob("preview_*.png"))) == 2
    assert about["held"] and "never trained on" in binding.card("mira", CONFIG, about, "")
    own = {**about, "held": False}
    assert "that it was trained on" in binding.card("mira", CONFIG, own, "")
    assert binding.told(own)["trained_psnr"] == about["measured"]["psnr"]


def test_a_resumed_training_goes_on_as_if_it_had_not_stopped(toon: Path, tmp_path: Path) -> None:
    def trainer() -> Trainer:
        recipe = replace(TINY, steps=12, critic_from=0.2, critic_every=1)
        texture = torch.full((1, 8, 16, 16), 0.5)
        return Trainer(Shots(toon), texture, UNetConfig.of("small", x2=False), recipe, None)

    first = trainer()
    for _ in range(6):
        first.advance()
    first.save(tmp_path / "checkpoint.pt")
    # A restart draws other crops than no restart; two restarts draw the same.
    ends = []
    for _ in range(2):
        again = trainer()
        again.load(tmp_path / "checkpoint.pt")
        assert (again.step, again.seconds) == (6, first.seconds)
        for old, new in ((first.optimiser, again.optimiser), (first.against, again.against)):
            kept, found = old.state_dict()["state"], new.state_dict()["state"]
            assert all(torch.equal(kept[i]["exp_avg"], found[i]["exp_avg"]) for i in kept)
        for name, value in first.critic.state_dict().items():
            assert torch.equal(value, again.critic.state_dict()[name])
        for _ in range(3):
            again.advance()
        ends.append(again)
    assert ends[0].step == 9
    for name, value in ends[0].average.items():
        assert torch.equal(value, ends[1].average[name])
        assert torch.isfinite(value).all()
    assert not torch.equal(ends[0].average["texture"], first.average["texture"])
    changed = trainer()
    changed.recipe = replace(changed.recipe, rate=1e-4)
    changed.history[0]["rate"] = 1e-4
    changed.load(tmp_path / "checkpoint.pt")
    assert [row["from_step"] for row in changed.history] == [0, 6]
    assert len(ends[0].history) == 1


def test_a_training_starts_with_another_avatars_network(toon: Path, tmp_path: Path) -> None:
    config = UNetConfig.of("small")
    painter = Painter(config, torch.rand(1, 8, 16, 16))
    with torch.no_grad():
        painter.net.out.bias += 0.25
    own = binding.bind("mira", tmp_path / "old", painter, CONFIG, ABOUT).learned
    assert own is not None
    start = replace(own, config=replace(own.config, trained={}))  # of nobody known
    recipe = replace(TINY, steps=1, rate=0.0, texture_rate=0.0)
    new, about = fit(Shots(toon), config, recipe, tmp_path / "new", eye=None, start=start)
    assert digest(start) in binding.card("mira", CONFIG, about, "")
    assert torch.allclose(new.net.out.bias, painter.net.out.bias, atol=1e-3)
    assert (new.texture[0, 3:].mean((1, 2)) - painter.texture[0, 3:].mean((1, 2))).abs().max() < 0.1
    with pytest.raises(WeightsError, match="use --size"):
        fit(Shots(toon), UNetConfig.of("large"), recipe, tmp_path / "no", eye=None, start=start)
    finer = replace(recipe, side=32)
    new, _ = fit(Shots(toon), config, finer, tmp_path / "finer", eye=None, start=own)
    assert torch.allclose(new.texture, resized(painter.texture.detach(), 32), atol=1e-2)


def test_a_small_network_is_taught_beside_a_large_one(toon: Path, tmp_path: Path) -> None:
    package = tmp_path / "package"
    painter = Painter(UNetConfig.of("large"), torch.rand(1, 8, 16, 16))
    large = binding.bind("mira", package, painter, Config("large", "teacher"), ABOUT).learned
    options = ["--avatar", str(package), "--out", str(package), "--shots", str(toon)]
    for _ in range(2):  # a second one replaces the first
        assert apprentice.main([*options, "--beside", "--tiny"]) == 0
    both = load(package).learned
    assert large is not None and both is not None and both.small is not None
    np.testing.assert_array_equal(both.texture, large.texture)
    for name, value in large.weights.items():
        np.testing.assert_array_equal(both.weights[name], value)
    own = UNet(UNetConfig.of("small")).state_dict()
    assert {n: v.shape for n, v in both.small.items()} == {n: v.shape for n, v in own.items()}
    assert both.config.trained["small_steps"] == TINY.steps and both.config.trained["steps"] == 1
    card = (package / binding.CARD).read_text()
    assert card.count("The small network beside it") == 1 and "large network" in card
    assert "--avatar package --shots SHOTS --out PACKAGE --beside" in card
    past = binding.before(package)
    assert "large network" in past and "beside" not in past and binding.before("noa") == ""
    with pytest.raises(PackageError, match="no large look"):
        binding.shared(load("noa"))


def test_sets_without_long_enough_clips_are_refused(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(WeightsError, match="longest clip to train on has 3 frames, expected 4"):
        fit(Shots(tmp_path), UNetConfig.of("small"), replace(TINY, frames=4), tmp_path, eye=None)


def test_longer_windows_cost_a_step_as_much() -> None:
    def recipe(*flags: str) -> Recipe:
        parser = argparse.ArgumentParser()
        add_options(parser)
        return recipe_of(parser.parse_args(flags))

    pairs, clips, memory = recipe("--window", "2"), recipe(), recipe("--recurrent")
    assert (pairs.frames, clips.frames, memory.frames) == (2, 16, 16)
    assert clips.batch * clips.size**2 == pairs.batch * pairs.size**2 == 8 * 128**2
    assert memory == replace(clips, whole=1.0)
    slow = recipe("--rate", "1e-3", "--steps", "9", "--critic", "1")
    assert (slow.rate, slow.texture_rate, slow.critic_from) == (1e-3, 2e-3, 1.0)
    assert (slow.steps, slow.minutes) == (9, None)


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
    card = (out / binding.CARD).read_text()
    assert "python -m engine.train renderer teacher --avatar mira" in card
    assert str(tmp_path) not in card
    shot = toy.take(package, 64, toy.wander(1, 0), lambda _: np.zeros((64, 64, 4), np.uint8))
    write(tmp_path / "other", "one", 1, shot, about={"mesh": "0"})
    with pytest.raises(PackageError, match="make the shots again"):
        binding.check(Shots(tmp_path / "other"), package)
