"""Reference clips: motion by time, from rest, and a style that says what the clip shows."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import PackageError, TrackingError
from engine.face.blendshapes import ARKIT, INDEX
from engine.face.rigs import FACEGOOD, GAIN, UNTRACKED
from engine.motion.channels import STRONG
from engine.offline import MotionClip
from engine.style.encoder import EXPRESSION, statistics
from engine.style.library import StyleLibrary
from engine.style.reference import (
    completed,
    doubts,
    enough,
    filmed,
    measured,
    often_enough,
    read,
    read_clip,
    style_of,
)


def waves(seconds: float, fps: float, rest: float = 0.0) -> np.ndarray:
    """[T, 52]: every channel swings at its own pace above its rest."""
    t = np.arange(round(seconds * fps))[:, None] / fps
    pace = 0.4 + 0.02 * np.arange(52)
    return (rest + 0.15 * (1 - np.cos(2 * np.pi * pace * t))).astype(np.float32)


def motion(path: Path, seconds: float = 6.0, **changes: object) -> Path:
    weights = waves(seconds, 25)
    pose = np.zeros((len(weights), 6), np.float32)
    pose[:, 0] = 5 + np.sin(np.arange(len(weights)) / 10)
    arrays = {
        "start": np.arange(len(weights), dtype=np.int64) * 640, "weights": weights,
        "names": np.array(ARKIT), "pose": pose,
    }  # fmt: skip
    np.savez(path, **{**arrays, **changes})  # type: ignore[arg-type]
    return path


def tracked(path: Path, seconds: float = 6.0, fps: float = 29.97, rest: float = 0.2) -> Path:
    weights = waves(seconds, fps, rest)
    np.savez(
        path, trk_bs52=weights, trk_names=np.array(ARKIT),
        trk_t=np.arange(len(weights)) / fps, trk_head=np.tile(np.eye(4), (len(weights), 1, 1)),
    )  # fmt: skip
    return path


def test_our_motion_comes_back_as_it_is(tmp_path: Path) -> None:
    clip = read_clip(motion(tmp_path / "m.npz"))
    np.testing.assert_allclose(clip.weights, waves(6, 25), atol=1e-6)
    np.testing.assert_array_equal(clip.start, np.arange(150) * 640)
    assert abs(clip.pose[:, 0].mean() - 5) < 0.5  # a manner's own tilt is kept


def test_rows_stay_with_their_sound(tmp_path: Path) -> None:
    late = motion(tmp_path / "late.npz", start=32_000 + np.arange(150) * 640)
    clip = read_clip(late)
    np.testing.assert_array_equal(clip.start, 32_000 + np.arange(150) * 640)
    np.testing.assert_allclose(clip.weights, waves(6, 25), atol=1e-6)
    # Off the grid of ticks: the ticks between its rows. Before the sound there is nothing.
    off = read_clip(motion(tmp_path / "off.npz", start=-1000 + np.arange(150) * 640))
    np.testing.assert_array_equal(off.start, np.arange(148) * 640)
    half = waves(6, 25)[1] + (waves(6, 25)[2] - waves(6, 25)[1]) * (360 / 640)
    np.testing.assert_allclose(off.weights[0], half, atol=1e-5)
    gone = motion(tmp_path / "gone.npz", start=-(10**7) + np.arange(150) * 640)
    with pytest.raises(TrackingError, match=r"0\.00 s of its 6\.00 s"):
        read(gone)


def test_tracked_motion_is_resampled_by_time_and_taken_from_rest(tmp_path: Path) -> None:
    shown = read(tracked(tmp_path / "t.npz"))
    truth = waves(6, 25)[: len(shown.clip.start)]
    for name in ("browInnerUp", "mouthPucker"):
        column = INDEX[name]
        np.testing.assert_allclose(shown.clip.weights[:, column], truth[:, column], atol=0.02)
    jaw = INDEX["jawOpen"]
    np.testing.assert_allclose(
        shown.clip.weights[:, jaw], GAIN["jawOpen"] * truth[:, jaw], atol=0.03
    )
    assert not shown.mask[[INDEX[name] for name in UNTRACKED]].any()


def test_long_losses_are_left_out_and_short_ones_bridged(tmp_path: Path) -> None:
    start = np.arange(200, dtype=np.int64) * 640
    kept = np.r_[0:60, 68:110, 150:200]
    weights = waves(8, 25)[kept]
    path = motion(
        tmp_path / "m.npz", start=start[kept], weights=weights, pose=np.zeros((len(kept), 6))
    )
    clip = read_clip(path)
    missing = set(range(200)) - set(clip.start // 640)
    assert missing == set(range(110, 150))
    whole = measured(read_clip(motion(tmp_path / "w.npz", 8)))
    np.testing.assert_allclose(measured(clip)[104:156], whole[104:156], atol=2e-3)


@pytest.mark.parametrize(
    ("seconds", "says"), [(1.0, "1.00 s"), (1.9, "at least 2 s"), (0.1, "at least 2 s")]
)
def test_short_clips_are_refused(tmp_path: Path, seconds: float, says: str) -> None:
    with pytest.raises(TrackingError, match=says):
        read(motion(tmp_path / "short.npz", seconds))
    assert len(read_clip(motion(tmp_path / "long.npz", 2.0)).start) == 50


def test_slow_recordings_are_refused(tmp_path: Path) -> None:
    for fps, fine in ((5, False), (11, False), (12, True), (15, True)):
        path = tracked(tmp_path / "slow.npz", fps=fps)
        if fine:
            assert len(read_clip(path).start) > 100
        else:
            with pytest.raises(TrackingError, match=rf"{fps}\.0 pictures a second.*at least 12"):
                read(path)
    often_enough([0.0], "one picture")  # too short is said elsewhere


def test_doubts_are_said(tmp_path: Path) -> None:
    assert doubts(read(motion(tmp_path / "long.npz"))) == []
    assert "--head-from" in doubts(read(motion(tmp_path / "short.npz", 2.4)))[0]
    still = motion(tmp_path / "still.npz", weights=np.full((150, 52), 0.3, np.float32))
    assert "hardly moves" in doubts(read(still))[0]
    names = [name for sources in FACEGOOD.values() for name in sources]
    np.savez(tmp_path / "r.npz", weights=waves(4, 30)[:, : len(names)], names=names, fps=30.0)
    told = doubts(read(tmp_path / "r.npz"))
    assert any("no head" in line for line in told) and any("14 of 52" in line for line in told)


def test_what_a_source_does_not_show_is_average_not_frozen() -> None:
    encoder = StyleLibrary().encoder
    clip = MotionClip(np.arange(100) * 640, waves(4, 25), np.ones((100, 6), np.float32))
    row = statistics(clip.weights, clip.pose)
    mask = np.zeros(52, np.float32)
    mask[INDEX["jawOpen"]] = 1
    filled = completed(row, encoder, mask, has_head=False)
    mouth = np.concatenate([np.array(STRONG) + 52 * block for block in range(3)])
    np.testing.assert_array_equal(filled[mouth], row[mouth])
    others = np.setdiff1d(np.arange(len(row)), mouth)
    np.testing.assert_array_equal(filled[others], encoder.mean[others])
    style = style_of("mouth", clip, "test", mask, has_head=False)
    np.testing.assert_allclose(style.code[EXPRESSION:], 0, atol=1e-5)
    np.testing.assert_array_equal(completed(row, encoder, None, True), row)


def test_a_style_is_the_code_of_its_clip(tmp_path: Path) -> None:
    library = StyleLibrary()
    clip = read_clip(motion(tmp_path / "m.npz"))
    style = style_of("mine", clip, "a test")
    np.testing.assert_allclose(
        style.code, library.encoder.encode(clip.weights, clip.pose), atol=1e-5
    )
    assert (style.name, style.made) == ("mine", "a test")
    with pytest.raises(PackageError, match="not allowed"):
        style_of("../mine", clip, "")


def test_bad_motion_of_a_tracker_is_refused() -> None:
    weights = waves(4, 25)
    pose = np.zeros((100, 6), np.float32)
    start = np.arange(100) * 640
    weights[5, 5] = np.nan
    with pytest.raises(TrackingError, match="NaN"):
        measured(MotionClip(start, weights, pose))
    with pytest.raises(TrackingError, match="in one piece"):
        measured(MotionClip(start * 2, waves(4, 25), pose))
    with pytest.raises(TrackingError, match="shows a face for 1.00 s of its 9.00 s"):
        enough(MotionClip(start[:25], weights[:25], pose[:25]), "film.mp4", 9.0)
    shown = filmed(MotionClip(start, waves(4, 25), pose))
    jaw = INDEX["jawOpen"]
    np.testing.assert_allclose(
        shown.clip.weights[:, jaw], GAIN["jawOpen"] * waves(4, 25)[:, jaw], atol=1e-6
    )


@pytest.mark.data
def test_every_recording_of_the_data_makes_a_style(data_dir: Path) -> None:
    for path in sorted((data_dir / "motion").glob("*/*.npz")):
        code = read(path).style("test", "").code
        assert np.isfinite(code).all() and np.abs(code).max() > 0.1
