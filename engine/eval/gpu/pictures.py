"""Toon pictures drawn by the card: are they the CPU's, does a captured graph repeat itself."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from engine.eval.gpu.rig import Noted, Rig, Step, motions
from engine.eval.gpu.rows import ABSENT, Row, check
from engine.face.background import Plain
from engine.face.package import load
from engine.frames import Motion, Video
from engine.render.device import DeviceRenderer
from engine.render.renderer import Renderer
from engine.render.setting import Setting
from kernels.cuda.backend import CudaArray

SETTINGS = (Setting(), Setting(light=(-0.5, 0.4, 0.6), background=Plain("#335577"), outline=1.5))
APART = 2e-3  # share of bytes more than 1 apart: vertices differ by rounding
ERROR = 0.5  # mean square


def seated(rig: Rig, size: int, batch: int) -> tuple[DeviceRenderer, list[int]]:
    """A renderer with every face in both settings, and the numbers of a batch of sessions."""
    device = DeviceRenderer(rig.backend, size, most=batch)
    faces = [load(name) for name in rig.scale.faces]
    numbers = [device.add(face, setting) for face in faces for setting in SETTINGS]
    return device, [numbers[n % len(numbers)] for n in range(batch)]


def equal(rig: Rig) -> Iterator[Row]:
    """One batch of several avatars and settings against engine.render.renderer."""
    for size in rig.scale.sizes:
        count = len(SETTINGS) * len(rig.scale.faces)
        device = DeviceRenderer(rig.backend, size, most=16)
        faces = [load(name) for name in rig.scale.faces]
        alone = [Renderer(face, size, setting) for face in faces for setting in SETTINGS]
        numbers = [device.add(face, setting) for face in faces for setting in SETTINGS]
        moves = motions(count, seed=size)
        drawn = device.render(numbers, moves)
        for renderer, move, video in zip(alone, moves, drawn, strict=True):
            apart = np.abs(video.i420.astype(int) - renderer.render(move).i420)
            share, error = float((apart > 1).mean()), float((apart**2).mean())
            yield check(
                "pictures", f"{renderer.package.name} {size}", share < APART and error < ERROR,
                off_by_more_than_1=share, off_at_all=float((apart > 0).mean()),
                largest=float(apart.max()), mean_square=error,
            )  # fmt: skip
            if rig.left < 5:
                yield Row("pictures", "run", ABSENT, note="no time left for the others")
                return


def replay(rig: Rig) -> Iterator[Row]:
    """A graph, launched many times with inputs that change, against its launches one by one."""
    size, batch = rig.scale.sizes[0], 8 if len(rig.scale.batches) > 2 else 2
    device, numbers = seated(rig, size, batch)
    sets = [motions(batch, seed) for seed in range(16)]
    firsts: dict[int, bytes] = {}
    eager = repeated = True
    done = 0
    for done in range(1, rig.scale.replays + 1):
        which = done % len(sets)
        digest = drawn(device, numbers, sets[which])
        if which not in firsts:
            firsts[which] = digest
            eager &= one_by_one(rig.backend, numbers) == digest
        repeated &= firsts[which] == digest
        if rig.left < 3:
            break
    distinct = len(set(firsts.values())) == len(firsts)
    yield check("replay", "as launched one by one", eager, inputs=float(len(firsts)))
    yield check("replay", "same inputs, same bytes", repeated, launches=float(done))
    yield check("replay", "other inputs, other bytes", distinct)


def drawn(device: DeviceRenderer, numbers: Sequence[int], moves: Sequence[Motion]) -> bytes:
    """A digest of a batch's pictures."""
    videos: list[Video] = device.render(numbers, moves)
    return hashlib.sha256(b"".join(video.i420.tobytes() for video in videos)).digest()


def one_by_one(backend: Noted, numbers: Sequence[int]) -> bytes:
    """The same of what was captured last, launched step by step with the tables as they are."""
    pictures = shown(backend.steps)
    pictures.array[:] = 0xA5
    for step in backend.steps:
        backend.again(step)
    backend.synchronize()
    return hashlib.sha256(pictures.array[: len(numbers)].tobytes()).digest()


def shown(steps: Sequence[Step]) -> CudaArray:
    """Where a tick writes its pictures: what its last kernel is given in pinned memory."""
    held = [arg for arg in steps[-1].args if isinstance(arg, CudaArray) and arg.dtype == np.uint8]
    assert len(held) == 1
    return held[0]
