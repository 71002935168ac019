"""python -m engine.eval capacity: how many live sessions one engine serves, and a fleet of them.

Step times are measured here, on one core, or come from a file of them (`--steps`, and those that
the check of a GPU left in engine/eval/results); the sessions are simulated with them in made-up
time (engine.eval.simulation), with the admission that the live worker has. The promise is a p95 of
130 ms from a sample to its picture with no more than 1 % of the pictures left out.

A file of steps: {"steps": {"device": str, "date": str, "draw": what is drawn, "hear_ms": {"1": ms
of one call, "8": ...}, "decide_ms": likewise, "draw_ms": likewise}}; without hear_ms and decide_ms
sound is heard on this machine's core.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.admission import DRAW, HEAR
from engine.batch import Advanced, Batch
from engine.errors import WeightsError
from engine.eval import fleet
from engine.eval.recordings import bundled
from engine.eval.simulation import LEFT_OUT, PROMISE_S, Costs, Load, capacity, simulate
from engine.face import package
from engine.frames import FPS, HOP, HOP_PHASE, SAMPLE_RATE, SAMPLES_PER_FRAME, Audio, Motion
from engine.line import line
from engine.render.choose import choose
from engine.style.library import StyleLibrary

RESULTS = Path(__file__).parent / "results"
SIZES = (1, 2, 4, 8, 16, 32)
WORKERS = (2, 4, 16)
_CALLS = 60  # of each size; the first tenth is not counted
_PICTURES = 60
_HOPS_S = SAMPLE_RATE // HOP
_COLD = 8 << 20  # bytes touched between calls, as a picture does

Curve = dict[int, float]


def hearing(sizes: Sequence[int], calls: int = _CALLS) -> tuple[Curve, Curve]:
    """CPU seconds of one call by its size: a hop of every session, and a face of each besides.

    Sessions are of different styles and places of the speech, all at the same parity, so faces are
    due in every second call.
    """
    speech = np.concatenate([clip.pcm() for clip in bundled()])
    stages, styles = line(), StyleLibrary()
    names, other = styles.names(), np.zeros(_COLD, np.uint8)
    hear, decide = {}, {}
    for size in sizes:
        batch, times = Batch(), np.zeros(calls)
        states = [stages.init_state(styles.get(names[i % len(names)]), seed=i) for i in range(size)]
        for hop in range(calls):
            at = [(4096 * i + hop * HOP) % (len(speech) - HOP) for i in range(size)]
            audios = [Audio(HOP * hop + HOP_PHASE, speech[a : a + HOP]) for a in at]
            other += 1
            began = time.process_time()
            answers = batch.advance(stages, audios, states)
            times[hop] = time.process_time() - began
            states = [answer.state for answer in answers if isinstance(answer, Advanced)]
        kept = np.arange(calls) >= calls // 10
        due = (np.arange(calls) - stages.lookahead) % 2 == 0  # the hop of row k = 2 n - 1
        hear[size] = float(np.median(times[kept & ~due]))
        decide[size] = max(0.0, float(np.median(times[kept & due])) - hear[size])
    return hear, decide


def drawing(avatar: str, size: int, pictures: int = _PICTURES) -> list[float]:
    """CPU seconds of each of some pictures, all threads together."""
    renderer, dice = choose(package.load(avatar), size), np.random.default_rng(0)
    other, taken = np.zeros(_COLD, np.uint8), []
    weights = np.zeros(52, np.float32)
    for n in range(pictures + 3):
        weights = np.clip(weights + 0.1 * dice.standard_normal(52), 0, 0.6).astype(np.float32)
        pose = (4 * np.sin(n / 5 + np.arange(6)) * [1, 1, 1, 0, 0, 0]).astype(np.float32)
        other += 1
        began = time.process_time()
        renderer.render(Motion(SAMPLES_PER_FRAME * n, weights, pose))
        taken.append(time.process_time() - began)
    return taken[3:]


def read_steps(path: Path) -> dict[str, Any] | None:
    """The steps in a file, times in seconds by size; None where it has none. Raises WeightsError
    for those that cannot be read."""
    try:
        steps = json.loads(path.read_text()).get("steps")
        if steps is None:
            return None
        curves = {
            name: {int(size): float(ms) / 1e3 for size, ms in steps[f"{name}_ms"].items()}
            for name in ("hear", "decide", "draw")
            if f"{name}_ms" in steps
        }
        if not curves or not all(min(c, default=0) > 0 < min(c.values()) for c in curves.values()):
            raise ValueError("no times, or some that are not positive")
        return curves | {
            "device": str(steps["device"]), "date": str(steps["date"]), "shown": str(steps["draw"]),
        }  # fmt: skip
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise WeightsError(
            f"{path.name} holds no steps that can be read ({error}); expected what "
            "python -m engine.eval capacity --help says"
        ) from error


def settings(
    hear: Curve, decide: Curve, pictures: Sequence[float], drawn: str,
    others: Sequence[Mapping[str, Any]] = (),
) -> list[Costs]:  # fmt: skip
    """What is simulated: one core with and without company, drawing and not, then each device."""
    draw, most = {1: float(np.mean(pictures))}, max(hear)
    spread = [t / draw[1] for t in pictures]
    found = [
        Costs(f"{drawn}, calls shared", hear, decide, draw, {HEAR: most, DRAW: 1}, spread),
        Costs(f"{drawn}, one by one", hear, decide, draw, {HEAR: 1, DRAW: 1}, spread),
        Costs("no pictures, calls shared", hear, decide, {}, {HEAR: most}),
        Costs("no pictures, one by one", hear, decide, {}, {HEAR: 1}),
    ]
    for steps in others:
        ears, faces = steps.get("hear", hear), steps.get("decide", decide)
        where = "" if "hear" in steps else ", heard on this core"
        limits = {HEAR: max(ears), DRAW: max(steps["draw"])} if "draw" in steps else {}
        name = f"{steps['shown']} on {steps['device']} ({steps['date']}){where}"
        found.append(Costs(name, ears, faces, steps.get("draw", {}), limits))
    return found


def curve(costs: Costs, most: int, seconds: float) -> list[Load]:
    """Loads from one session to a third beyond what can be kept."""
    last = max(4, round(most * 4 / 3))
    counts = sorted({round(x) for x in np.geomspace(1, last, 14)} | {most, most + 1} - {0})
    return [simulate(costs, count, seconds) for count in counts]


def plot(folder: Path, loads: Mapping[str, Sequence[Load]]) -> Path:
    """`capacity.png`: sessions against p95 of the latency."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(10, 5.5), layout="constrained")
    for name, rows in loads.items():
        x, y = [row.sessions for row in rows], [row.p95_ms for row in rows]
        drawn = axis.plot(x, y, marker=".", label=name, ls="--" if "one by one" in name else "-")
        broken = [row for row in rows if not row.kept]
        axis.plot([row.sessions for row in broken], [row.p95_ms for row in broken], "x",
                  color=drawn[0].get_color())  # fmt: skip
    axis.axhline(PROMISE_S * 1e3, color="black", lw=1)
    axis.annotate("the promise: 130 ms", (1, PROMISE_S * 1e3), va="bottom", fontsize=9)
    axis.set(xscale="log", xlabel="live sessions of one engine (x: the promise is broken)",
             ylabel="p95, sample to picture, ms", ylim=(30, 200))  # fmt: skip
    axis.xaxis.set_major_formatter("{x:g}")
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    path = folder / "capacity.png"
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
    return path


