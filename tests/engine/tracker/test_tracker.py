"""The tracker follows what our avatars do, loses and finds them, and keeps sessions apart."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from engine.errors import TrackingError
from engine.face.blendshapes import INDEX
from engine.frames import U8
from engine.tracker.clip import settle
from engine.tracker.tracker import Tracked, Tracker, TrackerState
from streaming.sources.pictures import pictures

Draw = Callable[..., U8]
TICK = 640


def seen(tracker: Tracker, rgb: U8, start: int = 0, state: TrackerState | None = None) -> Tracked:
    tracked, _ = tracker.step(rgb, start, state or tracker.init_state())
    assert tracked is not None
    return tracked


def r(found: list[float], posed: np.ndarray) -> float:
    return float(np.corrcoef(found, posed)[0, 1])


@pytest.mark.parametrize(
    ("avatar", "channels", "least"),
    [
        ("mira", ("jawOpen",), 0.9),
        ("theo", ("jawOpen",), 0.9),
        ("mira", ("eyeBlinkLeft", "eyeBlinkRight"), 0.85),
        ("theo", ("mouthSmileLeft", "mouthSmileRight"), 0.8),
    ],
)
def test_coefficients_follow_a_render(
    tracker: Tracker, draw: Draw, avatar: str, channels: tuple[str, ...], least: float
) -> None:
    posed = np.random.default_rng(0).uniform(0, 0.9, 7)
    faces = [
        seen(tracker, draw(avatar, yaw=2.0 * (i % 5 - 2), **dict.fromkeys(channels, float(value))))
        for i, value in enumerate(posed)
    ]
    for channel in channels:
        assert r([float(f.weights[INDEX[channel]]) for f in faces], posed) > least
    assert all(np.isfinite(f.weights).all() and not f.side for f in faces)
    assert all((f.weights >= 0).all() and (f.weights <= 1).all() for f in faces)


@pytest.mark.parametrize("axis", ["yaw", "pitch", "roll"])
def test_pose_follows_a_render(tracker: Tracker, draw: Draw, axis: str) -> None:
    posed = np.array([-18.0, -9.0, 0.0, 9.0, 18.0])
    faces = [seen(tracker, draw("theo", **{axis: float(value)})) for value in posed]
    found = np.array([f.pose[("yaw", "pitch", "roll").index(axis)] for f in faces])
    assert r(list(found), posed) > 0.97
    assert 0.6 < np.polyfit(posed, found, 1)[0] < 1.5


def test_gaze_follows_a_render(tracker: Tracker, draw: Draw) -> None:
    left = seen(tracker, draw(eyeLookOutLeft=0.9, eyeLookInRight=0.9)).weights
    right = seen(tracker, draw(eyeLookInLeft=0.9, eyeLookOutRight=0.9)).weights
    for name, sign in (("eyeLookOutLeft", 1), ("eyeLookInLeft", -1), ("eyeLookInRight", 1)):
        assert sign * (left[INDEX[name]] - right[INDEX[name]]) > 0.1


def test_a_lost_face_is_found_again_and_the_state_is_a_value(tracker: Tracker, draw: Draw) -> None:
    face, blank = draw(jawOpen=0.4), np.full((256, 256, 3), 90, np.uint8)
    show = [face] * 3 + [blank] * 4 + [face] * 3
    other = [draw("theo", jawOpen=0.1, yaw=8.0)] * len(show)

    def run(*films: list[U8]) -> list[list[Tracked | None]]:
        states = [tracker.init_state() for _ in films]
        out: list[list[Tracked | None]] = [[] for _ in films]
        for i in range(len(show)):
            for k, film in enumerate(films):
                tracked, states[k] = tracker.step(film[i], i * TICK, states[k])
                out[k].append(tracked)
        return out

    alone, together = run(show)[0], run(show, other)[0]
    assert [t is not None for t in alone] == [True] * 3 + [False] * 4 + [True] * 3
    for a, b in zip(alone, together, strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            np.testing.assert_array_equal(a.weights, b.weights)
            np.testing.assert_array_equal(a.pose, b.pose)


def test_a_face_from_the_side_holds_the_last_front(tracker: Tracker, draw: Draw) -> None:
    front, state = tracker.step(draw("ruth", jawOpen=0.6), 0, tracker.init_state())
    for i, yaw in enumerate((20, 40, 80, 80, 80)):
        picture = draw("ruth", jawOpen=0.6, yaw=float(yaw))
        tracked, state = tracker.step(picture, (i + 1) * TICK, state)
    assert front is not None and tracked is not None
    assert not front.side and tracked.side and tracked.confidence < front.confidence
    assert abs(tracked.weights[INDEX["jawOpen"]] - front.weights[INDEX["jawOpen"]]) < 0.2


def test_the_followed_face_is_kept_beside_a_larger_one(tracker: Tracker, draw: Draw) -> None:
    small, large = draw("theo", size=160), draw("mira", size=256)
    alone = np.full((256, 512, 3), 128, np.uint8)
    alone[:160, :160] = small
    both = alone.copy()
    both[:, 256:] = large
    _, state = tracker.step(alone, 0, tracker.init_state())
    _, kept = tracker.step(both, TICK, state)
    assert kept.region.x < 200
    blank = np.zeros_like(both)
    _, lost = tracker.step(blank, 2 * TICK, kept)
    for i in range(3, 6):
        tracked, lost = tracker.step(both, i * TICK, lost)
        if tracked is not None:
            break
    assert tracked is not None and lost.region.x < 200
    fresh = seen(tracker, both)
    _, largest = tracker.step(both, 0, tracker.init_state())
    assert fresh.confidence > 0.9 and largest.region.x > 256


@pytest.mark.parametrize("kind", ["tiny", "portrait", "wide", "corner", "grey", "dark"])
def test_odd_pictures_of_a_face(tracker: Tracker, draw: Draw, kind: str) -> None:
    face = draw("theo", size=256)
    picture = {
        "tiny": draw("theo", size=64),
        "portrait": np.pad(face, ((200, 100), (0, 0), (0, 0))),
        "wide": np.pad(face, ((100, 100), (300, 300), (0, 0))),
        "corner": np.pad(draw("theo", size=128), ((0, 320), (0, 620), (0, 0))),
        "grey": np.repeat(face.mean(2, keepdims=True).astype(np.uint8), 3, axis=2),
        "dark": (face // 4).astype(np.uint8),
    }[kind]
    state = tracker.init_state()
    tracked = None
    for i in range(4):
        if tracked is None:
            tracked, state = tracker.step(picture, i * TICK, state)
    # From a corner a camera sees even a straight face from aside and from above.
    limit = 25 if kind == "corner" else 15
    assert tracked is not None and abs(tracked.pose[:3]).max() < limit


def test_what_shows_no_face_is_refused(tracker: Tracker) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)
    state, out = tracker.init_state(), []
    for i in range(6):
        tracked, state = tracker.step(noise if i % 2 else noise * 0, i * TICK, state)
        out.append(tracked)
    with pytest.raises(TrackingError, match="front in 0 % of 6 pictures"):
        settle(out)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((9, 9, 3), np.float32),
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((0, 9, 3), np.uint8),
        "a.png",
    ],
)
def test_what_is_no_picture_is_refused(tracker: Tracker, picture: U8) -> None:
    with pytest.raises(TrackingError, match="the picture is .* expected"):
        tracker.step(picture, 0, tracker.init_state())


def test_a_video_becomes_motion(tracker: Tracker, draw: Draw, tmp_path: Path) -> None:
    path, posed = tmp_path / "clip.mp4", 0.4 + 0.4 * np.sin(np.arange(24) / 2)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 256, 256, "yuv420p"
        for value in posed:
            rgb = draw("theo", jawOpen=float(value))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    state, out = tracker.init_state(), []
    for rgb, start in pictures(path):
        tracked, state = tracker.step(rgb, start, state)
        out.append(tracked)
    motion = settle(out)
    want = np.interp(motion.start / 16000, np.arange(24) / 30, posed)
    assert (np.diff(motion.start) == TICK).all() and len(motion.start) == 20
    assert r(list(motion.weights[:, INDEX["jawOpen"]]), want) > 0.85
