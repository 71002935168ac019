"""Pictures of many sessions: on a device (the kernels on the CPU), and on the CPU where there is
none or it fails."""

import gc
import logging

import numpy as np
import pytest

from engine.avatar import Avatar
from engine.batch import Batch
from engine.errors import RuntimeUnavailable
from engine.face.package import load
from engine.frames import Motion, Video
from engine.render.renderer import Renderer
from engine.render.screen import Screen, open_screen
from engine.render.setting import Setting
from kernels.cuda.backend import Backend, CudaError
from kernels.cuda.build import CudaUnavailable
from tests.engine.render.test_device import motion
from tests.kernels.cuda.shim import Shim


def drawn(answers: list[Video | None]) -> list[np.ndarray]:
    assert None not in answers
    return [answer.i420.astype(int) for answer in answers if answer is not None]


def test_avatars_sizes_and_settings_share_a_call() -> None:
    one = Renderer("vix", 64)
    renderers = [one, Renderer("mira", (96, 64)), one.staged(Setting(outline=0)), one]
    turns = [(renderer, motion(n)) for n, renderer in enumerate(renderers)]
    assert Screen().render(turns) == [None] * 4
    for found, (renderer, move) in zip(drawn(Screen(Shim()).render(turns)), turns, strict=True):
        alone = renderer.render(move).i420.astype(int)
        assert found.shape == alone.shape and (np.abs(found - alone) > 1).mean() < 2e-3


def test_who_is_gone_leaves_the_device() -> None:
    screen, package = Screen(Shim()), load("vix")
    for n in range(3):
        renderer = Renderer(package, 64)
        drawn(screen.render([(renderer, motion(n))]))
        del renderer
        gc.collect()
    assert len(screen._seats) == 1


class Failing(Shim):
    """A card that is lost."""

    def synchronize(self) -> None:
        raise CudaError("cuStreamSynchronize answers CUDA_ERROR_LAUNCH_FAILED")


def test_a_device_that_fails_is_left_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    screen, renderer = Screen(Failing()), Renderer("vix", 64)
    for n in range(2):
        assert screen.render([(renderer, motion(n))]) == [None]
    assert caplog.text.count("the GPU fails") == 1 and screen.together == 1


def test_what_is_wrong_with_one_is_left_to_renderers(caplog: pytest.LogCaptureFixture) -> None:
    renderer, screen = Renderer("vix", 64), Screen(Shim())
    bad = Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32))
    object.__setattr__(bad, "weights", np.zeros(3, np.float32))
    assert screen.render([(renderer, bad), (renderer, motion(1))]) == [None, None]
    assert "one by one" in caplog.text
    assert len(drawn(screen.render([(renderer, motion(1))]))) == 1


def test_a_batch_draws_on_the_screen() -> None:
    avatar = Avatar.load("vix", 64)
    batch = Batch(Screen(Shim()))
    (video,) = batch.draw([(avatar, motion(3))])
    assert isinstance(video, Video)
    alone = avatar.render(motion(3)).i420.astype(int)
    assert (np.abs(video.i420 - alone) > 1).mean() < 2e-3


def test_a_device_is_chosen(caplog: pytest.LogCaptureFixture) -> None:
    def absent() -> Backend:
        raise CudaUnavailable("no NVIDIA driver: use the CPU")

    caplog.set_level(logging.INFO)
    assert open_screen("auto", absent).together == 1
    assert caplog.text.count("no NVIDIA driver") == 1
    with pytest.raises(RuntimeUnavailable, match="no NVIDIA driver"):
        open_screen("cuda", absent)
    assert open_screen("cuda", Shim).together > 1 == open_screen("cpu", absent).together
    with pytest.raises(RuntimeUnavailable, match="unknown"):
        open_screen("gpu")
