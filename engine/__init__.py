"""Samples and state in, pictures and state out: the engine of Vivify.

Deterministic and synchronous; runs the same offline and live. Knows no threads, sockets or clock.
"""

from engine import offline
from engine.avatar import Avatar
from engine.errors import VivifyError
from engine.frames import Audio, Motion, Video
from engine.offline import MotionClip, PPGClip
from engine.style.code import Style
from engine.style.library import StyleLibrary

__all__ = [
    "Audio",
    "Avatar",
    "Motion",
    "MotionClip",
    "PPGClip",
    "Style",
    "StyleLibrary",
    "Video",
    "VivifyError",
    "offline",
]
