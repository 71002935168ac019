"""The style suite: it runs, steers are steady on made-up motion, people come in halves."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from engine.eval import style
from engine.eval.manners import amplitudes, head_manner, louder, spearman
from engine.eval.people import read_people
from engine.face.blendshapes import ARKIT, INDEX
from engine.offline import MotionClip
from engine.style.code import KEY, Style
from engine.style.library import BUNDLED, StyleLibrary


def motion(gain: float, seconds: int = 8, seed: int = 0) -> MotionClip:
    rng = np.random.default_rng(seed)
    ticks = 25 * seconds
    weights = np.zeros((ticks, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = gain * np.abs(np.sin(np.arange(ticks) * 0.5))
    weights[:, INDEX["browInnerUp"]] = 0.3 * gain * rng.random(ticks)
    pose = (gain * 5 * rng.standard_normal((ticks, 6))).astype(np.float32)
    return MotionClip(np.arange(ticks, dtype=np.int64) * 640, weights, pose)


def test_amplitudes_grow_with_the_motion() -> None:
    small, large = amplitudes(motion(0.4)), amplitudes(motion(0.8))
    np.testing.assert_allclose(large, 2 * small, rtol=1e-4)
    np.testing.assert_allclose(
        head_manner([motion(0.8)]) - head_manner([motion(0.4)]), np.log(2), atol=0.01
    )


def test_spearman_is_about_ranks() -> None:
    assert spearman([0, 1, 2, 3], [0.1, 5, 6, 900]) == pytest.approx(1)
    assert spearman([0, 1, 2], [3, 2, 1]) == pytest.approx(-1)


def test_louder_stays_within_bounds() -> None:
    library = StyleLibrary()
    calm = library.get("calm")
    beyond = louder(library.get("neutral"), calm, 1.3)
    assert beyond is not None and not np.array_equal(beyond.code, calm.code)
    edge = Style("edge", np.full_like(calm.code, 7.0))
    assert louder(library.get("neutral"), edge, 3.0) is None


def write(path: Path, clip: MotionClip, names: tuple[str, ...] = ARKIT) -> None:
    np.savez(path, start=clip.start, weights=clip.weights[:, : len(names)], names=np.array(names),
             pose=clip.pose)  # fmt: skip


def test_people_come_in_halves(tmp_path: Path) -> None:
    write(tmp_path / "anna.npz", motion(0.8, seconds=12))
    for n in range(2):
        write(tmp_path / f"b{n}.npz", motion(0.4, seconds=4, seed=n))
        (tmp_path / f"b{n}.json").write_text(json.dumps({"speaker": "Ben"}))
    write(tmp_path / "short.npz", motion(0.4, seconds=2))  # halves of a second
    write(tmp_path / "mouthless.npz", motion(0.4, seconds=9), ARKIT[:10])
    people = read_people(tmp_path)
    assert [(p.name, p.seconds) for p in people] == [("anna", 12), ("Ben", 8)]
    assert people[0].reference[INDEX["jawOpen"]] > people[1].reference[INDEX["jawOpen"]]


def test_the_suite_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "SILENCE_S", 4)
    monkeypatch.setattr("engine.eval.manners.PAIRS", 1)
    library = StyleLibrary()
    kept = ("neutral", "calm")
    tensors = {k: v for k, v in load_file(BUNDLED).items() if k.startswith("encoder.")}
    tensors |= {f"style.{name}": library.get(name).code for name in kept}
    tensors |= {
        f"reference.{name}": library.encoder.mean * (n + 1.0) for n, name in enumerate(kept)
    }
    header = {"encoder": library.get("calm").encoder, "styles": dict.fromkeys(kept, "made up")}
    save_file(tensors, tmp_path / "two.safetensors", {KEY: json.dumps(header)})
    write(tmp_path / "anna.npz", motion(0.8))
    write(tmp_path / "ben.npz", motion(0.2))
    options = ["--clips", "2", "--styles", str(tmp_path / "two.safetensors")]
    assert style.main([*options, "--plots", str(tmp_path), "--data", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["named"]["ways"] == found["persons"]["ways"] == 2
    assert found["idle"]["silence"]["calm"]["frozen_s"] >= 0
    for name in ("recognised_named.png", "recognised_persons.png", "intensity.png"):
        assert (tmp_path / name).stat().st_size > 5_000