def per_second(hear: Curve, decide: Curve) -> dict[int, float]:
    """CPU ms that hearing and deciding take of a session's second, by sessions in a call."""
    return {
        n: 1e3 * (_HOPS_S * hear[n] + FPS * decide[n]) / n for n in sorted(hear)
    }  # fmt: skip


def _told(costs: Sequence[Costs], seconds: float) -> tuple[dict[str, int], dict[str, list[Load]]]:
    print("\n| one engine | sessions that keep p95 <= 130 ms | p50 / p95 there | engine busy |")
    print("|---|---|---|---|")
    kept, loads = {}, {}
    for each in costs:
        most = kept[each.name] = capacity(each, seconds=seconds)
        rows = loads[each.name] = curve(each, most, seconds)
        at = next((row for row in rows if row.sessions == max(most, 1)), rows[0])
        print(
            f"| {each.name} | {most} | {at.p50_ms:.0f} / {at.p95_ms:.0f} ms | {at.busy:.0%} |",
            flush=True,
        )
    return kept, loads


def _fleets(costs: Costs, most: int, seconds: float) -> list[dict[str, Any]]:
    print(
        f"\nOn paper, workers with {most} places each ({costs.name}), filled so that one may fail:"
    )
    print("| workers | sessions | fullest, p95 | unbounded hashing | call again | after, p95 |")
    print("|---|---|---|---|---|---|")
    rows = []
    for workers in WORKERS if most else ():
        f = fleet.plan(workers, most)
        before, after = (simulate(costs, n, seconds).p95_ms for n in (f.usual, f.after))
        print(
            f"| {workers} | {f.sessions} | {f.usual}, {before:.0f} ms | {f.unbounded} "
            f"| {f.moved} | {f.after}, {after:.0f} ms |"
        )
        rows.append({**f._asdict(), "p95_ms": round(before, 1), "p95_after_ms": round(after, 1)})
    return rows


