"""python -m engine.eval speed: what each stage costs and how late the picture is.

Plays a clip in real time as 20 ms packets of 48 kHz sound, as a call does, on one thread. CPU ms
are of the process ("tight": engine.eval.cost, step after step with warm caches); engine latency is
the wall-clock time at which the I420 picture of media time `start` is ready, minus the time at
which the microphone delivered sample `start` (its own instant, so the wait for its packet to fill
is included).
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from engine.audio.chunker import Chunker
from engine.avatar import DEFAULT_AVATAR, Avatar
from engine.eval import cost, drawing
from engine.eval.recordings import bundled
from engine.face import package
from engine.frames import F32, FPS, LOOKAHEAD_STEPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Motion
from engine.line import Line
from engine.render.choose import choose
from engine.render.setting import LOOKS
from engine.speech.ppg import DEFAULT

PACKET_RATE = 48_000
PACKET = PACKET_RATE // 50
WIDE = (1280, 720)
_PICTURES = 40  # of each avatar and size


class Times:
    """CPU and wall milliseconds by stage name."""

    def __init__(self) -> None:
        self.cpu: dict[str, list[float]] = defaultdict(list)
        self.wall: dict[str, list[float]] = defaultdict(list)

    def call(self, name: str, function: Any, *args: Any) -> Any:
        # Of the process: networks may run on threads of their own.
        wall, cpu = time.perf_counter(), time.process_time()
        result = function(*args)
        self.cpu[name].append((time.process_time() - cpu) * 1e3)
        self.wall[name].append((time.perf_counter() - wall) * 1e3)
        return result

    def total_cpu_s(self) -> float:
        return sum(sum(values) for values in self.cpu.values()) / 1e3


class Timed:
    """A Stage whose `step` is timed; everything else is the Stage's own."""

    def __init__(self, stage: Any, name: str, times: Times) -> None:
        self._stage, self._name, self._times = stage, name, times

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._stage, attribute)

    def step(self, x: Any, *args: Any) -> Any:
        return self._times.call(self._name, self._stage.step, x, *args)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    return {
        "p50": round(float(np.percentile(values, 50)), 3),
        "p95": round(float(np.percentile(values, 95)), 3),
    }


