"""`python -m engine.eval speed` measures the real line and ends with one JSON line."""

import json

import pytest

from engine.eval import __main__ as suites


def test_last_line_is_json_with_the_promised_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        suites.main(["speed", "--seconds", "2", "--avatar", "mira", "--sizes", "128", "256"]) == 0
    )
    printed = capsys.readouterr().out.splitlines()
    result = json.loads(printed[-1])
    assert result["lookahead_ms"] == 20 and result["lookahead_samples"] == 600
    assert result["pictures"] >= 45
    assert result["latency_ms"]["p50"] <= result["latency_ms"]["p95"]
    for stage in ("ppg_cpu_ms", "decoder_cpu_ms", "mel_cpu_ms"):
        assert 0 < result[stage]["p50"] <= result[stage]["p95"]
    for figure in result["mel_ppg_cpu_ms"].values():
        assert 0 < figure["p50"] <= figure["p95"]
    assert set(result["mel_ppg_cpu_ms"]) == {"tight", "paced"}
    assert set(result["render_cpu_ms"]) == {"128", "256"}
    assert result["realtime_factor"] > 0
    assert "mira" in result["avatars"] and all(
        name.split()[0] == "mira" for name in result["avatars"]
    )
    assert result["look"] == "toon"
    assert set(result["avatars"]["mira"]["render_cpu_ms"]) == {"128", "256", "1280x720"}
    assert result["first_frame_ms"]["cpu"] > 0 and result["memory_mb"]["first"] > 0
    assert any(line.startswith("chunker") for line in printed)


def test_an_unknown_suite_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        suites.main(["speeed"])
    assert stop.value.code == 2
    assert "speed" in capsys.readouterr().err
