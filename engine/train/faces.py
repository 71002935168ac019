"""Faces for the tracker's regressor: tracked videos and renders of our own avatars.

Contract: landmarks are those the shipped tracker sees (the wheel's networks, steadied); targets of
videos are MediaPipe's own coefficients of the same pictures, those of renders are exact. What
engine.eval.performances keeps back is marked, never trained on.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from engine.eval.performances import BACK, kept_back, read_performances
from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import BLENDSHAPES, F32, SAMPLE_RATE, U8, Motion
from engine.render.renderer import Renderer
from engine.tracker.coefficients import MEDIAPIPE, SUBSET, given
from engine.tracker.mesh import landmarks, surround
from engine.tracker.models import Models
from engine.tracker.pose import Rigid, angles, head
from engine.tracker.steady import Steady, steady
from engine.tracker.still import find

FLIP = np.array([1, -1, -1], np.float32)  # pixels -> x right, y up, z to the camera
_VIDEOS = (".mp4", ".mpg")
_GAZE = ("eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeLookDown")


@dataclass(frozen=True, slots=True)
class Faces:
    """Pictures of one clip, or of one avatar."""

    name: str
    person: str
    back: bool  # for measuring only
    seen: F32  # [N, 478, 3] the wheel's landmarks in the head's frame, its size 1
    turns: F32  # [N, 3, 3] of the head by them
    pose: F32  # [N, 6]
    model: F32  # [N, 478, 3] the landmarks of the .task, likewise
    weights: F32  # [N, 52] what they mean
    tracked: F32  # [N, 52] the same pictures in the data's own tracks; weights for renders
    tracked_pose: F32  # [N, 6]

    def __len__(self) -> int:
        return len(self.seen)


def normal(points: npt.NDArray[np.floating]) -> F32:
    """Points [N, 478, 3] in the head's frame -> centred, of size 1, as the regressor sees them."""
    chosen = points[:, SUBSET[:-10]]
    points = points - chosen.mean(1, keepdims=True)
    chosen = points[:, SUBSET[:-10], :2]
    size = np.sqrt((chosen**2).sum(-1).mean(1))
    return np.asarray(points / size[:, None, None], np.float32)


def turned(points: F32, rigid: Rigid, shape: tuple[int, int]) -> tuple[F32, F32, F32]:
    """Landmarks [N, 478, 3] in pixels -> normal ones in the head's frame, turns, poses."""
    matrices = [head(rigid, p, shape[1], shape[0]) for p in points]
    turns = np.array([m[:3, :3] / np.linalg.norm(m[:3, :3], axis=0) for m in matrices], np.float32)
    poses = np.array([angles(m) for m in matrices], np.float32)
    return normal((points * FLIP) @ turns), turns, poses


def videos(data: Path, work: Path, models: tuple[Models, Models], rigid: Rigid) -> list[Faces]:
    """All tracked videos of DATA/motion; landmarks are kept in `work` for the next run."""
    folder = data / "motion"
    rows = {r["name"]: r for r in json.loads((folder / "manifest.json").read_text())}
    clips = []
    for clip in tqdm(read_performances(data), desc="videos", unit="clip"):
        row = rows[clip.name.removesuffix(BACK)]
        stem = folder / row["folder"] / row["name"]
        path = next((p for e in _VIDEOS if (p := stem.with_suffix(e)).is_file()), None)
        if path is None:
            continue
        times, wheel, model, shape = _kept(path, work / f"{row['name']}.npz", models)
        with np.load(stem.with_suffix(".npz")) as arrays:
            tracked, poses = _tracks(dict(arrays), times)
        # A clip cut in two: its trained part is the first one.
        heard = times + float(row["shift_video"]) / float(row["fps"])
        length = len(clip.pcm) / SAMPLE_RATE
        last = heard[-1] + 0.1
        mine = heard >= last - length if clip.name.endswith(BACK) else heard < length
        seen, turns, pose = turned(_steadied(wheel[mine], times[mine]), rigid, shape)
        calm = _steadied(model[mine], times[mine])
        assert models[1].blendshapes is not None
        weights = np.array([given(models[1].blendshapes, p) for p in calm])
        clips.append(
            Faces(clip.name, clip.person, kept_back(clip), seen, turns, pose,
                  turned(calm, rigid, shape)[0], weights, tracked[mine], poses[mine])
        )  # fmt: skip
    return clips


