"""Which waiting calls of many sessions the engine takes next, and whether it waits for company.

The most urgent call goes first, with all others of its kind that fit into one call. A call costs
something whoever is in it; the engine stands idle for company only if those who are expected soon,
by the rhythm of their earlier calls, would save it enough of that: one session alone, and company
that saves nothing, are never waited for. It never waits beyond HOLD_S or a deadline, or while other
work waits.

A call that was late when it came has nothing to lose: only its patience counts, so that a session
which has fallen behind does not make the others late. Calls that become late while they wait keep
their turn: where there is too much work for all, that shares it fairly.

Contract: knows no clock and no engine, only what is told; times are seconds of one clock. The live
worker and the simulation of capacity use the same policy.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

HEAR, DRAW, CALL = "hear", "draw", "call"  # kinds of work; CALL: anything else, never shared
HOLD_S = 0.005  # longest wait for company
PATIENCE_S = 0.2  # a call that waited so long goes first, whenever it is due
SLACK_S = 0.001  # somebody who is that late is still expected
FORGET_S = 0.5  # a rhythm with a longer pause is none
WORTH = 0.5  # seconds of the engine that a second of waiting must save
_SHARE = 0.2  # of a new interval in the average
_RECENT = 0.05  # of a new call in what calls cost
_EPSILON = 1e-9  # of timers that wake a little early


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """A call that waits."""

    who: Hashable  # the session
    kind: str
    since: float
    due: float  # when its result is of no more use


@dataclass(slots=True)
class _Rhythm:
    latest: float
    period: float | None = None


class _Price:
    """What a call costs, learned: a part whoever is in it, and a part for each."""

    def __init__(self, count: int, seconds: float) -> None:
        # Moving means of size, time, their products: a least-squares line through recent calls.
        self._size, self._time = float(count), seconds
        self._squares, self._products = float(count * count), count * seconds

    def learn(self, count: int, seconds: float) -> None:
        self._size += _RECENT * (count - self._size)
        self._time += _RECENT * (seconds - self._time)
        self._squares += _RECENT * (count * count - self._squares)
        self._products += _RECENT * (count * seconds - self._products)

    @property
    def time(self) -> float:
        """Of a usual call."""
        return self._time

    @property
    def fixed(self) -> float:
        """The part that sharing saves; half of it until calls were shared."""
        spread = self._squares - self._size**2
        if spread < 1e-3:
            return self._time / 2
        each = (self._products - self._size * self._time) / spread
        return min(max(self._time - each * self._size, 0.0), self._time)


class Admission:
    """One per engine. Tell it who `came` and what calls `took`; ask it to `choose`."""

    def __init__(self, limits: Mapping[str, int], hold_s: float = HOLD_S) -> None:
        """`limits`: the most calls of a kind that the engine takes at once; 1 where sharing gains
        nothing."""
        self._limits = limits
        self._hold = hold_s
        self._rhythms: dict[str, dict[Hashable, _Rhythm]] = {}
        self._prices: dict[str, _Price] = {}

    def came(self, turn: Turn) -> None:
        """A call began to wait."""
        if self._limits.get(turn.kind, 1) == 1:
            return  # nobody is ever waited for
        known = self._rhythms.setdefault(turn.kind, {})
        rhythm = known.get(turn.who)
        if rhythm is None or turn.since - rhythm.latest > FORGET_S:
            known[turn.who] = _Rhythm(turn.since)
            return
        interval = turn.since - rhythm.latest
        period = interval if rhythm.period is None else rhythm.period
        known[turn.who] = _Rhythm(turn.since, period + _SHARE * (interval - period))

    def took(self, kind: str, count: int, seconds: float) -> None:
        """A call of the engine, of so many sessions, ended."""
        if kind in self._prices:
            self._prices[kind].learn(count, seconds)
        else:
            self._prices[kind] = _Price(count, seconds)

    def choose(self, now: float, waiting: Sequence[Turn]) -> list[Turn] | float:
        """Those to take now in one call, most urgent first, or when to ask again: then, or as soon
        as another one came. `waiting` has at least one."""
        queue = sorted(waiting, key=_urgency)
        first = queue[0]
        same = [turn for turn in queue if turn.kind == first.kind]
        limit = self._limits.get(first.kind, 1)
        if len(same) >= limit or len(same) < len(waiting):
            return same[:limit]
        if first.kind not in self._prices:
            return same
        price = self._prices[first.kind]
        until = min(turn.since for turn in same) + self._hold
        until = min(until, first.due - price.time)
        if now >= until - _EPSILON:
            return same
        best, wait = 0.0, now
        for company, at in enumerate(self._expected(now, until, same), start=1):
            saved = company * price.fixed - WORTH * (at - now)
            if saved > best:
                best, wait = saved, at
        return same if wait == now else min(until, wait)

    def _expected(self, now: float, until: float, present: Sequence[Turn]) -> list[float]:
        """When others will have come, as far as that is expected until then; in order."""
        known = self._rhythms.get(present[0].kind, {})
        for who in [who for who, r in known.items() if now - r.latest > FORGET_S]:
            del known[who]
        here = {turn.who for turn in present}
        times = [
            rhythm.latest + rhythm.period + SLACK_S
            for who, rhythm in known.items()
            if rhythm.period is not None and who not in here
        ]
        return sorted(at for at in times if now < at <= until)


def _urgency(turn: Turn) -> float:
    """The least goes first. A CALL is of use whenever it is served."""
    patience = turn.since + PATIENCE_S
    hopeless = turn.due <= turn.since and turn.kind != CALL
    return patience if hopeless else min(turn.due, patience)
