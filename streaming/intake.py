"""Places what a source sends on the session's clock, and keeps the clock in step with the source.

A microphone has its own crystal and packets have jitter. Sound number `s` of the source belongs to
session sample `s + base`; `base` is fixed when the first packet comes, so that its last sample is
"now". From then on the clock, not the sound, gives way: it is nudged until nine packets of ten
arrive by their own end. Nothing is resampled and nothing drifts.
"""

from collections import deque

from engine.frames import HOP, SAMPLE_RATE
from streaming.clock import LoopClock
from streaming.sound import Sound

FAR = SAMPLE_RATE  # a packet so long after a sample is not the one that brought it
JUMP = SAMPLE_RATE // 2  # a packet this far from its time is a new beginning
WINDOW = 50  # packets (1 s) that judge the clock
PATIENCE = 0.1  # share of packets that may come after their time
DEADBAND = 48  # 3 ms: below this the clock is right
SLEW = 4  # samples per packet: 1.25 %, inaudible to a receiver's jitter buffer


class Intake:
    """For one source; give a new source a new Intake or let the jump be noticed."""

    def __init__(self, clock: LoopClock) -> None:
        self._clock = clock
        self._base: int | None = None  # session minus source position, at the source's rate
        self._rate = 0
        self._leads: deque[int] = deque(maxlen=WINDOW)
        self._arrivals: deque[tuple[int, int]] = deque(maxlen=100)  # (end of packet, clock)

    def place(self, sound: Sound) -> Sound:
        """The same sound with `start` on the session's clock (at the sound's own rate)."""
        now = self._clock.now()
        scale = sound.rate / SAMPLE_RATE
        if self._base is None or self._rate != sound.rate:
            self._begin(sound, now)
        assert self._base is not None
        lead = int((sound.end + self._base) / scale) - now
        if abs(lead) > JUMP:
            self._begin(sound, now)
            lead = 0
        self._leads.append(lead)
        self._follow()
        placed = Sound(sound.start + self._base, sound.rate, sound.pcm)
        self._arrivals.append((int(placed.end / scale), now))
        return placed

    def arrival(self, sample: int) -> int:
        """Clock time at which a sample of the session had arrived; where nothing was sent, its own
        time and a packet's."""
        for end, when in self._arrivals:
            if end > sample:
                return when if end - sample <= FAR else sample + HOP
        return sample + HOP

    def _begin(self, sound: Sound, now: int) -> None:
        self._rate = sound.rate
        self._base = now * sound.rate // SAMPLE_RATE - sound.end
        self._leads.clear()

    def _follow(self) -> None:
        if len(self._leads) < WINDOW // 2:
            return
        lead = sorted(self._leads)[int(len(self._leads) * PATIENCE)]
        if abs(lead) <= DEADBAND:
            return
        step = max(-SLEW, min(SLEW, lead))
        self._clock.nudge(step)
        self._leads = deque((x - step for x in self._leads), maxlen=WINDOW)
