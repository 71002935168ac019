"""When plain pictures take over and dear ones return: a made-up engine in made-up time."""

from collections.abc import Callable

import pytest

from streaming.pace import HOLD_S, LONGEST_S, PROBE_S, STABLE_S, Pace

TICK = 0.04
SLACK = 0.06  # seconds a picture may take after its motion is known
PLAIN = 0.010
HEAR = 0.004  # of each tick, per session


class Engine:
    """One thread that draws for some sessions, a picture a tick each."""

    def __init__(
        self, dear: Callable[[float], float], able: list[bool], small: float | None = None
    ) -> None:
        """`dear`: what a dear picture costs at a time; `able`: of each session to be drawn so;
        `small`: the cost of one between dear and plain, if there is such a way."""
        self.pace = Pace()
        self.now = 0.0
        self.looks: list[tuple[float, int]] = []  # the level, when it changed
        self.late = self.shown = self.probes = 0
        self.able = able
        self._ways = [dear, *([lambda now: small] if small else []), lambda now: PLAIN]
        self._free = 0.0

    def run(self, seconds: float) -> "Engine":
        end = self.now + seconds
        while self.now < end:
            for able in self.able:
                self._tick(self._ways if able else self._ways[-1:])
            if not self.looks or self.looks[-1][1] != self.pace.level:
                self.looks.append((self.now, self.pace.level))
            self.now += TICK
        return self

    def _work(self, spent: float) -> float:
        self._free = max(self._free, self.now) + spent
        self.pace.worked(self._free, spent)
        return self._free

    def _tick(self, ways: list[Callable[[float], float]]) -> None:
        due = self.now + SLACK
        self._work(HEAR)
        step = min(self.pace.level, len(ways) - 1)
        cost = ways[step](self.now)
        if self._free + cost > due + 0.5:  # hopeless: left out, as a session does
            self.late += 1
            self.pace.drew(self._free, due - self._free - cost, 0.0, len(ways))
            return
        ready = self._work(cost)
        self.late += ready > due
        self.shown += 1
        self.pace.drew(ready, due - ready, cost, len(ways))
        if step and self.pace.probing(ready, len(ways)):
            self.probes += 1
            spent = ways[step - 1](self.now)
            self.pace.probed(self._work(spent), spent, ready)


def test_dear_pictures_stay_where_there_is_time() -> None:
    engine = Engine(lambda now: 0.020, [True]).run(60)
    assert engine.looks == [(0.0, 0)] and engine.late == 0 and engine.probes == 0


def test_a_slow_machine_falls_back_soon_and_pictures_come_in_time_again() -> None:
    engine = Engine(lambda now: 0.055, [True]).run(4)
    assert engine.pace.level == 1 and engine.pace.falls == 1
    assert engine.looks[1][0] < 3
    engine.run(2)
    before = engine.late
    engine.run(300)
    assert engine.pace.falls == 1, "it came back although nothing had changed"
    assert engine.late - before <= engine.probes, "probes may hold up one picture each, no more"
    assert engine.probes < 10, "the hold grows"


def test_dear_pictures_return_when_time_allows() -> None:
    engine = Engine(lambda now: 0.055 if now < 10 else 0.020, [True]).run(60)
    assert [look for _, look in engine.looks] == [0, 1, 0]
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
    assert engine.looks == [(0.0, 0)]


@pytest.mark.parametrize("others", [[True], [False]])
def test_sessions_that_share_the_thread_count_together(others: list[bool]) -> None:
    """One fits; with another beside it, whatever that one is drawn by, it does not."""
    assert Engine(lambda now: 0.030, [True]).run(20).pace.level == 0
    engine = Engine(lambda now: 0.030, [True, *others]).run(20)
    assert engine.pace.level == 1


def test_sessions_that_have_one_look_only_never_change_anything() -> None:
    engine = Engine(lambda now: 0.5, [False] * 4).run(30)
    assert engine.pace.level == 0 and engine.pace.falls == 0 and engine.probes == 0


def test_nobody_left_to_measure_is_no_reason_to_wait() -> None:
    pace = Pace()
    for i in range(100):
        pace.drew(i * TICK, -0.01, 0.05, 2)
    assert pace.level == 1 and not pace.probing(4.0, 2)
    for i in range(4):
        assert pace.probing(30.0 + i, 2)
        pace.probed(30.1 + i, 0.05, 30.0 + i)
    assert pace.level == 0


