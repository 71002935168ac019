"""The neural renderer: pictures of a fresh network are known, so is what may not change them."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import Avatar, runtime
from engine.errors import FrameError, PackageError, RuntimeUnavailable
from engine.face.background import Gradient, Picture, Plain, Transparent
from engine.face.learned import FILE, Config, Erode
from engine.face.package import load
from engine.frames import Motion
from engine.render import neural
from engine.render.choose import choose, looks
from engine.render.neural import Neural, spread
from engine.render.renderer import Renderer
from engine.render.setting import Setting
from engine.render.toon import backdrop
from tests.golden.pictures import motion
from tests.looks import changed, dressed, weights

POSED = motion((12, 4, 2, 0, 0, 0), jawOpen=0.5)
SMALL = Config("small", "teacher")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A look whose network draws the texture as it is."""
    return dressed(tmp_path_factory.mktemp("fresh") / "mira", SMALL)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which every weight counts."""
    return dressed(tmp_path_factory.mktemp("trained") / "mira", SMALL, noise=0.03)


@pytest.fixture(scope="module")
def neat(trained: Path) -> Neural:
    return Neural(trained, 128)


def heard(seed: int) -> Motion:
    random = np.random.default_rng(seed)
    rows = random.random((8, 40)).astype(np.float32)
    return replace(POSED, ppg=rows / rows.sum(1, keepdims=True))


def test_a_fresh_network_draws_the_texture_over_the_background(fresh: Path) -> None:
    renderer = Neural(fresh, 256)
    image = renderer._mesh.draw(POSED, renderer._texture).copy()
    behind = backdrop(load(fresh).manifest.background, 256, 256)
    alpha = np.moveaxis(image[12:13], 0, 2)
    expected = alpha * np.moveaxis(image[:3], 0, 2) * 255 + (1 - alpha) * behind
    assert np.abs(renderer.render_rgb(POSED) - expected).max() < 2


@pytest.mark.parametrize("size", [128, 256, 384, 512, 1024, (1280, 720), (300, 420)])
def test_every_size_lies_on_the_toon_picture_pixel_by_pixel(
    fresh: Path, size: int | tuple[int, int]
) -> None:
    clear = Setting(background=Transparent(), outline=0)
    mine = Neural(fresh, size, clear).render_rgba(POSED)[..., 3] / 255
    toon = Renderer("mira", size, clear).render_rgba(POSED)[..., 3] / 255
    difference = mine - toon
    assert np.abs(difference).mean() < 0.005
    assert ((mine > 0.5) != (toon > 0.5)).mean() < 0.002
    assert abs(difference.mean()) < 1e-4
    # Slopes of the toon's alpha explain no difference: it is moved by less than 1/20 px.
    slopes = np.stack([slope.ravel() for slope in np.gradient(toon)], 1)
    moved = np.linalg.lstsq(slopes, difference.ravel(), rcond=None)[0]
    assert np.abs(moved).max() < 0.05


def test_the_network_sees_one_scale(trained: Path) -> None:
    exact = Neural(trained, 512)
    seen, (height, width) = exact.render_rgb(heard(1)).astype(float), exact._mesh.shape
    assert (height, width) == (256, 256)
    for size in (64, 300, 640):
        small = Neural(trained, size)
        assert small._mesh.shape == (256, 256)
        picture = small.render_rgb(heard(1)).astype(float)
        expected = np.asarray(
            Image.fromarray(seen.astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
        )
        # Alpha of a gradient behind is not resized, and small ones have another head.
        assert np.abs(picture - expected).mean() < (8 if size == 64 else 2)


def test_same_motion_same_bytes_whatever_came_before(neat: Neural) -> None:
    first = neat.render(POSED)
    copy = first.i420.copy()
    other = neat.render(motion((20, 5, 3, 0, 0, 0), mouthSmile=1.0))
    np.testing.assert_array_equal(first.i420, copy)
    np.testing.assert_array_equal(neat.render(POSED).i420, copy)
    assert (other.i420 != copy).any() and first.start == 0


@pytest.mark.parametrize("size", [64, 90, (300, 280), (128, 72), (72, 128)])
def test_sizes_give_valid_video(fresh: Path, size: int | tuple[int, int]) -> None:
    renderer = Neural(fresh, size)
    video = renderer.render(motion())
    width, height = (size, size) if isinstance(size, int) else size
    assert (video.width, video.height, renderer.size) == (width, height, size)
    luma = video.i420[:height]
    assert luma.min() >= 16 and luma.max() <= 235 and luma.std() > 10


def test_a_wide_picture_shows_more_on_both_sides(fresh: Path, trained: Path) -> None:
    clear = Setting(background=Transparent())
    # Rounded up to different grids, whose middles are one.
    wide, wider = (Neural(fresh, (w, 72), clear).render_rgba(POSED) for w in (128, 144))
    np.testing.assert_allclose(wide, wider[:, 8:-8], atol=2)
    # Exact: 96 px of the answer are 3 steps of the network.
    whole = Neural(trained, (704, 512), clear, precision="f32").render_rgba(POSED)[:, 96:-96]
    square = Neural(trained, 512, clear, precision="f32").render_rgba(POSED)
    middle = np.s_[192:-192, 192:-192]
    np.testing.assert_allclose(whole[middle].astype(int), square[middle], atol=2)


def test_backgrounds(fresh: Path) -> None:
    renderer = Neural(fresh, 64)
    photo = np.random.default_rng(0).integers(0, 256, (50, 80, 3), np.uint8)
    for background in (Plain("#ff0000"), Gradient("#000000", "#ffffff", "#00ff00"), Picture(photo)):
        staged = renderer.staged(Setting(background=background))
        rgba = staged.render_rgba(motion())
        np.testing.assert_array_equal(rgba[0, 0, :3], backdrop(background, 64, 64)[0, 0])
        assert (rgba[..., 3] == 255).all()
        assert staged.graph is renderer.graph
    rgba = renderer.staged(Setting(background=Transparent())).render_rgba(motion())
    assert rgba[0, 0, 3] == 0 and rgba[40, 32, 3] == 255
    assert ((rgba[..., 3] > 0) & (rgba[..., 3] < 255)).sum() > 40
    green = renderer.staged(Setting(background=Transparent())).render_rgb(motion())[0, 0]
    assert green.tolist() == [0, 0xB1, 0x40]
    # The first one is as it was.
    assert isinstance(renderer.background, Gradient)


def test_motions_that_are_no_numbers(neat: Neural) -> None:
    broken = Motion(0, np.full(52, np.nan, np.float32), np.full(6, np.inf, np.float32))
    assert neat.render(broken).i420.std() > 5
    silent = replace(motion(), ppg=np.full((8, 40), np.nan, np.float32))
    zeros = replace(motion(), ppg=np.zeros((8, 40), np.float32))
    np.testing.assert_array_equal(neat.render(silent).i420, neat.render(zeros).i420)


def test_it_listens(neat: Neural) -> None:
    one, two = (neat.render_rgb(heard(seed)) for seed in (1, 2))
    assert (one != two).any()
    unheard = replace(POSED, ppg=np.zeros((8, 40), np.float32))
    np.testing.assert_array_equal(neat.render_rgb(POSED), neat.render_rgb(unheard))


def test_runtimes_agree(trained: Path) -> None:
    pictures = [
        Neural(trained, 64, runtime=name, precision="f32").render_rgb(heard(1)).astype(int)
        for name in ("openvino", "onnxruntime")
    ]
    assert np.abs(pictures[0] - pictures[1]).max() <= 2


def test_without_openvino_onnxruntime_draws_and_says_so_once(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def absent(path: Path, which: str, **wish: object) -> runtime.Graph:
        if which == "openvino":
            raise RuntimeUnavailable("install it with pip install openvino")
        return runtime.load(path, which, **wish)  # type: ignore[arg-type]

    monkeypatch.setattr(neural, "open_graph", absent)
    neural._lacking.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert Neural(fresh, 64).render_rgb(motion()).shape == (64, 64, 3)
    assert [r.getMessage() for r in caplog.records if "pip install openvino" in r.getMessage()]
    assert len(caplog.records) == 1
    with pytest.raises(RuntimeUnavailable, match="unknown"):
        Neural(fresh, 64, runtime="abacus")


def test_a_recurrent_network_remembers_only_what_it_is_given(tmp_path: Path) -> None:
    path = dressed(tmp_path / "mira", replace(SMALL, recurrent=True), noise=0.03)
    renderer = Neural(path, 64)
    state = renderer.init_state()
    assert state.shape[0] == 1 and state.shape[2:] == (16, 16)
    first, second = renderer.step(POSED, state)
    later, _ = renderer.step(POSED, second)
    assert (later.i420 != first.i420).any() and not np.shares_memory(state, second)
    np.testing.assert_array_equal(renderer.step(POSED, state)[0].i420, first.i420)
    np.testing.assert_array_equal(renderer.render(POSED).i420, first.i420)


def test_a_recurrent_look_is_refused_where_nobody_keeps_what_it_remembers(tmp_path: Path) -> None:
    path = dressed(tmp_path / "mira", replace(SMALL, recurrent=True, default=True))
    for load_it in (
        lambda: choose(path, 64),
        lambda: choose(path, 64, look="neural"),
        lambda: Avatar.load(path, 64),
        lambda: Avatar.load(path, 64, setting=Setting(look="toon")).staged(Setting(look="neural")),
    ):
        with pytest.raises(PackageError, match=r"use Neural\.step"):
            load_it()
    assert isinstance(choose(path, 64, look="toon"), Renderer) and looks(load(path)) == ("toon",)


def test_a_stateless_network_remembers_nothing(neat: Neural) -> None:
    video, state = neat.step(POSED, neat.init_state())
    assert state.size == 0
    np.testing.assert_array_equal(video.i420, neat.render(POSED).i420)


def test_a_persons_background_is_shown_and_seen_without_the_face(tmp_path: Path) -> None:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    photo = photo.resize((256, 256), Image.Resampling.NEAREST)
    oval = tuple(load("mira").manifest.landmarks.values())
    person = Config("small", "person", default=True, background="plate", erode=Erode(oval, 0.06))
    path = dressed(tmp_path / "mira", person, noise=0.02, plate=photo)
    renderer = choose(path, 256)
    assert isinstance(renderer, Neural)
    np.testing.assert_array_equal(renderer.learned.plate, np.asarray(photo))
    assert np.abs(renderer.render_rgb(POSED)[0, 0].astype(int) - np.asarray(photo)[0, 0]).max() < 60
    seen = renderer._mesh.image[13:16]
    hole = renderer._mesh.image[12] > 0
    assert hole[128, 128] and not hole[0, 0] and 0.1 < hole.mean() < 0.8
    still = np.moveaxis(np.asarray(photo), 2, 0) / np.float32(255)
    assert np.abs(seen - still)[:, hole].mean() > 0.1  # nothing of the picture there, only its rim
    np.testing.assert_array_equal(seen[:, ~hole], still[:, ~hole])
    np.testing.assert_array_equal(renderer._mesh.image[:3][:, ~hole], still[:, ~hole])
    np.testing.assert_allclose(seen[:, 0, 0], np.asarray(photo)[0, 0] / 255, atol=1e-6)
    # Hair and shoulders are the plate's: there is no other background.
    plain = renderer.staged(Setting(background=Plain("#000000")))
    np.testing.assert_array_equal(plain.render_rgb(POSED), renderer.render_rgb(POSED))
    # But a picture given for one frame is seen and shown.
    white = np.full((256, 256, 3), 255, np.uint8)
    over = renderer.render_over(POSED, white)
    assert (over != renderer.render_rgb(POSED)).any()
    assert (renderer._mesh.image[13:16, 0, 0] == seen[:, 0, 0]).all()
    np.testing.assert_array_equal(
        renderer.render_over(POSED, np.asarray(photo)), renderer.render_rgb(POSED)
    )
    with pytest.raises(FrameError, match="expected uint8"):
        renderer.render_over(POSED, white[:128])


def test_a_plate_that_is_not_seen_may_be_replaced(tmp_path: Path) -> None:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    portrait = Config("small", "portrait", default=True, background="plate")
    renderer = choose(dressed(tmp_path / "mira", portrait, plate=photo), 64)
    assert isinstance(renderer, Neural)
    np.testing.assert_array_equal(renderer.render_rgb(motion())[0, 0], np.asarray(photo)[0, 0])
    plain = renderer.staged(Setting(background=Plain("#102030")))
    assert plain.render_rgb(motion())[0, 0].tolist() == [0x10, 0x20, 0x30]
    assert (renderer._mesh.image[13:16] == 0).all()


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (31, 31)])
def test_a_plate_covers_any_picture(shape: tuple[int, int]) -> None:
    plate = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
    assert spread(plate, *shape).shape == (*shape, 3)
    np.testing.assert_array_equal(spread(plate, 20, 24), plate)


def test_choosing(fresh: Path) -> None:
    assert isinstance(choose(fresh, 64), Renderer)  # the cast stays drawn unless asked otherwise
    assert isinstance(choose(fresh, 64, look="neural"), Neural)
    assert isinstance(choose("mira", 64, look="toon"), Renderer)
    with pytest.raises(PackageError, match="no neural look"):
        choose("noa", 64, look="neural")
    with pytest.raises(FrameError, match="auto, toon, neural"):
        choose("mira", 64, look="oil")


def test_an_avatar_wears_the_look_it_is_asked_for(fresh: Path) -> None:
    avatar = Avatar.load(fresh, 64, setting=Setting(look="neural"))
    assert isinstance(avatar.renderer, Neural) and avatar.size == 64
    staged = avatar.staged(Setting(background=Plain("#000000"), look="neural"))
    assert isinstance(staged.renderer, Neural) and staged.render(motion()).i420[0, 0] == 16
    assert isinstance(Avatar.load(fresh, 64).renderer, Renderer)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = dressed(tmp_path / "mira", SMALL)
    good = weights(SMALL)
    first = next(iter(good))
    for bad in (
        {k: v for k, v in good.items() if k != first},
        good | {"extra.weight": np.zeros(3, np.float32)},
        good | {first: np.zeros((1, 2), np.float32)},
        weights(replace(SMALL, size="large")),
    ):
        (path / FILE).write_bytes(changed(SMALL, bad))
        with pytest.raises(PackageError, match=r"renderer\.safetensors"):
            Neural(path, 64)


def test_absurd_weights_still_give_a_picture(tmp_path: Path) -> None:
    path = dressed(tmp_path / "mira", SMALL)
    random = np.random.default_rng(0)
    wild = {k: random.choice([-6e4, 6e4], v.shape) for k, v in weights(SMALL).items()}
    (path / FILE).write_bytes(changed(SMALL, wild))
    renderer = Neural(path, 64, Setting(background=Plain("#102030")))
    rgb = renderer.render_rgb(POSED)
    np.testing.assert_array_equal(renderer.render_rgb(POSED), rgb)
    rgba, _ = renderer._answer(POSED, renderer.init_state())
    assert np.isfinite(rgba).all() and rgba.min() >= 0 and rgba.max() <= 1
    # Each pixel is what the network says over the background, whatever that is.
    black, white = (renderer.staged(Setting(background=Plain(c))) for c in ("#000000", "#ffffff"))
    dark, bright = black.render_rgb(POSED), white.render_rgb(POSED)
    assert (dark <= rgb).all() and (rgb <= bright).all()


def test_landmarks_and_gbuffer_are_those_of_the_toon(neat: Neural) -> None:
    toon = Renderer("mira", 128)
    for name, at in toon.landmarks(POSED).items():
        np.testing.assert_array_equal(neat.landmarks(POSED)[name], at)
    np.testing.assert_array_equal(neat.gbuffer(POSED).mask, toon.gbuffer(POSED).mask)
    neat.warm()


def test_what_stands_in_shows_the_same_face_before_the_same_background(tmp_path: Path) -> None:
    """The mouth must not jump, nor the room, when time is short."""
    plate = Image.new("RGB", (128, 128), "#2040c0")
    config = Config(
        "small", "person", default=True, background="plate", erode=Erode((1, 2, 3), 0.1)
    )
    avatar = Avatar.load(dressed(tmp_path / "ada", config, plate=plate), 128)
    plain = avatar.plain()
    assert avatar.look == "neural" and avatar.settled and plain is not None
    assert plain.look == "toon" and plain is avatar.plain() and plain.plain() is None
    np.testing.assert_array_equal(avatar.renderer.vertices(POSED), plain.renderer.vertices(POSED))
    mine, theirs = avatar.render(POSED).i420, plain.render(POSED).i420
    np.testing.assert_allclose(mine[5:20, 5:20].astype(int), theirs[5:20, 5:20], atol=2)
    chosen = avatar.staged(Setting(look="toon"))
    assert chosen.look == "toon" and not chosen.settled and chosen.looks == ("toon", "neural")


def test_the_networks_precision_is_told_and_the_reference_is_float32(trained: Path) -> None:
    exact, live = Neural(trained, 64, precision="f32"), Neural(trained, 64)
    assert exact.graph.precision == "f32" and live.graph.precision in ("f32", "bf16", "f16")
    error = np.abs(exact.render_rgb(POSED).astype(int) - live.render_rgb(POSED))
    assert error.mean() < 1.5
    assert Neural(trained, 64, runtime="onnxruntime").graph.precision == "f32"
