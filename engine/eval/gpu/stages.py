"""How long the card takes for toon pictures: each kernel beside its floor, a tick, a whole call."""

from collections.abc import Callable, Iterator
from functools import partial

from engine.eval.gpu.machine import rates
from engine.eval.gpu.pictures import seated
from engine.eval.gpu.rig import Rig, Step, motions
from engine.eval.gpu.rows import ABSENT, Row, number, told
from kernels.cuda.backend import CudaError
from kernels.cuda.launches import TABLE

FPS = 25
FRAME_US = {(512, 64): 40.0, (1024, 1): 4000.0}  # targets of a picture, by size and batch
SESSIONS = 400  # target, live, 512 x 512


def stages(rig: Rig) -> Iterator[Row]:
    """Every size and batch, the usual ones first."""
    rate = rates(rig)
    for size in rig.scale.sizes:
        for batch in rig.scale.batches:
            if rig.left < 10:
                yield Row("stages", f"{size}, {batch}", ABSENT, note="no time left")
                continue
            try:
                yield from _timed(rig, size, batch, rate)
            except CudaError as error:  # too large for the card's memory, say
                yield Row("stages", f"{size}, {batch}", ABSENT, note=told(error))


def _timed(rig: Rig, size: int, batch: int, rate: dict[str, float]) -> Iterator[Row]:
    device, numbers = seated(rig, size, batch)
    moves = motions(batch)
    device.render(numbers, moves)
    own: dict[str, float | str] = {"size": size, "batch": batch}
    backend = rig.backend
    graph, steps = backend.last, list(backend.steps)
    assert graph is not None
    works: list[Callable[[], None]] = [partial(backend.again, step) for step in steps]
    for step, taken in zip(steps, rig.apart(works), strict=True):
        yield _stage(step, taken, rate, own)
    tick = rig.seconds(graph.replay)
    frame = 1e6 * tick / batch
    yield number(
        "stages", "device, a picture", frame, "us", FRAME_US.get((size, batch)), more=own,
    )  # fmt: skip
    call = rig.wall(partial(device.render, numbers, moves))
    yield number("stages", "wall of a call", 1e3 * call, "ms", more=own)
    # Tables, the way to the device and back into fresh arrays.
    yield number("stages", "host, a picture", 1e6 * (call - tick) / batch, "us", more=own)
    target = SESSIONS if size == 512 and batch == 256 else None
    for name, each in (("device alone", tick), ("wall", call)):
        yield number(
            "stages", f"sessions at {FPS} fps, {name}", int(batch / (FPS * each)), "",
            target if name == "wall" else None, "", least=True, more=own,
        )  # fmt: skip


def _stage(step: Step, taken: float, rate: dict[str, float], own: dict[str, float | str]) -> Row:
    """A kernel's time beside what its bytes take at the measured rate of copies."""
    if step.work:
        moved, way = TABLE[step.name].moved(*step.work), "device"
        pictures = _pictures(step)
        floor = (moved - pictures) / rate["device"] + pictures / rate["to host"]
    else:
        moved, way = step.args[0].nbytes, "from host"
        floor = moved / rate[way]
    told = {
        "floor_us": 1e6 * floor, "times_floor": taken / max(floor, 1e-12),
        "gb_s": 1e-9 * moved / max(taken, 1e-12),
    }  # fmt: skip
    return number("stages", step.name, 1e6 * taken, "us", more={**told, **own})


def _pictures(step: Step) -> int:
    """Bytes that a kernel writes to the host."""
    if not step.name.endswith("_i420"):
        return 0
    batch, height, width = step.work[:3]
    return batch * height * width * 3 // 2
