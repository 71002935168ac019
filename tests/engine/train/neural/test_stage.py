"""What is played before the teacher's camera, and the set on disk."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.face.camera import POSE_LIMITS
from engine.face.package import load
from engine.frames import SAMPLES_PER_FRAME
from engine.train.neural import drama, stage
from engine.train.neural.shots import Shots


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundled clips cut to one second of the first."""
    whole = drama.clips
    monkeypatch.setattr(drama, "clips", lambda held: [p[8000:24000] for p in whole(held)[:1]])


def test_made_up_faces_stay_within_what_a_face_can_do_and_move_smoothly() -> None:
    chance = np.random.default_rng(3)
    for _ in range(20):
        motions = drama.acted(chance, drama.FRAMES)
        weights = np.stack([m.weights for m in motions])
        pose = np.stack([m.pose for m in motions])
        assert len(motions) == drama.FRAMES and np.isfinite(weights).all()
        assert weights.min() >= 0 and weights.max() <= 1
        assert (np.abs(pose) <= POSE_LIMITS * 1.3).all()
        assert np.diff([m.start for m in motions]).tolist() == [SAMPLES_PER_FRAME] * 15


def test_held_out_speech_and_styles_are_others() -> None:
    assert not set(drama.HELD_STYLES) & set(drama.STYLES)
    train, held = drama.clips(False), drama.clips(True)
    assert len(train) == 7 and len(held) == drama.HELD_CLIPS
    assert not any(np.array_equal(a, b) for a in train for b in held)


def test_a_set_is_planned_drawn_once_and_resumed(
    short: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drama, "FRAMES", 4)
    scenes = drama.plan(load("mira"), 8, 4, seed=0)
    assert [s.held for s in scenes] == [True, False, False]  # what is measured on comes first
    assert [len(s.motions) for s in scenes] == [4, 4, 4]
    assert any(m.ppg is not None for s in scenes for m in s.motions)
    stage.perform(tmp_path, "mira", frames=8, held=4, size=64)
    shots = Shots(tmp_path)
    assert len(shots) == 8 and len(shots.held) == 1 and shots.channels == 4
    crop = shots.train[0].crop(0, 4)
    alpha = crop.target[..., 3] / 255
    assert alpha.shape == (4, 64, 64)
    # The mesh's silhouette and the teacher's are one.
    small = alpha if alpha.shape[1:] == crop.coverage.shape[1:] else alpha[:, ::2, ::2]
    assert np.abs(small - crop.coverage).mean() < 0.06
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*/clip.json")}
    gone = next(iter(before))
    about = json.loads(gone.read_text())
    about["about"]["mesh"] = "another"
    gone.write_text(json.dumps(about))
    drawn: list[str] = []
    real = stage._draw

    def noted(
        folder: Path, avatar: str, size: int, scene: drama.Scene, about: dict[str, str]
    ) -> int:
        drawn.append(scene.name)
        return real(folder, avatar, size, scene, about)

    monkeypatch.setattr(stage, "_draw", noted)
    stage.perform(tmp_path, "mira", frames=8, held=4, size=64)
    assert drawn == [gone.parent.name]
