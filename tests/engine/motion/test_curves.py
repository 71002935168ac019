"""Every layout of recorded motion reads as the same curves; what does not fit is refused."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import TrackingError
from engine.face.blendshapes import ARKIT, INDEX
from engine.face.rigs import FACEGOOD, UNTRACKED
from engine.motion.curves import read_curves

RNG = np.random.default_rng(0)
ROWS = 60
WEIGHTS = RNG.uniform(0, 0.6, (ROWS, 52)).astype(np.float32)


def motion(**changes: object) -> dict[str, object]:
    """The arrays of demos.speak_file --motion."""
    arrays: dict[str, object] = {
        "start": np.arange(ROWS, dtype=np.int64) * 640,
        "weights": WEIGHTS,
        "names": np.array(ARKIT),
        "pose": RNG.normal(0, 2, (ROWS, 6)).astype(np.float32),
    }
    return {k: v for k, v in {**arrays, **changes}.items() if v is not None}


def tracked(**changes: object) -> dict[str, object]:
    """As the development data has it: MediaPipe's names, `_neutral` and no tongue."""
    arrays: dict[str, object] = {
        "trk_bs52": np.roll(WEIGHTS, 1, axis=1).astype(np.float16),
        "trk_names": np.array(["_neutral", *ARKIT[:51]]),
        "trk_t": np.arange(ROWS, dtype=np.float32) / 30,
        "trk_head": np.tile(np.eye(4, dtype=np.float32), (ROWS, 1, 1)),
    }
    return {k: v for k, v in {**arrays, **changes}.items() if v is not None}


def rig(**changes: object) -> dict[str, object]:
    """FACEGOOD's layout."""
    names = sorted({name for sources in FACEGOOD.values() for name in sources})
    arrays: dict[str, object] = {
        "weights": WEIGHTS[:, : len(names)],
        "names": np.array(names),
        "fps": np.float64(30.0),
    }
    return {k: v for k, v in {**arrays, **changes}.items() if v is not None}


def saved(path: Path, arrays: dict[str, object]) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def test_motion(tmp_path: Path) -> None:
    curves = read_curves(saved(tmp_path / "m.npz", motion()))
    assert curves.kind == "motion" and curves.has_head and curves.mask.all()
    np.testing.assert_array_equal(curves.weights, WEIGHTS)
    np.testing.assert_allclose(curves.times, np.arange(ROWS) / 25)
    order = RNG.permutation(52)
    mixed = motion(weights=WEIGHTS[:, order], names=np.array(ARKIT)[order])
    np.testing.assert_array_equal(read_curves(saved(tmp_path / "x.npz", mixed)).weights, WEIGHTS)
    assert not read_curves(saved(tmp_path / "h.npz", motion(pose=None))).has_head


def test_tracked(tmp_path: Path) -> None:
    curves = read_curves(saved(tmp_path / "t.npz", tracked()))
    assert curves.kind == "mediapipe" and curves.has_head and not curves.rig
    column = INDEX["jawOpen"]
    np.testing.assert_allclose(curves.weights[:, column], WEIGHTS[:, column], atol=1e-3)
    for name in UNTRACKED:
        assert not curves.mask[INDEX[name]] and not curves.weights[:, INDEX[name]].any()
    np.testing.assert_allclose(curves.pose, 0, atol=1e-5)


def test_times_are_those_of_the_sound(tmp_path: Path) -> None:
    begins = motion(start=16_000 + np.arange(ROWS, dtype=np.uint32) * 640)
    times = read_curves(saved(tmp_path / "m.npz", begins)).times
    np.testing.assert_allclose(times, 1 + np.arange(ROWS) / 25)
    seen = tracked(trk_t=(2.5 + np.arange(ROWS) / 30).astype(np.float32))
    assert read_curves(saved(tmp_path / "t.npz", seen)).times[0] == 2.5
    assert read_curves(saved(tmp_path / "r.npz", rig())).times[0] == 0


def test_rig_and_arkit_curves_in_its_layout(tmp_path: Path) -> None:
    curves = read_curves(saved(tmp_path / "r.npz", rig()))
    assert curves.rig and not curves.has_head and curves.mask.sum() == len(FACEGOOD)
    engine = rig(weights=WEIGHTS, names=np.array(ARKIT))
    curves = read_curves(saved(tmp_path / "e.npz", engine))
    assert curves.kind == "arkit" and curves.mask.all()


NAN = WEIGHTS.copy()
NAN[3, 3] = np.nan


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        (motion(weights=NAN), "NaN"),
        (motion(weights=100 * WEIGHTS), "percentages"),
        (motion(weights=WEIGHTS[:30]), r"\[30, 60\]"),
        (motion(weights=WEIGHTS[:, :51]), "names"),
        (motion(weights=WEIGHTS[:, :, None]), "weights is"),
        (motion(weights=np.array(["x"] * ROWS)), "weights is"),
        (motion(names=np.array([f"x{i}" for i in range(52)])), "no ARKit channel"),
        (motion(names=np.array(["jawOpen"] * 52)), "twice"),
        (motion(names=np.arange(52)), "names is"),
        (motion(start=np.arange(ROWS) / 25), "start is"),
        (motion(start=np.zeros(ROWS, np.int64)), "stand still"),
        (motion(start=np.arange(ROWS) * 10**9), "hours"),
        (motion(start=10**15 + np.arange(ROWS) * 640), "beginning of the sound"),
        (motion(start=np.array([-(2**63), 2**63 - 1] * 30)), "go back"),
        (motion(pose=np.full((ROWS, 6), 1e9, np.float32)), "degrees"),
        (motion(pose=np.zeros((ROWS, 5), np.float32)), "pose is"),
        (motion(start=None), "expected a motion npz"),
        (tracked(trk_head=np.zeros((ROWS, 4, 4))), "turn nothing"),
        (tracked(trk_head=np.zeros((ROWS, 3))), "trk_head is"),
        (tracked(trk_t=np.full(ROWS, np.inf)), "NaN"),
        (rig(fps=np.float64(0)), "fps is 0"),
        (rig(fps=np.float64(np.nan)), "fps is nan"),
        (rig(names=np.array([f"bone{i}" for i in range(16)])), "do not fit"),
        ({"x": np.zeros(3)}, "expected a motion npz"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, arrays: dict[str, object], says: str) -> None:
    with pytest.raises(TrackingError, match=says):
        read_curves(saved(tmp_path / "bad.npz", arrays))
