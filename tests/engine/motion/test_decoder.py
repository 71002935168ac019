"""The decoder streams, stays in bounds for hours, glides between styles and lets go of speech."""

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import FrameError, PackageError, WeightsError
from engine.face.blendshapes import ARKIT, INDEX
from engine.motion.channels import opening
from engine.motion.decoder import (
    GLIDE,
    PPG_WIDTH,
    PROSODY_WIDTH,
    Decoder,
    DecoderInput,
    DecoderState,
)
from engine.speech.phonemes import INDEX as PHONE
from engine.stage import split, stack
from engine.style.library import StyleLibrary, blend
from tests.contract import assert_streams

DECODER = Decoder()
STYLES = StyleLibrary()
SLEW = 0.3  # largest change of a channel in a tick
LIDS = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
LIPS = [i for i, n in enumerate(ARKIT) if n.startswith(("jaw", "mouth"))]
FREE = [i for i in range(52) if i not in LIDS]


def phones(*names: str) -> DecoderInput:
    """One tick per name, all rows sure of it; prosody of steady speech, none for SIL."""
    ppg = np.zeros((1, len(names), PPG_WIDTH), np.float32)
    prosody = np.zeros((1, len(names), PROSODY_WIDTH), np.float32)
    for t, name in enumerate(names):
        ppg[0, t, [PHONE[name], 40 + PHONE[name], 80 + PHONE[name]]] = 1.0
        if name != "SIL":
            prosody[0, t] = np.array([0.8, 0.0, 0.7, 0.0, 0.7, 0.3] * 2, np.float32)
    return DecoderInput(ppg, prosody)


def babble(ticks: int, batch: int = 1, seed: int = 0) -> DecoderInput:
    rng = np.random.default_rng(seed)
    ppg = rng.dirichlet(np.full(40, 0.05), (batch, ticks, 3)).reshape(batch, ticks, PPG_WIDTH)
    prosody = rng.uniform(0, 1, (batch, ticks, PROSODY_WIDTH))
    return DecoderInput(ppg.astype(np.float32), prosody.astype(np.float32))


def silence(ticks: int) -> DecoderInput:
    return phones(*["SIL"] * ticks)


def check_bounds(weights: np.ndarray, pose: np.ndarray) -> None:
    assert np.isfinite(weights).all() and np.isfinite(pose).all()
    assert weights.min() >= 0 and weights.max() <= 1
    assert np.abs(pose[..., :3]).max() < 45 and np.abs(pose[..., 3:]).max() < 0.6
    steps = np.abs(np.diff(weights, axis=-2))
    assert steps[..., FREE].max() <= SLEW + 1e-3
    assert np.abs(np.diff(pose[..., :3], axis=-2)).max() <= 2.5 + 1e-3


def test_streams() -> None:
    assert_streams(DECODER, babble(60, batch=3))


def test_wrong_shapes_are_refused() -> None:
    x = babble(3)
    with pytest.raises(FrameError, match="expected"):
        DECODER.step(x._replace(ppg=x.ppg[:, :, :40]), DECODER.init_state(1))
    with pytest.raises(FrameError, match="expected"):
        DECODER.step(x._replace(prosody=x.prosody[:, :2]), DECODER.init_state(1))