def play(avatar: Avatar, pcm48: np.ndarray, times: Times) -> tuple[list[float], list[Motion]]:
    """Real-time run over int16 48 kHz sound -> latency of each picture in ms, and the motions."""
    chunker = Chunker()
    state = avatar.init_state()
    late: list[float] = []
    motions: list[Motion] = []
    begin = time.perf_counter()
    for packet in range(len(pcm48) // PACKET):
        due = begin + (packet + 1) * 0.020
        time.sleep(max(0.0, due - time.perf_counter()))
        block = pcm48[packet * PACKET : (packet + 1) * PACKET]
        for audio in times.call("chunker", chunker.push, block, PACKET_RATE):
            ready, state = avatar.animate(audio, state)
            for motion in ready:
                times.call(f"render {avatar.size}", avatar.render, motion)
                heard = begin + motion.start / SAMPLE_RATE
                late.append((time.perf_counter() - heard) * 1e3)
                motions.append(motion)
    return late, motions


def as_packets(pcm: F32) -> npt.NDArray[np.int16]:
    """16 kHz float -> the 48 kHz int16 that a call delivers."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm[None]), "fltp", "mono")
    frame.sample_rate = SAMPLE_RATE
    resampler = av.AudioResampler("s16p", "mono", PACKET_RATE)
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([part.to_ndarray()[0] for part in parts])


def timed_line(lookahead_ms: int, times: Times) -> Line:
    line = Line(lookahead_ms)
    for name in ("vad", "mel", "ppg", "prosody", "gate", "decoder"):
        setattr(line, name, Timed(getattr(line, name), name, times))
    return line


def _ears(times: Times) -> dict[str, dict[str, float]]:
    """CPU ms of mel and PPG: in the run, and step after step; printed."""
    tight = cost.measure(DEFAULT, steps=500, sessions=4)
    ears = {
        "tight": {name: round(tight[f"step_ms_{name}"], 3) for name in ("p50", "p95")},
        "paced": percentiles(np.add(times.cpu["mel"], times.cpu["ppg"]).tolist()),
    }
    shown = (f"{name} p50 {row['p50']:.3f} p95 {row['p95']:.3f}" for name, row in ears.items())
    print(f"mel + PPG per 20 ms step, CPU ms (aim: p95 <= 0.5): {', '.join(shown)}")
    return ears


def measure(
    avatar: str, seconds: float, lookahead_ms: int, sizes: Sequence[int], cast: Sequence[str],
    look: str = "auto",
) -> dict[str, Any]:  # fmt: skip
    """The whole benchmark. `sizes`: the last one is drawn in the real-time run, in `look`; `cast`:
    avatars of the table of drawing."""
    pcm = np.concatenate([clip.pcm() for clip in bundled()])[: int(seconds * SAMPLE_RATE)]
    pcm48 = as_packets(pcm)
    times = Times()
    line = timed_line(lookahead_ms, times)
    face = package.load(avatar)
    live = Avatar(face.name, line, choose(face, sizes[-1], look=look))
    warm = Avatar(face.name, line, live.renderer)
    play(warm, pcm48[: PACKET * 20], times)  # compiles and fills caches
    times.cpu.clear()
    times.wall.clear()
    late, motions = play(live, pcm48, times)
    busy = times.total_cpu_s()
    for size in sizes[:-1]:
        other = choose(face, size, look=look)
        other.render(motions[0])
        for motion in motions:
            times.call(f"render {size}", other.render, motion)
    drawn = drawing.table(cast, package.names(), motions[:_PICTURES], [*sizes, WIDE])
    print(f"{'stage':14s} {'CPU p50':>9s} {'CPU p95':>9s} {'wall p50':>9s} {'wall p95':>9s}  ms")
    for name in times.cpu:
        cpu, wall = percentiles(times.cpu[name]), percentiles(times.wall[name])
        print(
            f"{name:14s} {cpu['p50']:9.3f} {cpu['p95']:9.3f} {wall['p50']:9.3f} {wall['p95']:9.3f}"
        )
    ears = _ears(times)
    latency = percentiles(late)
    result: dict[str, Any] = {
        "latency_ms": latency,
        "lookahead_ms": lookahead_ms,
        "lookahead_samples": line.latency,
        "size": sizes[-1],
        "pictures": len(late),
        "distinct_ticks": len({m.start // SAMPLES_PER_FRAME for m in motions}),
        "fps": FPS,
        "ppg_cpu_ms": percentiles(times.cpu["ppg"]),
        "mel_cpu_ms": percentiles(times.cpu["mel"]),
        "mel_ppg_cpu_ms": ears,
        "decoder_cpu_ms": percentiles(times.cpu["decoder"]),
        "render_cpu_ms": {str(size): percentiles(times.cpu[f"render {size}"]) for size in sizes},
        "realtime_factor": round(busy / (len(pcm48) / PACKET_RATE), 4),
        "avatar": face.name,
        "look": live.look,
        "precision": live.precision,
        "avatars": drawn,
        "first_frame_ms": drawn[cast[0]]["first_frame_ms"],
        "memory_mb": drawn[cast[0]]["memory_mb"],
    }
    print(
        f"look-ahead {line.latency} samples = {line.latency / 16:.1f} ms (mel window "
        f"{line.mel.latency / 16:.1f} + dial {lookahead_ms})\n"
        f"engine latency p50 {latency['p50']:.1f} ms, p95 {latency['p95']:.1f} ms "
        f"(aim 90 / 130), {len(late)} pictures at {sizes[-1]} px, {result['look']}"
        f"{' in ' + live.precision if live.precision else ''}\n"
        f"real-time factor {result['realtime_factor']:.3f} of one core"
    )
    return result


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.eval speed", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the run")
    parser.add_argument("--lookahead", type=int, default=20, choices=LOOKAHEAD_STEPS, metavar="MS")
    parser.add_argument(
        "--avatar", help=f"bundled name or package path (default: {DEFAULT_AVATAR}, then all)"
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[256, 512], help="the last one is drawn live"
    )
    parser.add_argument("--look", choices=LOOKS, default="auto", help="what is drawn live")
    args = parser.parse_args(argv)
    avatar = args.avatar or DEFAULT_AVATAR
    cast = [avatar] if args.avatar else [avatar, *(n for n in package.names() if n != avatar)]
    print(json.dumps(measure(avatar, args.seconds, args.lookahead, args.sizes, cast, args.look)))
    return 0