def test_each_step_is_tried_before_the_next_cheaper_one() -> None:
    engine = Engine(lambda now: 0.060, [True], small=0.020).run(60)
    assert [level for _, level in engine.looks] == [0, 1], "the small network has time enough"
    engine = Engine(lambda now: 0.080, [True], small=0.060).run(60)
    assert [level for _, level in engine.looks] == [0, 1, 2]
    assert engine.looks[2][0] < 6, "still soon where nothing but the plain one fits"
    late = engine.late
    assert engine.run(120).late - late <= engine.probes


def test_steps_return_one_by_one() -> None:
    engine = Engine(lambda now: 0.080 if now < 10 else 0.020, [True], small=0.012)
    engine._ways[1] = lambda now: 0.060 if now < 10 else 0.012
    assert [level for _, level in engine.run(60).looks] == [0, 1, 2, 1, 0]
    assert engine.looks[-1][0] < 10 + 5 * HOLD_S


def test_a_step_that_nobody_has_any_more_holds_nobody_down() -> None:
    """At the second step one of three ways leaves; the others, of two, must find back."""
    engine = Engine(lambda now: 0.080 if now < 10 else 0.015, [True], small=0.060).run(8)
    assert engine.pace.level == 2
    del engine._ways[1]
    assert engine.run(52).pace.level == 0


def plain_house(level: int = 1) -> tuple[Pace, float]:
    """A Pace that has fallen, calm again, and when its hold is over."""
    pace, i = Pace(), 0
    while pace.level < level:
        pace.drew(i * TICK, -0.01, 0.05, 3)
        i += 1
    now = i * TICK + 2 * HOLD_S * level
    for k in range(100):
        pace.drew(now - TICK * (100 - k), 0.05, PLAIN, 3)
    return pace, now


def test_probes_of_many_sessions_are_one_at_a_time() -> None:
    pace, now = plain_house()
    assert pace.probing(now, 3)
    assert not any(pace.probing(now + i * 0.01, 3) for i in range(20))
    assert pace.probing(now + PROBE_S, 3), "one that never comes back holds nobody up"


def test_answers_that_come_together_double_the_hold_once() -> None:
    pace, now = plain_house()
    asked = [now + i * PROBE_S for i in range(5)]
    assert all(pace.probing(at, 3) for at in asked)
    for i, at in enumerate(asked):
        pace.probed(asked[-1] + 0.1 * (i + 1), 0.5, at)
    assert pace._hold == 2 * HOLD_S
    assert not pace.probing(asked[-1] + 0.1 + 2 * HOLD_S - 0.01, 3)


def test_answers_of_another_step_are_not_of_this_one() -> None:
    pace, now = plain_house()
    asked = [now + i * PROBE_S for i in range(8)]
    assert all(pace.probing(at, 3) for at in asked)
    for at in asked:
        pace.probed(asked[-1] + 0.1, 0.011, at)
    assert pace.level == 0, "four were enough, and there is nothing above the best"
    pace, now = plain_house(2)
    asked = [now + i * PROBE_S for i in range(8)]
    assert all(pace.probing(at, 3) for at in asked)
    for at in asked:
        pace.probed(asked[-1] + 0.1, 0.011, at)
    assert pace.level == 1, "the rest tells nothing of the next step"


def test_the_work_of_probes_themselves_is_not_in_their_way() -> None:
    """84 % of the engine's time would be planned; with the probes it would be too much."""
    pace, now = plain_house()
    for tick in range(-100, 50):
        at = now + TICK * tick
        pace.worked(at, 0.54 * TICK)
        pace.drew(at, 0.05, PLAIN, 3)
        if pace.probing(at, 3):
            pace.worked(at, 0.022)
            pace.probed(at, 0.022, at)
    assert pace.level == 0 and pace.falls == 1 and pace._hold == HOLD_S


def test_who_comes_into_an_empty_house_begins_at_the_best() -> None:
    pace, now = plain_house(2)
    assert pace.level == 2
    pace.worked(now + STABLE_S - 0.1, 0.001)
    assert pace.level == 2, "somebody is still there"
    pace.worked(now + 2 * STABLE_S, 0.001)
    assert pace.level == 0 and pace._hold == HOLD_S
    pace.probed(now + 2 * STABLE_S, 0.001, now)  # asked by somebody who has left since
    assert pace.level == 0 and not pace._probes
