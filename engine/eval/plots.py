"""Pictures of lip sync for people: openings over phones, lag curves, what follows recorded jaws.

Contract: PNG files in a folder that exists; every picture says which sound it is of. Curves are
z-scored over the clip so that manners of different size lie on each other.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from engine.eval.openings import of_jaw, of_posteriors
from engine.eval.recorded import Played, truth_of
from engine.eval.synchrony import LAGS_MS, RATE, Clip, Curve, correlations
from engine.face.blendshapes import INDEX
from engine.frames import SAMPLE_RATE

matplotlib.use("Agg")
_SHOWN = {"engine": "tab:red", "ppg_table": "tab:blue"}
_CLOSED = {"P", "B", "M"}
_SECONDS = 4.0


def _plotted(columns: int, rows: int, size: tuple[float, float]) -> tuple[Any, Any]:
    from matplotlib import pyplot

    return pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def _z(values: Any) -> Any:
    return (values - values.mean()) / max(float(values.std()), 1e-9)


def speech(folder: Path, clips: Sequence[Clip], curves: dict[str, list[Curve]]) -> None:
    """`opening_NAME.png` of four clips from the worst to the best, `lags.png` of all."""
    truths = [clip.truth for clip in clips]
    zero = LAGS_MS.index(0)
    engine = curves["engine"]
    scores = [correlations(t, c)[zero] for t, c in zip(truths, engine, strict=True)]
    order = np.argsort(scores)
    for share in (0.0, 0.25, 0.5, 1.0) if len(clips) > 3 else (0.0,):
        n = int(order[round(share * (len(order) - 1))])
        mine = {name: rows[n] for name, rows in curves.items() if name in _SHOWN}
        _opening(folder / f"opening_{_plain(clips[n].name)}.png", clips[n], mine, scores[n])
    _lags(folder / "lags.png", truths, curves)


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-." else "_" for c in name)


def _opening(path: Path, clip: Clip, curves: dict[str, Curve], r: float) -> None:
    """Truth, engine and table over the phones, some seconds a row."""
    seconds = len(clip.pcm) / SAMPLE_RATE
    rows = min(3, int(np.ceil(seconds / _SECONDS)))
    figure, axes = _plotted(1, rows, (15, 2.9 * rows))
    for row, axis in enumerate(axes[:, 0]):
        begin = row * _SECONDS
        _phones(axis, clip, begin, begin + _SECONDS)
        at, truth = clip.truth
        axis.plot(at / SAMPLE_RATE, _z(truth), color="black", lw=2.0, label="aligned phones")
        for name, (when, values) in curves.items():
            label = name.replace("_", " ")
            axis.plot(when / SAMPLE_RATE, _z(values), color=_SHOWN[name], lw=1.4, label=label)
        axis.set_xlim(begin, begin + _SECONDS)
        axis.set_ylim(-2.2, 3.4)
        axis.set_ylabel("opening, z")
    axes[0, 0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize=8)
    axes[0, 0].set_title(f"{clip.name}, {clip.group}: engine r at 0 ms {r:.2f}", fontsize=10)
    axes[-1, 0].set_xlabel("s; grey: P, B, M")
    _save(figure, path)


def _phones(axis: Any, clip: Clip, begin: float, end: float) -> None:
    for phone, start, duration in clip.phones:
        a, b = start / RATE, (start + duration) / RATE
        if b < begin or a > end or phone == "SIL":
            continue
        axis.axvline(a, color="0.9", lw=0.6, zorder=0)
        if phone in _CLOSED:
            axis.axvspan(a, b, color="0.8", zorder=0)
        if begin <= (a + b) / 2 <= end:
            axis.text((a + b) / 2, 2.9, phone, ha="center", fontsize=7)


def _lags(path: Path, truths: Sequence[Curve], curves: dict[str, list[Curve]]) -> None:
    """r over the lag for everybody, and where the engine's clips have their best lag."""
    figure, axes = _plotted(2, 1, (13, 4.2))
    for name, rows in curves.items():
        every = np.array([correlations(t, c) for t, c in zip(truths, rows, strict=True)])
        axes[0, 0].plot(LAGS_MS, every.mean(0), label=name.replace("_", " "))
        if name == "engine":
            best = np.array(LAGS_MS)[every.argmax(1)]
            axes[0, 1].hist(best, bins=np.arange(-305, 306, 10), color="tab:red")
            axes[0, 1].set_title("best lag of each clip, engine", fontsize=10)
    axes[0, 0].axvspan(-40, 40, color="0.93")
    axes[0, 0].set(xlabel="lag in ms, > 0: picture late", ylabel="mean r")
    axes[0, 1].set(xlabel="lag in ms", ylabel="clips")
    axes[0, 0].legend(fontsize=8)
    _save(figure, path)


def performed(folder: Path, played: Sequence[Played]) -> None:
    """`recorded.png`: the recorded jaw and everybody's of up to six recordings;
    `jaws.png`: r of the jaw by recording, engine against table."""
    step = max(1, len(played) // 6)
    some = played[::step][:6]
    figure, axes = _plotted(1, len(some), (15, 2.3 * len(some)))
    for axis, p in zip(axes[:, 0], some, strict=True):
        at, jaw = truth_of(p.truth.weights[:, INDEX["jawOpen"]])
        axis.plot(at / SAMPLE_RATE, _z(jaw), color="black", lw=2, label="recorded")
        for name, color in (("engine", "tab:red"), ("own style", "tab:orange")):
            if name in p.motions:
                when, values = of_jaw(p.motions[name])
                axis.plot(when / SAMPLE_RATE, _z(values), color=color, lw=1.2, label=name)
        axis.set_xlim(0, min(8.0, len(p.pcm) / SAMPLE_RATE))
        axis.set_title(f"{p.truth.name}: jawOpen, z", fontsize=9)
    axes[0, 0].legend(loc="upper right", ncols=3, fontsize=8)
    _save(figure, folder / "recorded.png")
    truths = [truth_of(p.truth.weights[:, INDEX["jawOpen"]]) for p in played]
    ours = [correlations(t, of_jaw(p.motions["engine"])).max() for t, p in _pairs(truths, played)]
    table = [correlations(t, of_posteriors(p.heard)).max() for t, p in _pairs(truths, played)]
    figure, axes = _plotted(1, 1, (6, 6))
    axes[0, 0].scatter(table, ours, s=14)
    axes[0, 0].plot([0, 1], [0, 1], color="0.6", lw=1)
    axes[0, 0].set(xlabel="PPG table, r at best lag", ylabel="engine, r at best lag",
                   xlim=(-0.1, 1), ylim=(-0.1, 1))  # fmt: skip
    _save(figure, folder / "jaws.png")


def _pairs(truths: Sequence[Curve], played: Sequence[Played]) -> Any:
    return zip(truths, played, strict=True)
