"""Between a camera and a session: faces that were seen wait here for the motion they go with.

`see` and `on` belong to the event loop, `lead` to the engine's thread; a deque takes appends from
one and pops from the other. Every motion that goes in comes out.
"""

from collections import deque

from engine.frames import Motion
from engine.motion.follow import Follow, lead

WAITING = 10  # faces (0.4 s at 25 a second); the oldest are dropped

FOLLOW = Follow()


class Mimic:
    """Of one session."""

    def __init__(self) -> None:
        self.on = False  # head, brows, lids and gaze follow the camera
        self._seen: deque[Motion] = deque(maxlen=WAITING)
        self._state = FOLLOW.init_state(1)

    def see(self, face: Motion) -> None:
        """A face from rest, seen when sample `face.start` was heard."""
        self._seen.append(face)

    def lead(self, motions: list[Motion]) -> list[Motion]:
        """The same motions with the person's gestures, as far as they are followed."""
        led = []
        for motion in motions:
            seen = [self._seen.popleft() for _ in range(len(self._seen))]
            motion, self._state = lead(FOLLOW, motion, seen, self.on, self._state)
            led.append(motion)
        return led
