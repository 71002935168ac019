"""The style suite: it runs, steers are steady on made-up motion, people come in halves."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from engine.errors import AudioError
from engine.eval import roster, style
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
    assert all(p.kept_back and not p.trained for p in people)
    (tmp_path / "b0.json").write_text("{torn")  # the file's own name then
    assert [p.name for p in read_people(tmp_path)] == ["anna", "b0", "Ben"]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training has seen these and no others."""
    names = ("motion/obama/Obama_clip2", "motion/a/a1", "motion/a/a2", "motion/b/b1", "motion/b/b2")
    digests = frozenset(roster._digest(name) for name in names)
    monkeypatch.setattr(roster, "_roster", lambda: digests)


@pytest.mark.usefixtures("seen")
def test_persons_are_judged_by_what_training_has_not_seen(tmp_path: Path) -> None:
    # Training has seen loud clips of each; what is kept back of each is quiet.
    files = {("a", "a1"): 0.8, ("a", "a3"): 0.2, ("a", "a2"): 0.8, ("b", "b1"): 0.8,
             ("b", "b2"): 0.8, ("c", "c1"): 0.4}  # fmt: skip
    rows = [{"name": "Obama_clip2", "folder": "obama", "fps": 25}]
    for (corpus, name), gain in files.items():
        (tmp_path / "motion" / corpus).mkdir(parents=True, exist_ok=True)
        write(tmp_path / "motion" / corpus / f"{name}.npz", motion(gain, seconds=6))
        rows.append({"name": name, "folder": corpus, "fps": 25})
    (tmp_path / "motion" / "obama").mkdir()
    loud, quiet = motion(0.8, seconds=20), motion(0.2, seconds=5)
    weights = np.concatenate([loud.weights, quiet.weights])
    both = MotionClip(np.arange(625) * 640, weights, np.concatenate([loud.pose, quiet.pose]))
    write(tmp_path / "motion" / "obama" / "Obama_clip2.npz", both)
    (tmp_path / "motion" / "manifest.json").write_text(json.dumps(rows))
    people = {p.name: p for p in read_people(tmp_path)}
    assert list(people) == ["obama", "a", "c", "b"]
    assert [p.known for p in people.values()] == [
        "judged by clips kept back", "judged by clips kept back", "never trained on", "trained on"
    ]  # fmt: skip
    jaw = INDEX["jawOpen"] + 52  # deviation
    quietly = motion(0.2).weights[:, INDEX["jawOpen"]].std()
    for name in ("obama", "a"):
        assert people[name].reference[jaw] == pytest.approx(quietly, rel=0.05)
    assert people["b"].reference[jaw] == pytest.approx(4 * quietly, rel=0.05)
    assert people["a"].seconds == 18
    (tmp_path / "motion" / "manifest.json").write_text('[{"name": 1}]')
    with pytest.raises(AudioError, match=r"manifest\.json"):
        read_people(tmp_path)


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
    assert found["persons"]["rate_trained"] is None and 0 <= found["persons"]["rate_kept_back"] <= 1
    assert [p["trained"] for p in found["persons"]["people"]] == [False, False]
    for life in found["idle"]["silence"].values():
        assert life["frozen_s"] == 0 and life["speed_max"] > 0 and life["yaw_sd_deg"] > 0
    for name in ("recognised_named.png", "recognised_persons.png", "intensity.png"):
        assert (tmp_path / name).stat().st_size > 5_000
