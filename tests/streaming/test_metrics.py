"""Metrics: percentiles, windows, and text that Prometheus reads."""

import re

from streaming.metrics import Stats, percentile, picture_ms, prometheus, renderers


def test_percentile() -> None:
    assert percentile([], 0.5) == 0
    assert percentile(range(100), 0.5) == 50 and percentile(range(100), 0.95) == 95
    assert percentile([7], 0.95) == 7


def test_snapshot_speaks_milliseconds() -> None:
    stats = Stats()
    for tick in range(100):
        stats.picture(640 * tick, 960)
    figures = stats.snapshot(640 * 99)
    assert figures["engine_p50_ms"] == 60 and figures["fps"] == 25.0
    assert figures["pictures"] == 100


def test_fps_falls_to_zero_when_pictures_stop() -> None:
    stats = Stats()
    stats.picture(100, 960)
    assert stats.fps(16_000 * 5) == 0


def test_prometheus_text() -> None:
    stats = Stats()
    stats.picture(640, 960)
    text = prometheus([stats], limit=4, refused=1, total=2, busy_s=1.5, lag_ms=3)
    line = re.compile(r'^(# (HELP|TYPE) \w+ .+|\w+(\{quantile="0\.\d+"\})? [-+0-9.e]+)$')
    assert all(line.match(row) for row in text.splitlines()), text
    assert "vivify_sessions 1\n" in text and "vivify_engine_latency_seconds_count 1" in text
    assert text.endswith("\n")


def test_what_draws_and_what_it_costs() -> None:
    mine, other = Stats(), Stats()
    for _ in range(10):
        mine.render("neural", 0.022, eased=False)
        other.render("toon", 0.010, eased=True)
    assert mine.snapshot(0)["renderer"] == "neural" and mine.snapshot(0)["render_ms"] == 22
    assert other.snapshot(0)["eased"] and not mine.snapshot(0)["eased"]
    assert renderers([mine, other, Stats()]) == {"neural": 1, "toon": 1}
    assert picture_ms([mine, other], "toon") == 10
    text = prometheus([mine, other], limit=4, refused=0, total=2, busy_s=1, lag_ms=0, falls=3)
    assert 'vivify_picture_seconds{renderer="neural",quantile="0.5"} 0.0220\n' in text
    assert "vivify_falls_total 3\n" in text
    mine.render("toon", 0.008, eased=True)
    assert mine.snapshot(0)["render_ms"] == 8, "the other look's cost is forgotten"
