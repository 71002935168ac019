"""When plain pictures take over and dear ones return: a made-up engine in made-up time."""

from collections.abc import Callable

import pytest

from streaming.pace import HOLD_S, LONGEST_S, Pace

TICK = 0.04
SLACK = 0.06  # seconds a picture may take after its motion is known
PLAIN = 0.010
HEAR = 0.004  # of each tick, per session


class Engine:
    """One thread that draws for some sessions, a picture a tick each."""

    def __init__(self, dear: Callable[[float], float], able: list[bool]) -> None:
        """`dear`: what a dear picture costs at a time; `able`: of each session."""
        self.pace = Pace()
        self.now = 0.0
        self.looks: list[tuple[float, bool]] = []  # of the first session, when it changed
        self.late = self.shown = self.probes = 0
        self._cost, self._able = dear, able
        self._free = 0.0

    def run(self, seconds: float) -> "Engine":
        end = self.now + seconds
        while self.now < end:
            for able in self._able:
                self._tick(able)
            if not self.looks or self.looks[-1][1] != self.pace.dear:
                self.looks.append((self.now, self.pace.dear))
            self.now += TICK
        return self

    def _work(self, spent: float) -> float:
        self._free = max(self._free, self.now) + spent
        self.pace.worked(self._free, spent)
        return self._free

    def _tick(self, able: bool) -> None:
        due = self.now + SLACK
        self._work(HEAR)
        dear = able and self.pace.dear
        cost = self._cost(self.now) if dear else PLAIN
        if self._free + cost > due + 0.5:  # hopeless: left out, as a session does
            self.late += 1
            self.pace.drew(self._free, due - self._free - cost, 0.0, able)
            return
        ready = self._work(cost)
        self.late += ready > due
        self.shown += 1
        self.pace.drew(ready, due - ready, cost, able)
        if able and not dear and self.pace.probing(ready):
            self.probes += 1
            spent = self._cost(self.now)
            self.pace.probed(self._work(spent), spent)


def test_dear_pictures_stay_where_there_is_time() -> None:
    engine = Engine(lambda now: 0.020, [True]).run(60)
    assert engine.looks == [(0.0, True)] and engine.late == 0 and engine.probes == 0


def test_a_slow_machine_falls_back_soon_and_pictures_come_in_time_again() -> None:
    engine = Engine(lambda now: 0.055, [True]).run(4)
    assert not engine.pace.dear and engine.pace.falls == 1
    assert engine.looks[1][0] < 3
    engine.run(2)
    before = engine.late
    engine.run(300)
    assert engine.pace.falls == 1, "it came back although nothing had changed"
    assert engine.late - before <= engine.probes, "probes may hold up one picture each, no more"
    assert engine.probes < 10, "the hold grows"


def test_dear_pictures_return_when_time_allows() -> None:
    engine = Engine(lambda now: 0.055 if now < 10 else 0.020, [True]).run(60)
    assert [look for _, look in engine.looks] == [True, False, True]
    assert engine.looks[2][0] < 10 + 3 * HOLD_S
    assert engine.pace.falls == 1


def test_looks_do_not_flap_when_the_machine_does() -> None:
    """Busy for five seconds of every ten: a return never lasts, so it is tried less and less."""
    engine = Engine(lambda now: 0.060 if now % 10 < 5 else 0.015, [True]).run(600)
    changes = [when for when, _ in engine.looks]
    assert len(changes) <= 2 * 10
    gaps = [b - a for a, b in zip(changes, changes[1:], strict=False)]
    assert max(gaps) > LONGEST_S / 4
    assert sum(when > 300 for when in changes) <= sum(when <= 300 for when in changes)


def test_an_accident_is_no_reason() -> None:
    engine = Engine(lambda now: 0.150 if 10 <= now < 10.08 else 0.020, [True]).run(30)
    assert engine.looks == [(0.0, True)]


@pytest.mark.parametrize("others", [[True], [False]])
def test_sessions_that_share_the_thread_count_together(others: list[bool]) -> None:
    """One fits; with another beside it, whatever that one is drawn by, it does not."""
    assert Engine(lambda now: 0.030, [True]).run(20).pace.dear
    engine = Engine(lambda now: 0.030, [True, *others]).run(20)
    assert not engine.pace.dear


def test_sessions_that_have_one_look_only_never_change_anything() -> None:
    engine = Engine(lambda now: 0.5, [False] * 4).run(30)
    assert engine.pace.dear and engine.pace.falls == 0 and engine.probes == 0


def test_nobody_left_to_measure_is_no_reason_to_wait() -> None:
    pace = Pace()
    for i in range(100):
        pace.drew(i * TICK, -0.01, 0.05, able=True)
    assert not pace.dear and not pace.probing(4.0)
    for i in range(4):
        assert pace.probing(30.0 + i)
        pace.probed(30.0 + i, 0.05)
    assert pace.dear