def renders(count: int, size: int, models: Models, rigid: Rigid, seed: int) -> list[Faces]:
    """`count` random faces of each bundled avatar at `size` pixels, but those not found."""
    rng, out = np.random.default_rng(seed), []
    for name in ("mira", "theo"):
        renderer = Renderer(name, size=size)
        found, weights, poses = [], [], []
        for _ in tqdm(range(count), desc=f"renders of {name}", unit="face"):
            weight, pose = _face(rng)
            points = find(models, renderer.render_rgb(Motion(0, weight, pose)))
            if points is not None:
                found.append(points)
                weights.append(weight)
                poses.append(pose)
        seen, turns, pose_seen = turned(np.array(found), rigid, (size, size))
        exact = np.array(weights)
        out.append(
            Faces(name, name, False, seen, turns, pose_seen, seen, exact, exact, np.array(poses))
        )
    return out


def _face(rng: np.random.Generator) -> tuple[F32, F32]:
    """A random face: a few channels, mostly both sides alike; mouth, lids and gaze more often."""
    weights = np.zeros(BLENDSHAPES, np.float32)
    chosen = rng.choice(BLENDSHAPES, rng.integers(9), replace=False)
    weights[chosen] = rng.uniform(0.1, 1, len(chosen))
    for left in (i for i, name in enumerate(ARKIT) if name.endswith("Left") and "Look" not in name):
        if ARKIT[left + 1].endswith("Right") and rng.random() < 0.7:
            weights[left : left + 2] = weights[left : left + 2].max()
    if rng.random() < 0.7:
        weights[INDEX["jawOpen"]] = rng.beta(1.2, 3)
    if rng.random() < 0.4:
        weights[[INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = rng.random()
    across, up = rng.normal(0, 0.4, 2) if rng.random() < 0.5 else (0.0, 0.0)
    for name, gaze_left, gaze_right in zip(
        _GAZE, (-across, across, up, -up), (across, -across, up, -up), strict=True
    ):
        weights[INDEX[name + "Left"]] = np.clip(gaze_left, 0, 1)
        weights[INDEX[name + "Right"]] = np.clip(gaze_right, 0, 1)
    turn, shift = rng.normal(0, [12, 8, 6]), rng.normal(0, [0.05, 0.05, 0.1])
    return weights, np.concatenate([turn, shift]).astype(np.float32)


def _kept(
    path: Path, kept: Path, models: tuple[Models, Models]
) -> tuple[F32, F32, F32, tuple[int, int]]:
    """Times [N] s, landmarks [N, 478, 3] by both sets of networks, and the pictures' shape."""
    if not kept.is_file():
        times, found = [], []
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            last: list[F32 | None] = [None, None]
            for frame in container.decode(stream):
                rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                last = [_next(m, rgb, p) for m, p in zip(models, last, strict=True)]
                if last[0] is not None and last[1] is not None:
                    times.append(frame.time)
                    found.append(last)
        kept.parent.mkdir(parents=True, exist_ok=True)
        points = np.array(found, np.float32)
        np.savez(kept, t=times, wheel=points[:, 0], task=points[:, 1], shape=rgb.shape[:2])
    with np.load(kept) as arrays:
        height, width = (int(n) for n in arrays["shape"])
        return arrays["t"], arrays["wheel"], arrays["task"], (height, width)


def _next(models: Models, rgb: U8, last: F32 | None) -> F32 | None:
    if last is None:
        return find(models, rgb)
    points, presence = landmarks(models, rgb, surround(last))
    return points if presence >= 0.5 else None


def _steadied(points: F32, times: F32) -> F32:
    out: list[F32] = []
    state: Steady | None = None
    for i, found in enumerate(points):
        calm = steady(found, float(times[i] - times[i - 1]) if i else 0.04, state)
        out.append(calm.points)
        state = calm
    return np.array(out, np.float32)


def _tracks(arrays: dict[str, np.ndarray], times: F32) -> tuple[F32, F32]:
    """The data's own weights [N, 52] and poses [N, 6] at `times`."""
    names, rows = [str(name) for name in arrays["trk_names"]], arrays["trk_bs52"]
    weights = np.zeros((len(rows), BLENDSHAPES), np.float32)
    for name in MEDIAPIPE[1:]:
        weights[:, INDEX[name]] = rows[:, names.index(name)]
    poses = np.array([angles(matrix) for matrix in arrays["trk_head"]])
    return tuple(
        np.stack([np.interp(times, arrays["trk_t"], c) for c in curve.T], 1).astype(np.float32)
        for curve in (weights, poses)
    )  # type: ignore[return-value]
