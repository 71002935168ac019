"""Which waiting calls of many sessions the engine takes next, and whether it waits for company.

The most urgent call goes first, with all others of its kind that fit into one call. The engine does
not stand idle for company unless somebody is expected, by the rhythm of their earlier calls, within
HOLD_S of the oldest one; never while other work waits, never beyond a deadline.

Contract: knows no clock and no engine, only what is told; times are seconds of one clock. The live
worker and the simulation of capacity use the same policy.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

HEAR, DRAW, CALL = "hear", "draw", "call"  # kinds of work; CALL: anything else, never shared
HOLD_S = 0.005  # longest wait for company
PATIENCE_S = 0.2  # a call that waited so long goes first, whenever it is due
# How punctual somebody is taken to be.
SLACK_S = 0.001
FORGET_S = 0.5  # a rhythm with a longer pause is none
_SHARE = 0.2  # of a new interval or duration in the average
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


class Admission:
    """One per engine. Tell it who `came` and what calls `took`; ask it to `choose`."""

    def __init__(self, limits: Mapping[str, int], hold_s: float = HOLD_S) -> None:
        """`limits`: the most calls of a kind that the engine takes at once; 1 where sharing gains
        nothing."""
        self._limits = limits
        self._hold = hold_s
        self._rhythms: dict[str, dict[Hashable, _Rhythm]] = {}
        self._took: dict[str, float] = {}  # seconds of a call

    def came(self, turn: Turn) -> None:
        """A call began to wait."""
        known = self._rhythms.setdefault(turn.kind, {})
        rhythm = known.get(turn.who)
        if rhythm is None or turn.since - rhythm.latest > FORGET_S:
            known[turn.who] = _Rhythm(turn.since)
            return
        interval = turn.since - rhythm.latest
        period = interval if rhythm.period is None else rhythm.period
        known[turn.who] = _Rhythm(turn.since, period + _SHARE * (interval - period))

    def took(self, kind: str, seconds: float) -> None:
        """A call of the engine, of one session or many, ended."""
        known = self._took.get(kind, seconds)
        self._took[kind] = known + _SHARE * (seconds - known)

    def choose(self, now: float, waiting: Sequence[Turn]) -> list[Turn] | float:
        """Those to take now in one call, most urgent first, or when to ask again: then, or as soon
        as another one came. `waiting` has at least one."""
        first = min(waiting, key=_urgency)
        same = sorted((turn for turn in waiting if turn.kind == first.kind), key=_urgency)
        limit = self._limits.get(first.kind, 1)
        if len(same) >= limit or len(same) < len(waiting):
            return same[:limit]
        until = min(turn.since for turn in same) + self._hold
        until = min(until, first.due - self._took.get(first.kind, 0.0))
        late = self._company(now, until, same)
        if late is None or now >= until - _EPSILON:
            return same
        return min(until, late)

    def _company(self, now: float, until: float, present: Sequence[Turn]) -> float | None:
        """When the last of those who are expected until then will have come; None: nobody."""
        known = self._rhythms.get(present[0].kind, {})
        for who in [who for who, r in known.items() if now - r.latest > FORGET_S]:
            del known[who]
        here = {turn.who for turn in present}
        times = [
            rhythm.latest + rhythm.period + SLACK_S
            for who, rhythm in known.items()
            if rhythm.period is not None and who not in here
        ]
        return max((at for at in times if now < at <= until + SLACK_S), default=None)


def _urgency(turn: Turn) -> float:
    return min(turn.due, turn.since + PATIENCE_S)
