"""Films for Chromium's fake camera: our own avatar in front of it, talking and turning its head."""

from pathlib import Path

import numpy as np

from engine import offline
from engine.avatar import Avatar
from engine.frames import FPS, SAMPLE_RATE, Motion
from streaming.sources.file import live_blocks

CLIP = Path(__file__).parents[1] / "golden" / "speech" / "103-1240-0000.flac"
SIDE = 320  # pixels
SECONDS = 8
TURN_S = 4.0  # from one side to the other and back; the film repeats without a jump
YAW = 15.0  # degrees


def yaw(second: float) -> float:
    """Where the head is turned."""
    return YAW * float(np.sin(2 * np.pi * second / TURN_S))


def person(path: Path) -> Path:
    """A YUV4MPEG2 film of SECONDS."""
    pcm = np.concatenate([s.pcm[:, 0] for s in live_blocks(CLIP)])[::3] / np.float32(32768)
    clip = offline.motion(pcm[: SECONDS * SAMPLE_RATE])
    avatar = Avatar.load(size=SIDE)
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W{SIDE} H{SIDE} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for start, weights, pose in zip(clip.start, clip.weights, clip.pose, strict=True):
            turned = pose.copy()
            turned[0] = yaw(int(start) / SAMPLE_RATE)
            video = avatar.render(Motion(int(start), weights, turned))
            out.write(b"FRAME\n" + video.i420.tobytes())
    return path
