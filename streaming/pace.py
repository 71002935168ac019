"""How dear pictures may be: by a large network, by a small one, or plain, for avatars that can be
drawn in several ways.

One for all sessions of an engine thread, because they share its time. While pictures come late too
often, every avatar is drawn one step more cheaply. After a hold some pictures are drawn one step
more dearly as well, one at a time and never shown, and only their cost is looked at; if that would
fit, that step comes back, and the next is tried. A return that does not last doubles the hold, so
looks do not flap. Who comes into an empty house begins at the best.

Contract: knows no clock and no pictures, only what is told; times are seconds of one clock.
"""

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

WINDOW_S = 4.0
LATE = (
    0.25  # share of late pictures that is too many, in the first and the last third of the window
)
LEAST = 5  # late pictures in both; fewer, or in one of them only, are an accident
CALM = 0.04  # share of late pictures up to which dearer ones may be tried
ROOM = 0.85  # share of the engine's time that may be planned
HOLD_S = 4.0
LONGEST_S = 120.0
STABLE_S = 20.0  # a return that lasted as long was right; after such a silence all is forgotten
PROBE_S = 0.5  # between probes
PROBES = 4


@dataclass(frozen=True, slots=True)
class _Picture:
    when: float
    slack: float  # seconds between being ready and being due; negative: late
    spent: float  # seconds of drawing
    steps: int  # ways in which its avatar can be drawn


class Pace:
    """Told of every picture; `level` says how many steps below its best to draw the next one, or
    as many as its avatar has."""

    def __init__(self) -> None:
        self.level = 0
        self.falls = 0  # by a step
        self._pictures: deque[_Picture] = deque()
        self._work: deque[tuple[float, float]] = deque()  # when, seconds of the engine
        self._hold = HOLD_S
        self._since = -STABLE_S  # of the latest return
        self._free = 0.0  # when probes may begin, then: the next one
        self._changed = -math.inf  # the level or the hold; what was asked before tells nothing
        self._probes: list[tuple[float, float]] = []  # when, seconds of the engine
        self._latest = -math.inf  # when anything was told
        self._needed = 0.0  # when a picture was last told of that the level changes

    def worked(self, now: float, spent: float) -> None:
        """The engine was busy for `spent` seconds, with whatever."""
        self._listen(now)
        self._work.append((now, spent))
        while self._work[0][0] < now - WINDOW_S:
            self._work.popleft()

    def drew(self, now: float, slack: float, spent: float, steps: int) -> None:
        """A picture is ready, or was left out because it would have been late (`spent` 0).

        `slack`: seconds until it is due; `steps`: in how many ways its avatar can be drawn.
        """
        self._listen(now)
        self._pictures.append(_Picture(now, slack, spent, steps))
        self._trim(now)
        if steps > self.level:
            self._needed = now
        elif self.level > 1 and now - self._needed > WINDOW_S:
            # Who could be drawn so has left, for the others it is the same.
            self.level, self._changed = self.level - 1, now
        if self._crowded(now) and any(p.steps > self.level + 1 for p in self._pictures):
            self._fall(now)

    def probing(self, now: float, steps: int) -> bool:
        """Whether a picture just drawn should be drawn one step more dearly as well, to see;
        `steps`: of its avatar. If so, nobody else should for PROBE_S."""
        if not 0 < self.level < steps or now < self._free:
            return False
        self._trim(now)
        if sum(p.slack < 0 for p in self._pictures) > CALM * len(self._pictures):
            return False
        self._free = now + PROBE_S
        return True

    def probed(self, now: float, spent: float, asked: float) -> None:
        """A dearer picture took `spent` seconds and was not shown; `asked`: when `probing` said so.
        Nothing is made of it if the level or the hold has changed since then."""
        if self.level == 0 or asked <= self._changed:
            return
        self._probes.append((now, spent))
        self._free = max(self._free, now + PROBE_S)
        if not self._fits(now, median(cost for _, cost in self._probes)):
            self._wait(now, self._hold * 2)
        elif len(self._probes) >= PROBES:
            self.level, self._since, self._changed = self.level - 1, now, now
            self._free = now + WINDOW_S  # until enough is known of this step
            self._forget()

    def _listen(self, now: float) -> None:
        """Begin anew after a long silence: nobody was there, and nothing is known any more."""
        if now - self._latest > STABLE_S:
            self.level, self._hold, self._free = 0, HOLD_S, now
            self._since, self._changed = now - STABLE_S, now
            self._forget()
        self._latest = max(self._latest, now)

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
        self.level += 1
        self.falls += 1
        lasted = now - self._since >= STABLE_S
        self._wait(now, HOLD_S if lasted else self._hold * 2)
        self._forget()

    def _wait(self, now: float, hold: float) -> None:
        self._hold = min(hold, LONGEST_S)
        self._free, self._changed = now + self._hold, now
        self._probes = []

    def _forget(self) -> None:
        """What was measured of another step tells nothing of this one."""
        self._pictures.clear()
        self._work.clear()
        self._probes = []

    def _fits(self, now: float, cost: float) -> bool:
        """Whether pictures one step dearer, at this cost, would leave the engine room and come in
        time."""
        cheap = [p for p in self._pictures if p.steps > self.level]
        if not cheap:
            return True
        more = max(0.0, cost - median(p.spent for p in cheap))
        busy = sum(spent for _, spent in self._work)
        busy -= sum(spent for when, spent in self._probes if when >= now - WINDOW_S)  # not shown
        slack = sorted(p.slack for p in cheap)[len(cheap) // 10]
        return busy + more * len(cheap) <= ROOM * WINDOW_S and slack > more
