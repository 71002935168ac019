"""Recorded motion: read, shifted, cut; the split holds and nothing kept back decides."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.errors import AudioError
from engine.eval.performances import (
    BACK,
    Performance,
    kept_back,
    on_grid,
    read_performances,
    settled,
)
from engine.face.blendshapes import INDEX
from engine.face.rigs import GAIN
from engine.motion.curves import Curves
from engine.offline import MotionClip
from engine.style.reference import from_rest

JAW = INDEX["jawOpen"]


def performance(name: str, person: str, jaw: np.ndarray, corpus: str = "") -> Performance:
    weights = np.zeros((len(jaw), 52), np.float32)
    weights[:, JAW] = jaw
    pcm = np.zeros(640 * len(jaw), np.float32)
    pose = np.zeros((len(jaw), 6), np.float32)
    return Performance(name, person, pcm, weights, pose, np.ones(52, np.float32), True, corpus)


def write_tracked(path: Path, jaw: np.ndarray, fps: float) -> None:
    names = np.array(["_neutral", "jawOpen", "cheekPuff"])
    rows = np.stack([np.zeros_like(jaw), jaw, jaw], 1).astype(np.float16)
    head = np.tile(np.eye(4, dtype=np.float32), (len(jaw), 1, 1))
    times = (np.arange(len(jaw)) / fps).astype(np.float32)
    np.savez(path, trk_bs52=rows, trk_names=names, trk_head=head, trk_t=times, trk_aperture=jaw)


def test_the_split_is_by_name_and_hash() -> None:
    still = np.zeros(4)
    kept = [("2_04", "facegood", "facegood"), ("ob_4", "address", "address"),
            ("3_15" + BACK, "facegood", "facegood"), ("grid_s33_x", "grid_s33", "grid_s33"),
            ("grid_s1_bbbm2p", "grid_s1", "grid_s1"), ("grid_lrwp9a", "grid_lrwp", "grid"),
            ]  # fmt: skip
    free = [("2_01", "facegood", "facegood"), ("ob_1", "address", "address"),
            ("3_15", "facegood", "facegood"), ("grid_s34_x", "grid_s34", "grid_s34"),
            ("grid_s1_bbal6n", "grid_s1", "grid_s1"), ("grid_bbaf2n", "grid_bbaf", "grid"),
            ]  # fmt: skip
    assert all(kept_back(performance(n, p, still, c)) for n, p, c in kept)
    assert not any(kept_back(performance(n, p, still, c)) for n, p, c in free)


def test_kept_back_clips_decide_nothing() -> None:
    jaw = 0.1 + 0.2 * np.sin(np.arange(100)) ** 2
    loud = np.linspace(0.4, 1.0, 100)
    alone = settled([performance("2_01", "facegood", jaw)])[0]
    beside, kept = settled(
        [performance("2_01", "facegood", jaw), performance("2_04", "facegood", loud)]
    )
    np.testing.assert_array_equal(alone.weights, beside.weights)
    assert kept.weights[:, JAW].max() > beside.weights[:, JAW].max()
    # A person without any clip to train on is settled by what there is.
    (only,) = settled([performance("2_04", "facegood", loud)])
    assert only.weights[:, JAW].min() == 0


def test_a_folder_is_read_shifted_and_cut(tmp_path: Path) -> None:
    folder = tmp_path / "motion" / "obama"
    folder.mkdir(parents=True)
    jaw = np.zeros(22 * 30, np.float32)
    jaw[300:] = 0.5
    write_tracked(folder / "Obama_clip2.npz", jaw, 30)
    soundfile.write(folder / "Obama_clip2.wav", np.zeros(22 * 16_000), 16_000)
    row = {"name": "Obama_clip2", "folder": "obama", "fps": 30, "shift_video": 3}
    (tmp_path / "motion" / "manifest.json").write_text(json.dumps([row]))
    front, back = read_performances(tmp_path)
    assert (len(front.weights), len(back.weights)) == (500, 50) and len(back.pcm) == 32_000
    # Frame 300 of 30 a second, three frames later: 10.1 s.
    assert int(np.argmax(front.weights[:, JAW] > 0.4)) == 253
    assert not kept_back(front) and kept_back(back)
    (folder / "Obama_clip2.wav").unlink()
    with pytest.raises(AudioError, match="has no sound"):
        read_performances(tmp_path)


def test_each_kind_of_curve_has_its_own_range() -> None:
    jaw = 0.1 + 0.5 * np.sin(np.arange(100)) ** 2
    every = [
        replace(performance(kind, "anna", jaw), kind=kind)
        for kind in ("motion", "arkit", "mediapipe")
    ]
    ours, link, tracked = (clip.weights[:, JAW] for clip in settled(every))
    rest = np.percentile(jaw, 10)
    np.testing.assert_allclose(ours, jaw, atol=1e-6)  # from rest already
    np.testing.assert_allclose(link, np.clip(jaw - rest, 0, 1), atol=1e-6)
    truth = np.clip(GAIN["jawOpen"] * np.clip(jaw - rest, 0, 1), 0, 1)
    np.testing.assert_allclose(tracked, truth, atol=1e-6)
    # The same as a user's clip gets.
    for kind, shown in (("motion", ours), ("arkit", link), ("mediapipe", tracked)):
        raw = performance("x", "x", jaw)
        clip = MotionClip(np.arange(100) * 640, raw.weights, raw.pose)
        np.testing.assert_allclose(from_rest(clip, kind).weights[:, JAW], shown, atol=1e-6)


def test_motion_beside_its_sound_is_refused() -> None:
    times = np.arange(50) / 25 + 9.0
    curves = Curves("motion", times, np.zeros((50, 52), np.float32), np.zeros((50, 6), np.float32),
                    np.ones(52, np.float32), True)  # fmt: skip
    sound = np.zeros(16_000, np.float32)
    for shift in (0.0, float("nan")):
        with pytest.raises(AudioError, match=r"sound lasts 1\.00 s"):
            on_grid(curves, sound, "late", "late", shift=shift)
    on_grid(curves, sound, "late", "late", shift=-8.5)


@pytest.mark.data
def test_real_clips_are_whole_and_in_time(data_dir: Path) -> None:
    from engine.motion.channels import opening

    clips = read_performances(data_dir)
    assert len(clips) == 207 and 35 < sum(map(kept_back, clips)) < 45
    for clip in clips:
        assert clip.weights.min() >= 0 and clip.weights.max() <= 1
        assert len(clip.weights) == len(clip.pcm) // 640
    # With the shifts applied the rig's jaw is best in time with loudness within a frame.
    lags = []
    for clip in [c for c in clips if c.rig]:
        jaw = opening(clip.weights)
        level = np.sqrt((clip.pcm[: len(jaw) * 640].reshape(len(jaw), 640) ** 2).mean(1))
        shifted = [np.corrcoef(np.roll(jaw, -lag)[5:-5], level[5:-5])[0, 1] for lag in range(-4, 5)]
        lags.append(int(np.argmax(shifted)) - 4)
    assert abs(float(np.mean(lags))) <= 1.0
