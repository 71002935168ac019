"""Who goes next: the most urgent, with company; nobody waits long, nobody for nobody."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.admission import CALL, DRAW, HEAR, HOLD_S, PATIENCE_S, Admission, Turn

LIMITS = {HEAR: 8, DRAW: 1}


def hear(who: object, since: float, due: float = math.inf) -> Turn:
    return Turn(who, HEAR, since, due)


def steady(*phases: float, hops: int = 50, cost_s: float = 0.006) -> Admission:
    """After a second of sessions that came every 20 ms, `phases` seconds after the beat, each heard
    alone at that cost: what sharing would save is not known yet, and taken to be half of it."""
    admission = Admission(LIMITS)
    admission.took(HEAR, 1, cost_s)
    for hop in range(hops):
        for who, phase in enumerate(phases):
            admission.came(hear(who, hop * 0.02 + phase))
    return admission


def asked(admission: Admission, now: float, *turns: Turn) -> list[Turn] | float:
    for turn in turns:
        admission.came(turn)
    return admission.choose(now, turns)


def test_one_session_never_waits() -> None:
    admission = steady(0.0)
    turn = hear(0, 1.0)
    assert asked(admission, 1.0, turn) == [turn]


def test_strangers_do_not_wait_for_each_other() -> None:
    turn = hear("new", 1.0)
    assert asked(Admission(LIMITS), 1.0, turn) == [turn]


def test_company_that_is_expected_soon_is_waited_for_and_no_longer() -> None:
    admission = steady(0.0, 0.003)
    first = hear(0, 1.0)
    until = asked(admission, 1.0, first)
    assert isinstance(until, float) and 1.003 <= until <= 1.0 + HOLD_S
    second = hear(1, 1.0031)
    admission.came(second)
    assert admission.choose(1.0031, [first, second]) == [first, second]


def test_who_does_not_come_is_not_waited_for_again_and_again() -> None:
    admission = steady(0.0, 0.003)
    first = hear(0, 1.0)
    until = asked(admission, 1.0, first)
    assert isinstance(until, float)
    assert admission.choose(until, [first]) == [first]


def test_company_that_saves_little_is_not_waited_for() -> None:
    turn = hear(0, 1.0)
    assert asked(steady(0.0, 0.003, cost_s=0.002), 1.0, turn) == [turn]
    assert isinstance(asked(steady(0.0, 0.0005, cost_s=0.002), 1.0, turn), float)
    several = steady(0.0, 0.001, 0.002, 0.003, cost_s=0.002)
    assert isinstance(asked(several, 1.0, turn), float), "together they save enough"


@pytest.mark.parametrize(("fixed", "each", "waits"), [(0.003, 0.0005, True), (0.0, 0.003, False)])
def test_what_sharing_saves_is_learned(fixed: float, each: float, waits: bool) -> None:
    admission = steady(0.0, 0.003)
    for i in range(200):
        count = 1 + i % 4
        admission.took(HEAR, count, fixed + each * count)
    turn = hear(0, 1.0)
    assert isinstance(asked(admission, 1.0, turn), float) == waits


def test_who_comes_later_than_that_is_not_waited_for() -> None:
    first = hear(0, 1.0)
    assert asked(steady(0.0, 0.012), 1.0, first) == [first]


def test_who_has_left_is_forgotten() -> None:
    admission = steady(0.0, 0.003)
    first = hear(0, 3.0)
    assert asked(admission, 3.0, first) == [first]


def test_a_deadline_ends_the_wait() -> None:
    admission = steady(0.0, 0.003)
    close = hear(0, 1.0, due=1.0105)
    until = asked(admission, 1.0, close)
    assert isinstance(until, float) and until <= 1.0045
    closer = hear(0, 1.0, due=1.0085)  # company would come too late for it
    assert asked(steady(0.0, 0.003), 1.0, closer) == [closer]
    missed = hear(0, 1.02, due=1.021)
    assert asked(admission, 1.02, missed) == [missed]


def test_a_full_call_begins_at_once_with_the_most_urgent() -> None:
    admission = steady(*(0.001 * i for i in range(12)))
    turns = [hear(i, 1.0, due=1.15 - 0.01 * i) for i in range(10)]
    chosen = asked(admission, 1.0, *turns)
    assert chosen == [turns[i] for i in (9, 8, 7, 6, 5, 4, 3, 2)]


def test_other_work_is_not_held_up_by_a_wait_for_company() -> None:
    admission = steady(0.0, 0.003)
    turn, picture = hear(0, 1.0, due=1.05), Turn(5, DRAW, 1.0, 1.08)
    admission.came(turn)
    assert admission.choose(1.0, [turn, picture]) == [turn]
    urgent = Turn(6, DRAW, 1.0, 1.02)
    assert admission.choose(1.0, [turn, picture, urgent]) == [urgent]


def test_kinds_are_not_mixed_and_unknown_kinds_go_alone() -> None:
    admission = Admission(LIMITS)
    turns = [Turn(0, CALL, 1.0, 1.0), Turn(1, CALL, 1.0, 1.0), hear(2, 1.0, 1.5)]
    assert admission.choose(1.0, turns) == turns[:1]


def test_patience_ends_whatever_is_due_later() -> None:
    admission = Admission(LIMITS)
    patient = hear(0, 1.0)
    now = 1.0 + PATIENCE_S
    turns = [patient, *(Turn(i, DRAW, now - 0.01, now + 0.001 * i) for i in range(1, 5))]
    assert admission.choose(now, turns) == [patient]


def test_who_is_late_already_does_not_make_the_others_late() -> None:
    """One session is a second behind; the engine could serve the others in time, not all."""
    admission = Admission(LIMITS)
    behind = Turn("behind", DRAW, 1.01, 0.01)
    on_time = [Turn(i, DRAW, 1.0 + 0.04 * i, 1.04 + 0.04 * i) for i in range(6)]
    first = [Turn("first", DRAW, 1.0, 1.02), behind, on_time[1]]
    assert admission.choose(1.01, first) == first[:1]
    served = {}
    for i in range(6):  # a new call that is due in 40 ms each time the engine is free
        now = 1.0 + 0.04 * i
        (chosen,) = admission.choose(now, [behind, on_time[i]])  # type: ignore[misc]
        served[chosen.who] = now
        if chosen is behind:
            break
    assert [*served] == [0, 1, 2, 3, 4, "behind"]
    assert served["behind"] <= behind.since + PATIENCE_S, "it is not forgotten"


def test_those_who_are_late_go_in_the_order_in_which_they_came() -> None:
    admission = Admission(LIMITS)
    late = [Turn(i, DRAW, 1.0 - 0.01 * i, 0.9 + 0.01 * i) for i in range(3)]
    assert admission.choose(1.01, late) == [late[2]]
    now, control = 1.01, Turn("control", CALL, 1.0, 1.0)
    turns = [Turn("on time", DRAW, 1.0, 1.05), control]
    assert admission.choose(now, turns) == [control], "due at once, of use whenever"
    alone = hear("alone", 1.0, 0.5)
    assert steady(0.0, 0.003).choose(1.0, [alone]) == [alone], "company is not waited for"


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 0.02), st.floats(0, 0.004)), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_engine_is_never_idle_for_longer_than_the_hold(
    sessions: list[tuple[float, float]], dice: object
) -> None:
    """Sessions of any phase and jitter on an engine that takes no time."""
    admission = Admission(LIMITS)
    admission.took(HEAR, 1, 0.02)
    jitter = [phase + 0.02 * hop + late * dice.random() for hop in range(40)  # type: ignore[attr-defined]
              for phase, late in sessions]  # fmt: skip
    coming = sorted((at, i % len(sessions)) for i, at in enumerate(jitter))
    waiting: list[Turn] = []
    timer = math.inf
    while coming or waiting:
        now = min(timer, coming[0][0] if coming else math.inf)
        while coming and coming[0][0] <= now:
            at, who = coming.pop(0)
            waiting.append(hear((who, at) if who == 5 else who, at))
            admission.came(waiting[-1])
        chosen = admission.choose(now, waiting)
        if isinstance(chosen, float):
            assert chosen > now
            timer = chosen
            continue
        assert all(now - turn.since <= HOLD_S + 1e-6 for turn in chosen)
        waiting = [turn for turn in waiting if turn not in chosen]
        timer = math.inf
        if waiting:
            timer = now