class OtherGraph:
    """A graph of another version."""

    config = {"version": 99, "net": {}}
    inputs = outputs = ()

    def run(self, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        raise AssertionError("never run")


def test_foreign_graph_is_refused() -> None:
    with pytest.raises(WeightsError, match="version 99"):
        Decoder(OtherGraph(), OtherGraph())


def test_sessions_of_different_age_batch() -> None:
    states = []
    for i, name in enumerate(STYLES.names()[:3]):
        state = DECODER.init_state(1, STYLES.get(name), seed=i)
        _, state = DECODER.step(babble(5 + 3 * i, seed=i), state)
        states.append(state)
    x = babble(6, batch=3, seed=9)
    together, _ = DECODER.step(x, stack(states))
    for i, state in enumerate(states):
        alone, _ = DECODER.step(DecoderInput(x.ppg[i : i + 1], x.prosody[i : i + 1]), state)
        np.testing.assert_allclose(alone.weights[0], together.weights[i], atol=1e-5)
    assert len(split(stack(states))) == 3


def test_open_vowel_opens_and_bilabial_closes_in_every_style() -> None:
    word = ["SIL"] * 10 + ["AA"] * 4 + ["M"] * 4 + ["AA"] * 4 + ["SIL"] * 10
    for name in STYLES.names():
        y, _ = DECODER.step(phones(*word), DECODER.init_state(1, STYLES.get(name)))
        curve = opening(y.weights[0])
        assert curve[10:14].max() > 0.2 and curve[18:22].max() > 0.2, name
        assert curve[15:18].min() < 0.06, f"{name}: lips stay open in M"
        assert curve[-4:].max() < 0.1, f"{name}: mouth open in silence"


@pytest.mark.parametrize(
    "rounds", [2, pytest.param(30, marks=pytest.mark.slow)], ids=["minutes", "hour"]
)
def test_a_long_session_stays_bounded(rounds: int) -> None:
    """Silence, then noise taken for speech, two minutes a round."""
    state = DECODER.init_state(1, seed=5)
    weights, pose, rests = [], [], []
    for part in range(rounds):
        for x in (silence(500), babble(2500, seed=part)):
            y, state = DECODER.step(x, state)
            weights.append(y.weights[0])
            pose.append(y.pose[0])
        rests.append(weights[-2][300:, LIPS].mean(0))
    check_bounds(np.concatenate(weights), np.concatenate(pose))
    # No drift: the last silence looks like the first.
    assert np.abs(rests[-1] - rests[0]).max() < 0.05


def test_the_face_lives_in_silence() -> None:
    y, _ = DECODER.step(silence(1500), DECODER.init_state(1, seed=2))
    weights, pose = y.weights[0], y.pose[0]
    lid = weights[:, LIDS[0]]
    blinks = int(((lid[1:] > 0.5) & (lid[:-1] <= 0.5)).sum())
    assert 4 <= blinks <= 40, f"{blinks} blinks in a minute"
    gaze = [i for i, n in enumerate(ARKIT) if n.startswith("eyeLook")]
    assert weights[:, gaze].std(0).max() > 0.02
    assert pose[:, :3].std(0).max() > 0.3
    assert np.abs(opening(weights)).max() < 0.12, "the mouth moves in silence"


def test_seeds_decide_blinks_and_nothing_else_is_random() -> None:
    x = babble(100)
    one, _ = DECODER.step(x, DECODER.init_state(1, seed=1))
    again, _ = DECODER.step(x, DECODER.init_state(1, seed=1))
    other, _ = DECODER.step(x, DECODER.init_state(1, seed=2))
    np.testing.assert_array_equal(one.weights, again.weights)
    assert np.abs(one.pose - other.pose).max() > 0.5
    np.testing.assert_allclose(opening(one.weights), opening(other.weights), atol=1e-5)


def run(
    x: DecoderInput, state: DecoderState, events: dict[int, str]
) -> tuple[np.ndarray, np.ndarray]:
    weights, pose = [], []
    for t in range(x.ppg.shape[1]):
        event = events.get(t)
        if event == "interrupt":
            state = DECODER.interrupt(state)
        elif event:
            state = DECODER.restyle(state, STYLES.get(event))
        y, state = DECODER.step(DecoderInput(x.ppg[:, t : t + 1], x.prosody[:, t : t + 1]), state)
        weights.append(y.weights[0])
        pose.append(y.pose[0])
    return np.concatenate(weights), np.concatenate(pose)


def test_no_jump_at_style_changes_and_interrupts() -> None:
    names = STYLES.names()
    events = {10 + 6 * i: names[i % len(names)] for i in range(20)}
    events |= {40: "interrupt", 90: "interrupt"}
    weights, pose = run(babble(140), DECODER.init_state(1), events)
    check_bounds(weights, pose)


def test_restyle_arrives_and_is_smooth_in_silence() -> None:
    weights, _ = run(silence(80), DECODER.init_state(1), {40: "cheerful"})
    smile = weights[:, INDEX["mouthSmileLeft"]]
    goal, _ = DECODER.step(silence(80), DECODER.init_state(1, STYLES.get("cheerful")))
    assert abs(smile[-1] - goal.weights[0, -1, INDEX["mouthSmileLeft"]]) < 0.05
    assert smile[-1] > smile[39] + 0.15
    assert np.diff(smile[38 : 42 + GLIDE]).max() < 0.12


def test_interrupt_closes_within_80_ms() -> None:
    word = phones(*["SIL"] * 5, *["AA"] * 8, *["SIL"] * 12)
    weights, _ = run(word, DECODER.init_state(1), {13: "interrupt"})
    curve = opening(weights)
    assert curve[14] < curve[12] - 0.03, "still open 80 ms after the interrupt"
    assert curve[13:18].argmax() == 0 and curve[18:].max() < 0.08


def test_styles_are_cached_and_blends_lie_between() -> None:
    a, b = STYLES.get("neutral"), STYLES.get("cheerful")
    assert DECODER.prepare(a) is DECODER.prepare(a)

    def smile(style: object) -> float:
        y, _ = DECODER.step(silence(30), DECODER.init_state(1, style))  # type: ignore[arg-type]
        return float(y.weights[0, -1, INDEX["mouthSmileLeft"]])

    assert smile(a) < smile(blend(a, b, 0.5)) < smile(b)


def test_an_adapter_adds_to_what_the_code_gives() -> None:
    plain = STYLES.get("neutral")
    change = np.zeros(52 + 6, np.float32)
    change[[LIPS.index(INDEX["jawOpen"]), -6]] = 0.1, 5.0
    adapted = replace(plain, adapter={"rest": change})
    one, two = DECODER.prepare(plain), DECODER.prepare(adapted)
    np.testing.assert_allclose(two.rest[0] - one.rest[0], change, atol=1e-6)
    np.testing.assert_array_equal(one.query, two.query)
    assert DECODER.prepare(plain) is one  # a code with an adapter is another style


@pytest.mark.parametrize("name", ["rest", "up", "nosuch"])
def test_an_adapter_that_does_not_fit_is_refused(name: str) -> None:
    style = replace(STYLES.get("calm"), adapter={name: np.zeros(3, np.float32)})
    with pytest.raises(PackageError, match=name):
        DECODER.prepare(style)
