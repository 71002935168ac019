"""The GPU's renderer, its kernels run on the CPU, against the renderer of one avatar."""

import numpy as np
import pytest

from engine.errors import FrameError
from engine.face.background import Plain
from engine.face.package import load
from engine.frames import Motion
from engine.render.device import DeviceRenderer
from engine.render.renderer import Renderer, Size
from engine.render.setting import Setting
from kernels.cuda import build
from kernels.cuda.backend import Backend, CudaBackend
from tests.kernels.cuda.driver import Driver
from tests.kernels.cuda.shim import Shim


def motion(seed: int) -> Motion:
    random = np.random.default_rng(seed)
    weights = np.float32(random.uniform(0, 1, 52) * (random.random(52) < 0.3))
    pose = np.float32(random.uniform(-1, 1, 6) * [30, 15, 15, 0.2, 0.1, 0.3])
    return Motion(640 * seed, weights, pose, swing=np.float32(random.uniform(-5, 5, 3)))


LOOKS = (
    ("mira", Setting()),
    ("kenji", Setting(light=(-0.5, 0.4, 0.6), outline=2)),
    ("mira", Setting(palette={"hair": "#2244aa"}, background=Plain("#335577"), outline=0)),
)


def compare(backend: Backend, size: Size) -> DeviceRenderer:
    """Batches of one, two and three at different motions, as the CPU draws them one by one."""
    packages = {name: load(name) for name, _ in LOOKS}
    device = DeviceRenderer(backend, size, most=4)
    numbers = [device.add(packages[name], setting) for name, setting in LOOKS]
    alone = [Renderer(packages[name], size, setting) for name, setting in LOOKS]
    for tick, who in enumerate(([0], [2, 1], [1, 0, 2], [1], [0, 0, 1, 2, 2])):
        motions = [motion(10 * tick + n) for n in range(len(who))]
        drawn = device.render([numbers[n] for n in who], motions)
        for n, move, video in zip(who, motions, drawn, strict=True):
            wanted = alone[n].render(move)
            assert video.start == move.start and video.i420.shape == wanted.i420.shape
            apart = np.abs(video.i420.astype(int) - wanted.i420)
            # Vertices differ by rounding, which may turn a sample on an edge.
            assert (apart > 1).mean() < 2e-3 and (apart**2).mean() < 0.5, (tick, n)
    return device


def test_batches_of_avatars_and_settings_look_as_each_alone() -> None:
    compare(Shim(), (130, 96))


def test_pictures_do_not_depend_on_their_company() -> None:
    device = DeviceRenderer(Shim(), 64, most=4)
    one, two = device.add(load("vix")), device.add(load("mira"))
    (alone,) = device.render([one], [motion(1)])
    for company in ([one, two], [two, one, two], [one, one, two, two]):
        motions = [motion(1) if n == one else motion(2) for n in company]
        for n, video in zip(company, device.render(company, motions), strict=True):
            if n == one:
                np.testing.assert_array_equal(video.i420, alone.i420)


def test_on_a_card_each_size_of_batch_is_one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "cubin", lambda source, arch: source.encode())
    monkeypatch.setattr(build, "architecture", lambda major, minor: f"sm_{major}{minor}")
    driver = Driver()
    device = compare(CudaBackend(driver=driver), (96, 64))
    assert driver.calls.count("cuGraphInstantiate") == 4  # of 1, 2, 3 and 4: 5 is 4 and 1
    before = len(driver.calls)
    device.render([0, 1], [motion(1), motion(2)])
    tick = [call for call in driver.calls[before:] if call != "cuCtxSetCurrent"]
    assert tick == ["cuGraphLaunch", "cuStreamSynchronize"]


def test_sizes_are_checked() -> None:
    with pytest.raises(FrameError, match="even number"):
        DeviceRenderer(Shim(), 63)
