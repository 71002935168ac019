"""Many live sessions on one engine in made-up time, with measured step times.

Sound comes in packets of 20 ms, each session on its own beat; the engine takes calls as
engine.admission chooses, as the live worker does; a session hears, then draws what came of it, then
takes what has come meanwhile; late pictures are left out where newer ones are at hand. What is not
in it: encoding, network and the event loop, which run on other cores.

Contract: deterministic; times are seconds; a latency is counted from the instant at which the
sample was spoken to the picture being ready, the wait for its packet included, as in
engine.eval.speed.
"""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from engine.admission import DRAW, HEAR, HOLD_S, Admission, Turn
from engine.frames import HOP, SAMPLE_RATE, SAMPLES_PER_FRAME

HOP_S = HOP / SAMPLE_RATE
FRAME_S = SAMPLES_PER_FRAME / SAMPLE_RATE
PROMISE_S = 0.130  # p95 from the sample to its picture
LEFT_OUT = 0.01  # share of pictures that may be left out
JITTER_S = 0.003  # packets come up to that late
CATCH_UP = 10  # packets taken at once by a session that is behind
_WARM_S = 1.0  # not counted


class Costs(NamedTuple):
    """Seconds of one call, by how many share it."""

    name: str
    hear: Mapping[int, float]  # a hop of every session
    decide: Mapping[int, float]  # and, of those whose picture is due, a face
    draw: Mapping[int, float]  # nothing: the pictures are drawn elsewhere
    limits: Mapping[str, int]  # of a call, see Admission
    spread: Sequence[float] = (1.0,)  # what single pictures took, as a share of the mean


class Load(NamedTuple):
    """What so many sessions saw."""

    sessions: int
    p50_ms: float
    p95_ms: float
    left_out: float  # share of pictures
    busy: float  # share of the engine's time
    together: float  # mean size of a hearing call

    @property
    def kept(self) -> bool:
        """Whether the promise holds."""
        return self.p95_ms <= PROMISE_S * 1e3 and self.left_out <= LEFT_OUT


@dataclass(slots=True)
class _Session:
    who: int
    phase: float
    heard: int = 0  # hops
    backlog: int = 0  # packets that wait
    hops: int = 0  # of the present job that are left
    pictures: deque[int] = field(default_factory=deque)  # ticks to draw
    busy: bool = False
    draw_s: float = 0.0


def price(curve: Mapping[int, float], count: int) -> float:
    """Of one call of `count`, between and beyond the measured sizes along straight lines."""
    if count == 0 or not curve:
        return 0.0
    sizes = sorted(curve)
    if len(sizes) == 1 or count <= sizes[0]:
        return curve[sizes[0]] * (count / sizes[0] if count > sizes[0] else 1.0)
    right = next((i for i, size in enumerate(sizes) if size >= count), len(sizes) - 1)
    low, high = sizes[right - 1], sizes[right]
    slope = (curve[high] - curve[low]) / (high - low)
    return curve[low] + slope * (count - low)


