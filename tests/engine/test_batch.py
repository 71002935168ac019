"""Sessions that share calls live as if alone: any age, style, look-ahead; no error crosses over."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Audio, Motion, Video, VivifyError
from engine.batch import Advanced, Batch
from engine.errors import AudioError
from engine.eval.recordings import bundled
from engine.frames import HOP, HOP_PHASE
from engine.line import Line, LineState, line
from engine.render.screen import Screen
from engine.stage import leaves
from engine.style.library import StyleLibrary

STYLES = StyleLibrary()
NAMES = STYLES.names()
SPEECH = np.concatenate([clip.pcm() for clip in bundled()])
CLOSE = 1e-5  # products of matrices round differently for another number of rows
DIALS = (20, 20, 0, 20, 60)  # of sessions by number


class Act(NamedTuple):
    """What happens to one session in one call: something first, then hops."""

    session: int
    before: str  # a style to glide to, "interrupt" or nothing
    hops: int


def hop_of(session: int, hop: int, count: int = 1) -> Audio:
    """Every session hears the speech from another place."""
    at = 7_000 * session + hop * HOP
    return Audio(HOP * hop + HOP_PHASE, SPEECH[at : at + count * HOP])


def begin(session: int) -> LineState:
    style = STYLES.get(NAMES[session % 3])
    return line(DIALS[session]).init_state(style, seed=session)


def told(state: LineState, session: int, before: str) -> LineState:
    if before == "interrupt":
        return line(DIALS[session]).interrupt(state)
    return line(DIALS[session]).restyle(state, STYLES.get(before)) if before else state


def alone(acts: list[Act]) -> tuple[list[Motion], LineState]:
    stages, state, shown, hop = line(DIALS[acts[0].session]), begin(acts[0].session), [], 0
    for act in acts:
        state = told(state, act.session, act.before)
        output, state = stages.step(hop_of(act.session, hop, act.hops), state)
        shown += output.motions
        hop += act.hops
    return shown, state


def turn(session: int, audio: Audio, state: LineState) -> Any:
    return SimpleNamespace(line=line(DIALS[session])), audio, state


def assert_same(a: Any, b: Any) -> None:
    for one, two in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(one, two, atol=CLOSE, rtol=CLOSE)


before = st.sampled_from(["", "", "", "", "interrupt", *NAMES[:4]])
acts = st.builds(Act, st.integers(0, 4), before, st.sampled_from([1, 1, 1, 2, 3]))
calls = st.lists(st.lists(acts, max_size=5, unique_by=lambda act: act.session), max_size=30)


@settings(max_examples=25, deadline=None)
@given(calls)
def test_every_session_equals_its_solo_run(script: list[list[Act]]) -> None:
    batch, states, lived = Batch(), {}, {}
    shown: dict[int, list[Motion]] = {}
    for call in script:  # who is not in a call is late, has not joined or has left
        turns = []
        for act in call:
            state = told(states.get(act.session) or begin(act.session), act.session, act.before)
            hop = int(state.hop[0])
            turns.append(turn(act.session, hop_of(act.session, hop, act.hops), state))
        for act, answer in zip(call, batch.animate(turns), strict=True):
            assert isinstance(answer, Advanced), answer
            states[act.session] = answer.state
            shown.setdefault(act.session, []).extend(answer.motions)
            lived.setdefault(act.session, []).append(act)
    for session, life in lived.items():
        motions, state = alone(life)
        assert [m.start for m in shown[session]] == [m.start for m in motions]
        for one, two in zip(shown[session], motions, strict=True):
            assert_same((one.weights, one.pose, one.ppg), (two.weights, two.pose, two.ppg))
        assert_same(states[session], state)


class Counted:
    """A Stage that counts the rows of its calls."""

    def __init__(self, stage: Any) -> None:
        self.stage = stage
        self.rows: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stage, name)

    def step(self, x: Any, *args: Any) -> Any:
        self.rows.append(len(leaves(x)[0]))
        return self.stage.step(x, *args)


def counted() -> tuple[Line, Counted, Counted]:
    stages = Line(20)
    ears, decoder = Counted(stages.ppg), Counted(stages.decoder)
    stages.ppg, stages.decoder = ears, decoder  # type: ignore[assignment]
    return stages, ears, decoder


def older(stages: Line, ages: list[int]) -> list[LineState]:
    """Sessions that have heard as many hops."""
    states = []
    for i, age in enumerate(ages):
        state = stages.init_state(STYLES.get(NAMES[i % 3]), seed=i)
        for hop in range(age):
            state = stages.step(hop_of(i, hop), state)[1]
        states.append(state)
    return states


def test_one_call_of_each_graph_and_only_due_faces_are_decided() -> None:
    stages, ears, decoder = counted()
    states = older(stages, [5, 6, 7, 9, 0])
    ears.rows, decoder.rows = [], []
    audios = [hop_of(i, int(state.hop[0])) for i, state in enumerate(states)]
    answers = Batch().advance(stages, audios, states)
    assert ears.rows == [5]
    done = [answer for answer in answers if isinstance(answer, Advanced)]
    assert len(done) == 5
    # The hop of number h completes row h - 2; odd rows complete pictures.
    assert [len(answer.motions) for answer in done] == [1, 0, 1, 1, 0]
    assert decoder.rows == [3]


def bad_turns(good: LineState) -> dict[str, tuple[Audio, LineState, type[Exception], str]]:
    hop = int(good.hop[0])
    fine = hop_of(0, hop)
    nan = fine.pcm.copy()
    nan[7] = np.nan
    short = good._replace(prosody=good.prosody._replace(level=np.zeros(2, np.float32)))
    return {
        "nan": (Audio(fine.start, nan), good, AudioError, "NaN.*sample 7"),
        "loud": (Audio(fine.start, fine.pcm * np.float32(1e12)), good, AudioError, "expected"),
        "early": (hop_of(0, hop + 1), good, AudioError, "Chunker"),
        "part": (Audio(fine.start, fine.pcm[:100]), good, AudioError, "Chunker"),
        "dial": (hop_of(0, 0), begin(4), VivifyError, "3 steps ahead"),
        "state": (fine, short, ValueError, "dimension"),
    }


@pytest.mark.parametrize("kind", ["nan", "loud", "early", "part", "dial", "state"])
def test_a_bad_session_has_its_error_and_the_others_go_on(kind: str) -> None:
    stages = line(20)
    states = older(stages, [7, 6, 7])
    audios = [hop_of(i, int(state.hop[0])) for i, state in enumerate(states)]
    expected = Batch().advance(stages, audios, states)
    bad, state, error, says = bad_turns(states[0])[kind]
    sounds, memories = [audios[0], bad, *audios[1:]], [states[0], state, *states[1:]]
    answers = Batch().advance(stages, sounds, memories)
    with pytest.raises(error, match=says):
        raise answers.pop(1) if isinstance(answers[1], Exception) else AssertionError("no error")
    for one, two in zip(answers, expected, strict=True):
        assert isinstance(one, Advanced) and isinstance(two, Advanced)
        assert_same(one.state, two.state)
        assert [m.start for m in one.motions] == [m.start for m in two.motions]


def test_a_later_hop_that_is_bad_loses_the_call_not_the_session() -> None:
    stages = line(20)
    states = older(stages, [4, 4])
    audio = hop_of(0, 4, 3)
    pcm = audio.pcm.copy()
    pcm[-1] = np.inf
    first, second = Batch().advance(stages, [Audio(audio.start, pcm), hop_of(1, 4, 3)], states)
    assert isinstance(first, AudioError)
    assert isinstance(second, Advanced) and int(second.state.hop[0]) == 7
    assert int(states[0].hop[0]) == 4, "the state before is still good"


def test_given_states_stay_as_they_were() -> None:
    stages, batch = line(20), Batch()
    states = older(stages, [5, 7, 7])
    kept = [np.array(leaf) for state in states for leaf in leaves(state)]
    audios = [hop_of(i, int(state.hop[0])) for i, state in enumerate(states)]
    once = batch.advance(stages, audios, states)
    again = batch.advance(stages, audios, states)
    for leaf, copy in zip([x for s in states for x in leaves(s)], kept, strict=True):
        np.testing.assert_array_equal(leaf, copy)
    for one, two in zip(once, again, strict=True):
        assert isinstance(one, Advanced) and isinstance(two, Advanced)
        for a, b in zip(leaves(one.state), leaves(two.state), strict=True):
            np.testing.assert_array_equal(a, b)


def test_nobody_and_no_sound() -> None:
    assert Batch().animate([]) == []
    state = begin(0)
    empty = Audio(HOP_PHASE, np.zeros(0, np.float32))
    assert Batch().advance(line(20), [empty], [state]) == [Advanced([], state)]


def test_pictures_of_others_come_when_one_fails() -> None:
    def draw(motion: Motion) -> Video:
        return Video(motion.start, np.zeros((3, 2), np.uint8))

    def fail(motion: Motion) -> Video:
        raise MemoryError(f"no room for {motion.start}")

    motions = [Motion(640 * i, np.zeros(52, np.float32), np.zeros(6, np.float32)) for i in range(3)]
    painters = [SimpleNamespace(render=draw), SimpleNamespace(render=fail)]
    turns = [(painters[i % 2], motion) for i, motion in enumerate(motions)]
    one, two, three = Batch().draw(turns)  # type: ignore[arg-type]
    assert isinstance(one, Video) and isinstance(three, Video)
    assert (one.start, three.start) == (0, 1280)
    assert isinstance(two, MemoryError) and "640" in str(two)


def test_a_face_that_wraps_an_avatar_and_shows_no_line_hears_and_draws_by_itself() -> None:
    picture = Video(0, np.zeros((96, 64), np.uint8))

    class Wrapped:
        """Of an avatar, but for what sessions share."""

        def animate(self, audio: Audio, state: Any) -> tuple[list[Motion], Any]:
            return [], state + 1

        def render(self, motion: Motion) -> Video:
            return picture

    stages, state = line(20), begin(0)
    avatar: Any = SimpleNamespace(line=stages)
    bare: Any = Wrapped()
    answers = Batch().animate([(bare, hop_of(1, 0), 7), (avatar, hop_of(0, 0), state)])
    assert answers[0] == ([], 8)
    assert isinstance(answers[1], Advanced) and answers[1].state.hop[0] == state.hop[0] + 1
    motion = Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32))
    assert Batch().draw([(bare, motion)]) == [picture]
    assert Batch(Screen()).draw([(bare, motion)]) == [picture]
