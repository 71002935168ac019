"""Time, threads and the network around the engine; no array arithmetic.

`Session` is one live voice and its face; sources feed it, `Playout` releases what it makes.
"""

from streaming.clock import Clock, LoopClock
from streaming.errors import SessionClosed, TransportError
from streaming.playout import Playout
from streaming.session import Session
from streaming.sound import Sink, Sound, Source

__all__ = [
    "Clock", "LoopClock", "Playout", "Session", "SessionClosed", "Sink", "Sound", "Source",
    "TransportError",
]  # fmt: skip