class _Engine:
    """The event queue of one run."""

    def __init__(
        self, costs: Costs, sessions: int, hold_s: float, lookahead: int, seed: int
    ) -> None:
        self.costs = costs
        self.lookahead = lookahead
        self.dice = np.random.default_rng(seed)
        beats = (np.arange(sessions) + self.dice.random(sessions)) / sessions
        self.sessions = [_Session(i, HOP_S * beat) for i, beat in enumerate(beats)]
        self.admission = Admission(costs.limits, hold_s)
        self.waiting: dict[Turn, _Session] = {}
        self.free = True
        self.worked = 0.0
        self.sizes: list[int] = []
        self.latencies: list[float] = []
        self.left = 0
        self.timer = 0.0
        self._events: list[tuple[float, int, int, Sequence[tuple[Turn, _Session]]]] = []
        self._count = 0

    def run(self, seconds: float) -> None:
        for session in self.sessions:
            self._later(session.phase + HOP_S, session.who)
        now = 0.0
        while self._events and now < seconds:
            now, _, who, done = heapq.heappop(self._events)
            if who >= 0:
                self._packet(now, self.sessions[who])
            elif done:
                self._done(now, done)
            if self.free and self.waiting:
                self._choose(now)

    def _later(self, at: float, who: int, done: Sequence[tuple[Turn, _Session]] = ()) -> None:
        self._count += 1
        heapq.heappush(self._events, (at, self._count, who, done))

    def _packet(self, now: float, session: _Session) -> None:
        session.backlog += 1
        packets = session.heard + session.hops + session.backlog
        beat = session.phase + HOP_S * (packets + 1)
        self._later(max(now, beat + JITTER_S * self.dice.random()), session.who)
        if not session.busy:
            self._next(now, session)

    def _next(self, now: float, session: _Session) -> None:
        """What a session asks for when it has its answer."""
        while session.pictures:
            tick = session.pictures[0]
            due = session.phase + FRAME_S * tick + PROMISE_S
            newer = len(session.pictures) > 1 or session.backlog >= CATCH_UP
            if self.costs.draw and not (now + session.draw_s > due and newer):
                self._ask(now, session, DRAW, due)
                return
            self._show(now, session, drawn=not self.costs.draw)
        session.busy = False
        if session.backlog:
            session.hops = min(session.backlog, CATCH_UP)
            session.backlog -= session.hops
            tick = self._tick(session.heard + 1)
            self._ask(now, session, HEAR, session.phase + FRAME_S * tick + PROMISE_S)

    def _tick(self, heard: int) -> int:
        """The picture that so many hops complete, or are on the way to."""
        return max(0, heard - self.lookahead - 1) // 2

    def _ask(self, now: float, session: _Session, kind: str, due: float) -> None:
        session.busy = True
        turn = Turn(session.who, kind, now, due)
        self.waiting[turn] = session
        self.admission.came(turn)

    def _show(self, now: float, session: _Session, drawn: bool) -> None:
        tick = session.pictures.popleft()
        if now < _WARM_S:
            return
        if drawn:
            self.latencies.append(now - session.phase - FRAME_S * tick)
        else:
            self.left += 1

    def _choose(self, now: float) -> None:
        chosen = self.admission.choose(now, list(self.waiting))
        if isinstance(chosen, float):
            if self.timer != chosen:
                self.timer = chosen
                self._later(chosen, -1)
            return
        members = [(turn, self.waiting.pop(turn)) for turn in chosen]
        if chosen[0].kind == HEAR:
            due = sum(self._completes(session.heard + 1) for _, session in members)
            seconds = price(self.costs.hear, len(members)) + price(self.costs.decide, due)
            self.sizes.append(len(members))
        else:
            shares = [self.dice.choice(self.costs.spread) for _ in members]
            seconds = price(self.costs.draw, len(members)) * float(np.mean(shares))
        self.free = False
        self.worked += seconds
        self.admission.took(chosen[0].kind, len(members), seconds)
        self._later(now + seconds, -1, members)

    def _completes(self, heard: int) -> bool:
        """Whether a session's hop of that number, from 1, completes a picture."""
        row = heard - self.lookahead - 2
        return row >= -1 and row % 2 == 1

    def _done(self, now: float, members: Sequence[tuple[Turn, _Session]]) -> None:
        self.free = True
        for turn, session in members:
            if turn.kind == DRAW:
                took = now - turn.since
                session.draw_s += (took - session.draw_s) / 4
                self._show(now, session, drawn=True)
            else:
                session.heard += 1
                session.hops -= 1
                if self._completes(session.heard):
                    session.pictures.append(self._tick(session.heard))
                if session.hops:
                    self.waiting[turn] = session
                    continue
            self._next(now, session)


def simulate(
    costs: Costs, sessions: int, seconds: float = 8.0, hold_s: float = HOLD_S, lookahead: int = 1,
    seed: int = 0,
) -> Load:  # fmt: skip
    """`lookahead`: hops."""
    engine = _Engine(costs, sessions, hold_s, lookahead, seed)
    engine.run(seconds)
    late = np.array(engine.latencies) * 1e3 if engine.latencies else np.array([np.inf])
    shown = len(engine.latencies) + engine.left
    return Load(
        sessions,
        float(np.percentile(late, 50)),
        float(np.percentile(late, 95)),
        engine.left / max(shown, 1),
        engine.worked / seconds,
        float(np.mean(engine.sizes)) if engine.sizes else 0.0,
    )


def capacity(costs: Costs, most: int = 4096, **options: float) -> int:
    """The most sessions for which the promise holds; 0 if not even one."""
    good, bad = 0, 1
    while bad <= most and simulate(costs, bad, **options).kept:  # type: ignore[arg-type]
        good, bad = bad, bad * 2
    while bad - good > max(1, good // 64):
        middle = (good + bad) // 2
        kept = simulate(costs, middle, **options).kept  # type: ignore[arg-type]
        good, bad = (middle, bad) if kept else (good, middle)
    return good
