"""What a session measures about itself, for people (the page), machines (Prometheus) and tests."""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.frames import FPS, SAMPLE_RATE

WINDOW = 10 * FPS  # pictures: ten seconds
MS = 1000 / SAMPLE_RATE


def percentile(values: Iterable[float], share: float) -> float:
    """Nearest-rank percentile; 0 for no values."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


@dataclass
class Stats:
    """Counters of one session. Times are samples at 16 kHz unless a name says otherwise."""

    pictures: int = 0  # drawn
    skipped: int = 0  # too late to be worth drawing
    repeated: int = 0  # ticks at which the sink had nothing newer to show
    lost: int = 0  # samples the source never sent
    invented: int = 0  # samples of silence put in while the source was alive
    idle: int = 0  # samples of silence put in while there was no source
    interrupts: int = 0
    heard: int = 0  # samples heard from the source
    engine_s: float = 0.0  # engine seconds spent for this session
    latency: deque[int] = field(default_factory=lambda: deque(maxlen=WINDOW))
    drawn: deque[int] = field(default_factory=lambda: deque(maxlen=WINDOW))  # clock times
    renderer: str = ""  # what drew the latest picture
    precision: str = ""  # what its network computes in
    eased: bool = False  # it stands in for a dearer one, see streaming.pace
    drawing: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))  # s a picture

    def picture(self, now: int, latency: int) -> None:
        """A picture is ready, `latency` after the sample it belongs to arrived."""
        self.pictures += 1
        self.latency.append(latency)
        self.drawn.append(now)

    def render(self, renderer: str, spent: float, eased: bool, precision: str = "") -> None:
        """What drew a picture, and the seconds it took on the engine's thread."""
        if renderer != self.renderer:
            self.drawing.clear()
        self.renderer, self.eased, self.precision = renderer, eased, precision
        self.drawing.append(spent)

    def fps(self, now: int) -> float:
        """Pictures per second over the last two seconds."""
        recent = [t for t in self.drawn if t > now - 2 * SAMPLE_RATE]
        return len(recent) / 2

    def snapshot(self, now: int) -> dict[str, Any]:
        """For the page: milliseconds and rates, JSON-ready."""
        return {
            "engine_p50_ms": round(percentile(self.latency, 0.5) * MS, 1),
            "engine_p95_ms": round(percentile(self.latency, 0.95) * MS, 1),
            "renderer": self.renderer,
            "precision": self.precision,
            "eased": self.eased,
            "render_ms": round(percentile(self.drawing, 0.5) * 1000, 1),
            "render_p95_ms": round(percentile(self.drawing, 0.95) * 1000, 1),
            "fps": round(self.fps(now), 1),
            "pictures": self.pictures,
            "skipped": self.skipped,
            "repeated": self.repeated,
            "lost_ms": round(self.lost * MS),
            "invented_ms": round(self.invented * MS),
            "realtime_factor": round(self.engine_s / max(now / SAMPLE_RATE, 1e-9), 3),
            "seconds": round(now / SAMPLE_RATE, 1),
        }


def prometheus(
    sessions: Sequence[Stats],
    *,
    limit: int,
    refused: int,
    total: int,
    busy_s: float,
    lag_ms: float,
    falls: int = 0,
) -> str:
    """The text of `GET /metrics` (exposition format 0.0.4)."""
    latency = [x * MS / 1000 for stats in sessions for x in stats.latency]
    rows: list[tuple[str, str, str, float]] = [
        ("vivify_sessions", "gauge", "Sessions live now", len(sessions)),
        ("vivify_sessions_limit", "gauge", "Sessions this server accepts", limit),
        ("vivify_sessions_total", "counter", "Sessions begun", total),
        ("vivify_sessions_refused_total", "counter", "Offers refused because full", refused),
        ("vivify_engine_busy_seconds_total", "counter", "Seconds inside the engine", busy_s),
        ("vivify_falls_total", "counter", "Times that plain pictures took over", falls),
        ("vivify_loop_lag_seconds", "gauge", "p95 lag of the event loop", lag_ms / 1000),
    ]
    counters = {
        "pictures": "Pictures drawn",
        "skipped": "Pictures not drawn because late",
        "repeated": "Ticks that repeated a picture",
        "lost": "Samples at 16 kHz that the network lost",
        "invented": "Samples at 16 kHz of silence put in while the source was alive",
    }
    for name, text in counters.items():
        value = sum(getattr(stats, name) for stats in sessions)
        rows.append((f"vivify_live_{name}", "gauge", f"{text}, live sessions", value))
    lines = []
    for name, kind, text, value in rows:
        lines += [f"# HELP {name} {text}.", f"# TYPE {name} {kind}", f"{name} {value:g}"]
    lines += _drawing(sessions)
    name = "vivify_engine_latency_seconds"
    lines += [f"# HELP {name} From a sample's arrival to its picture.", f"# TYPE {name} summary"]
    for share in (0.5, 0.95):
        lines.append(f'{name}{{quantile="{share}"}} {percentile(latency, share):.4f}')
    lines.append(f"{name}_count {len(latency)}")
    lines.append(f"{name}_sum {sum(latency):.4f}")
    return "\n".join(lines) + "\n"


def renderers(sessions: Iterable[Stats]) -> dict[str, int]:
    """How many sessions are drawn by what."""
    return dict(Counter(stats.renderer for stats in sessions if stats.renderer))


def picture_ms(sessions: Iterable[Stats], renderer: str) -> float:
    """What half of its pictures cost at most."""
    return round(percentile(_spent(sessions, renderer), 0.5) * 1000, 1)


def _spent(sessions: Iterable[Stats], renderer: str) -> list[float]:
    return [x for stats in sessions if stats.renderer == renderer for x in stats.drawing]


def _drawing(sessions: Sequence[Stats]) -> list[str]:
    """What a picture costs, by renderer."""
    name = "vivify_picture_seconds"
    lines = [f"# HELP {name} Engine seconds a picture, by renderer.", f"# TYPE {name} summary"]
    for renderer in sorted(renderers(sessions)):
        spent = _spent(sessions, renderer)
        label = f'renderer="{renderer}"'
        for share in (0.5, 0.95):
            lines.append(f'{name}{{{label},quantile="{share}"}} {percentile(spent, share):.4f}')
        lines.append(f"{name}_count{{{label}}} {len(spent)}")
        lines.append(f"{name}_sum{{{label}}} {sum(spent):.4f}")
    return lines