def measure(
    avatar: str, size: int, files: Sequence[Path], folder: Path | None, *,
    sizes: Sequence[int] = SIZES, seconds: float = 6.0,
) -> dict[str, Any]:  # fmt: skip
    """The whole suite; `files`: of steps."""
    hear, decide = hearing(sizes)
    pictures = drawing(avatar, size)
    share = per_second(hear, decide)
    print("CPU ms of a session's second for hearing and deciding, by sessions in a call:")
    print("| " + " | ".join(map(str, share)) + " |\n|" + "---|" * len(share))
    print("| " + " | ".join(f"{ms:.1f}" for ms in share.values()) + " |")
    drawn = f"{package.load(avatar).name} {size}x{size}"
    print(f"a picture ({drawn}): {1e3 * float(np.mean(pictures)):.1f} ms")
    others = [steps for path in files if (steps := read_steps(path)) is not None]
    if not others:
        print("No step times of a GPU: none were measured (python -m engine.eval gpu does).")
    costs = settings(hear, decide, pictures, drawn, others)
    kept, loads = _told(costs, seconds)
    shared = [each for each in costs if each.limits.get(HEAR, 1) > 1]
    fleets = {each.name: _fleets(each, kept[each.name], seconds) for each in shared}
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        print(f"\nwrote {plot(folder, loads)}")
    return {
        "steps": {
            "device": "one core of this machine", "draw": drawn, "date": time.strftime("%Y-%m-%d"),
            "hear_ms": {str(n): round(1e3 * s, 4) for n, s in hear.items()},
            "decide_ms": {str(n): round(1e3 * s, 4) for n, s in decide.items()},
            "draw_ms": {"1": round(1e3 * float(np.mean(pictures)), 3)},
        },
        "cpu_ms_per_session_second": {str(n): round(ms, 2) for n, ms in share.items()},
        "promise": {"p95_ms": PROMISE_S * 1e3, "left_out": LEFT_OUT},
        "sessions": kept,
        "loads": {
            name: [[row.sessions, round(row.p95_ms, 1), round(row.busy, 3)] for row in rows]
            for name, rows in loads.items()
        },
        "fleets": fleets,
    }  # fmt: skip


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m engine.eval capacity", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--steps", type=Path, nargs="+", help="files of measured step times")
    parser.add_argument("--avatar", default="mira", help="bundled name or package path")
    parser.add_argument("--size", type=int, default=512, help="of its pictures")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write capacity.png there")
    args = parser.parse_args(argv)
    files = args.steps or sorted(RESULTS.glob("*.json"))
    print(json.dumps(measure(args.avatar, args.size, files, args.plots)))
    return 0
