"""Whether there is time for dear pictures: neural ones, of avatars that can be drawn as toons too.

One for all sessions of an engine thread, because they share its time. While dear pictures come
late too often, every avatar is drawn plainly. After a hold some pictures are drawn the dear way as
well, one at a time and never shown, and only their cost is looked at; if that would fit, dear ones
come back. A return that does not last doubles the hold, so looks do not flap.

Contract: knows no clock and no pictures, only what is told; times are seconds of one clock.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median

WINDOW_S = 3.0
LATE = (
    0.25  # share of late pictures that is too many, in the first and the last third of the window
)
LEAST = 5  # late pictures in both; fewer, or in one of them only, are an accident
CALM = 0.04  # share of late pictures up to which dear ones may be tried
ROOM = 0.85  # share of the engine's time that may be planned
HOLD_S = 4.0
LONGEST_S = 120.0
STABLE_S = 20.0  # a return that lasted as long was right
PROBE_S = 0.5  # between probes
PROBES = 4


@dataclass(frozen=True, slots=True)
class _Picture:
    when: float
    slack: float  # seconds between being ready and being due; negative: late
    spent: float  # seconds of drawing
    able: bool  # of an avatar that could be dear


class Pace:
    """Told of every picture; `dear` says how to draw the next one."""

    def __init__(self) -> None:
        self.dear = True
        self.falls = 0  # from dear to plain
        self._pictures: deque[_Picture] = deque()
        self._work: deque[tuple[float, float]] = deque()  # when, seconds of the engine
        self._hold = HOLD_S
        self._since = -STABLE_S  # of the latest return
        self._free = 0.0  # when probes may begin, then: the next one
        self._probes: list[float] = []

    def worked(self, now: float, spent: float) -> None:
        """The engine was busy for `spent` seconds, with whatever."""
        self._work.append((now, spent))
        while self._work[0][0] < now - WINDOW_S:
            self._work.popleft()

    def drew(self, now: float, slack: float, spent: float, able: bool) -> None:
        """A picture is ready, or was left out because it would have been late (`spent` 0).

        `slack`: seconds until it is due; `able`: its avatar can be drawn dearly.
        """
        self._pictures.append(_Picture(now, slack, spent, able))
        self._trim(now)
        if self.dear and self._crowded(now) and any(p.able for p in self._pictures):
            self._fall(now)

    def probing(self, now: float) -> bool:
        """Whether the picture just drawn plainly should be drawn dearly as well, to see."""
        if self.dear or now < self._free:
            return False
        self._trim(now)
        return sum(p.slack < 0 for p in self._pictures) <= CALM * len(self._pictures)

    def probed(self, now: float, spent: float) -> None:
        """A dear picture took `spent` seconds and was not shown."""
        self._probes.append(spent)
        self._free = now + PROBE_S
        fits = self._fits(median(self._probes))
        if not fits:
            self._wait(now, self._hold * 2)
        elif len(self._probes) >= PROBES:
            self.dear, self._since = True, now
            self._forget()

    def _crowded(self, now: float) -> bool:
        """Whether too many have been late for some time, not for a moment."""
        third = WINDOW_S / 3
        first = [p.slack < 0 for p in self._pictures if p.when < now - 2 * third]
        last = [p.slack < 0 for p in self._pictures if p.when >= now - third]
        return all(sum(late) >= max(LEAST, LATE * len(late)) for late in (first, last))

    def _trim(self, now: float) -> None:
        while self._pictures and self._pictures[0].when < now - WINDOW_S:
            self._pictures.popleft()

    def _fall(self, now: float) -> None:
        self.dear = False
        self.falls += 1
        lasted = now - self._since >= STABLE_S
        self._wait(now, HOLD_S if lasted else self._hold * 2)
        self._forget()

    def _wait(self, now: float, hold: float) -> None:
        self._hold = min(hold, LONGEST_S)
        self._free = now + self._hold
        self._probes = []

    def _forget(self) -> None:
        """What was measured of the other look tells nothing of this one."""
        self._pictures.clear()
        self._work.clear()
        self._probes = []

    def _fits(self, cost: float) -> bool:
        """Whether dear pictures at this cost would leave the engine room and come in time."""
        plain = [p for p in self._pictures if p.able]
        if not plain:
            return True
        more = max(0.0, cost - median(p.spent for p in plain))
        busy = sum(spent for _, spent in self._work) / WINDOW_S
        slack = sorted(p.slack for p in plain)[len(plain) // 10]
        return busy + more * len(plain) / WINDOW_S <= ROOM and slack > more
