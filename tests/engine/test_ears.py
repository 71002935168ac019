"""The ears as a whole (mel, PPG, webrtcvad, gate, line): causal to the sample, calm on odd sound,
bounded over an hour, the same rows alone and in a batch.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from engine import Audio, offline
from engine.audio.chunker import Chunker
from engine.audio.mel import Mel, MelState
from engine.audio.vad import VAD, VADState
from engine.errors import AudioError
from engine.eval import sounds
from engine.eval.recordings import bundled, levelled
from engine.frames import F32, HOP, HOP_PHASE, SAMPLE_RATE
from engine.line import Output, line
from engine.motion.prosody import Prosody, ProsodyState
from engine.speech.gate import FLOOR, TOP, Gate, GateState
from engine.speech.ppg import PPG, PPGState
from engine.stage import leaves, split, stack
from engine.style.library import StyleLibrary

SPEECH = levelled(bundled()[0].pcm())[: 4 * SAMPLE_RATE]
# No leaf of any state may leave this range, and none may grow from hour to hour.
BOUND = 2000.0


def perform(pcm: F32, dial: int, packets: Callable[[int], int] = lambda n: 4000) -> list[Output]:
    """One output per hop; `packets`: size of the n-th packet."""
    stages, chunker = line(dial), Chunker()
    state = stages.init_state(StyleLibrary().get("neutral"))
    outputs, at, count = [], 0, 0
    while at < len(pcm):
        size = packets(count)
        for audio in chunker.push(pcm[at : at + size], SAMPLE_RATE):
            output, state = stages.step(audio, state)
            outputs.append(output)
        at, count = at + size, count + 1
    return outputs


def values(output: Output) -> list[np.ndarray]:
    """All numbers a hop completed."""
    rows = [leaves((row.heard, row.spoken, row.prosody)) for row in output.rows]
    moved = [[motion.weights, motion.pose] for motion in output.motions]
    return [leaf for group in (*rows, *moved) for leaf in group]


@pytest.mark.parametrize("dial", [0, 20, 60])
@pytest.mark.parametrize("cut", [HOP * 70 + 240, HOP * 70 + 241, HOP * 71 + 239])
def test_the_future_changes_nothing_that_was_due(dial: int, cut: int) -> None:
    """Any sound after sample `cut` leaves all that came out by then bit-equal."""
    pcm = SPEECH[16000:48000]
    truth = perform(pcm, dial)
    rng = np.random.default_rng(cut + dial)
    for scale in (1.0, 0.01, 0.0):
        other = pcm.copy()
        other[cut:] = rng.uniform(-scale, scale, len(pcm) - cut)
        changed = perform(other, dial)
        due = (cut - HOP_PHASE) // HOP  # hops complete before the cut
        for one, two in zip(truth[:due], changed[:due], strict=True):
            for a, b in zip(values(one), values(two), strict=True):
                np.testing.assert_array_equal(a, b)
        later = [
            np.abs(a.astype(np.float64) - b).max()
            for one, two in zip(truth[due : due + 4], changed[due : due + 4], strict=True)
            for a, b in zip(values(one), values(two), strict=True)
        ]
        assert max(later) > 1e-3


def test_one_sample_packets_equal_one_packet() -> None:
    pcm = SPEECH[16000:28000]
    one, many = perform(pcm, 20, lambda n: len(pcm)), perform(pcm, 20, lambda n: 1)
    assert len(one) == len(many) > 30
    for a, b in zip(one, many, strict=True):
        for x, y in zip(values(a), values(b), strict=True):
            np.testing.assert_array_equal(x, y)


def odd_sounds() -> dict[str, F32]:
    rng, n = np.random.default_rng(0), SAMPLE_RATE
    square = np.where(np.arange(n) // 40 % 2, 1.0, -1.0)
    return {
        "silence": np.zeros(n, np.float32),
        "square at full scale": square.astype(np.float32),
        "clipped speech": np.clip(SPEECH[:n] * 100, -1, 1),
        "offset": np.full(n, 0.9, np.float32),
        "speech on an offset": (SPEECH[:n] * 0.3 + 0.6).astype(np.float32),
        "Nyquist": np.tile(np.float32([1.0, -1.0]), n // 2),
        "denormals": rng.choice(np.float32([1e-40, -1e-42, 0.0]), n),
        "one click": np.eye(1, n, n // 2, dtype=np.float32)[0],
        "white noise": rng.uniform(-1, 1, n).astype(np.float32),
    }


@pytest.mark.parametrize("name", list(odd_sounds()))
def test_odd_sound_leaves_everything_finite(name: str) -> None:
    heard = offline.ppg(odd_sounds()[name])
    assert len(heard.start) == 50 and np.isfinite(heard.energy).all()
    assert (heard.posteriors >= 0).all()
    np.testing.assert_allclose(heard.posteriors.sum(axis=1), 1, atol=1e-4)
    for probability in (heard.closure, heard.voicing):
        assert (probability >= -1e-5).all() and (probability <= 1 + 1e-5).all()
    moved = offline.motion(odd_sounds()[name])
    assert np.isfinite(moved.weights).all() and np.isfinite(moved.pose).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_named_at_every_entry(bad: float) -> None:
    """AudioError with the place; the state from before is still good."""
    hop = np.zeros((1, HOP), np.float32)
    hop[0, 17] = bad
    with pytest.raises(AudioError, match="sample 17"):
        Chunker().push(hop[0], SAMPLE_RATE)
    with pytest.raises(AudioError, match="NaN or infinity"):
        offline.ppg(hop[0])
    for stage in (Mel(), VAD()):
        with pytest.raises(AudioError, match="sample 17"):
            stage.step(hop, stage.init_state(1))  # type: ignore[arg-type]
    rows = np.zeros((1, 5, 160), np.float32)
    rows[0, 3, 7] = bad
    with pytest.raises(AudioError, match="row 3"):
        PPG().forward(rows)
    stages = line(20)
    state = stages.init_state(StyleLibrary().get("neutral"))
    audio = Audio(HOP_PHASE, np.zeros(HOP, np.float32))
    with pytest.raises(AudioError, match="sample 17"):
        stages.step(Audio(HOP_PHASE, hop[0]), state)
    stages.step(audio, state)


class Ears(NamedTuple):
    """The states of everything that hears."""

    mel: MelState
    vad: VADState
    ppg: PPGState
    gate: GateState
    prosody: ProsodyState


STAGES = (Mel(), VAD(), PPG(20), Gate(), Prosody())


def listen(x: F32, state: Ears) -> tuple[Any, Ears]:
    """Whole hops of B sessions through the ears, as the line does it."""
    mel, vad, ppg, gate, prosody = STAGES
    rows, mel_state = mel.step(x, state.mel)
    voice, vad_state = vad.step(x, state.vad)
    heard, ppg_state = ppg.step(rows, state.ppg)
    spoken, gate_state = gate.step(heard, voice, state.gate)
    features, prosody_state = prosody.step(rows, state.prosody)
    return (heard, spoken, features), Ears(
        mel_state, vad_state, ppg_state, gate_state, prosody_state
    )


def deaf(batch: int) -> Ears:
    return Ears(*(stage.init_state(batch) for stage in STAGES))


def test_a_batch_of_32_equals_32_alone() -> None:
    """Sessions of different sound and age, stacked, stepped twice, split."""
    voices = [levelled(clip.pcm()) for clip in bundled()]
    pieces, states = [], []
    for n in range(32):
        pcm = voices[n % len(voices)][n * 900 :]
        state = deaf(1)
        if n:
            _, state = listen(pcm[None, : n * 3 * HOP], state)
        states.append(state)
        pieces.append(pcm[None, n * 3 * HOP : (n * 3 + 10) * HOP])
    together = stack(states)
    batch = np.concatenate(pieces)
    first, together = listen(batch[:, : 7 * HOP], together)
    second, together = listen(batch[:, 7 * HOP :], together)
    for n, after in enumerate(split(together)):
        one, state = listen(pieces[n][:, : 7 * HOP], states[n])
        two, state = listen(pieces[n][:, 7 * HOP :], state)
        for many, alone in ((first, one), (second, two)):
            for a, b in zip(leaves(many), leaves(alone), strict=True):
                np.testing.assert_allclose(a[n : n + 1], b, atol=1e-5)
        for a, b in zip(leaves(after), leaves(state), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5 * max(1.0, float(np.abs(b).max())))


def stream(minutes: int) -> Iterator[F32]:
    """A minute each: talk, silence, noise, typing and full scale in turn."""
    rng = np.random.default_rng(0)
    talk = np.concatenate([levelled(clip.pcm()) for clip in bundled()])
    for minute in range(minutes):
        pcm = np.roll(talk, int(rng.integers(len(talk))))[: 60 * SAMPLE_RATE].copy()
        pcm[20 * SAMPLE_RATE : 32 * SAMPLE_RATE] = 0.0
        noise = sounds.noise(("white", "pink", "brown")[minute % 3], 10 * SAMPLE_RATE, rng)
        pcm[32 * SAMPLE_RATE : 42 * SAMPLE_RATE] = 0.1 * noise
        for at in range(42 * SAMPLE_RATE, 48 * SAMPLE_RATE, 3000):
            key = sounds.event("key", rng)
            pcm[at : at + len(key)] += key
        pcm[50 * SAMPLE_RATE : 51 * SAMPLE_RATE] *= 100.0
        yield np.clip(pcm, -1, 1)


def check_long_stream(minutes: int) -> None:
    state, largest = deaf(1), []
    for pcm in stream(minutes):
        (heard, spoken, features), state = listen(pcm[None], state)
        for leaf in leaves((heard, features)):
            assert np.isfinite(leaf).all()
        for posteriors in (heard.posteriors, spoken.posteriors):
            np.testing.assert_allclose(posteriors.sum(axis=2), 1, atol=1e-4)
        assert 0.3 < spoken.speaking.mean() < 0.9
        bounded = (state.mel, state.vad, state.ppg, state.prosody, state.gate.belief)
        largest.append(max(float(np.abs(leaf).max()) for leaf in leaves(bounded)))
        assert FLOOR <= float(state.gate.belief[0]) <= TOP
    assert max(largest) < BOUND
    early, late = largest[: max(1, minutes // 3)], largest[-max(1, minutes // 3) :]
    assert max(late) <= 1.5 * max(early) + 1
    assert state.gate.hops[0] == minutes * 60 * SAMPLE_RATE // HOP


def test_three_minutes_stay_bounded() -> None:
    check_long_stream(3)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_an_hour_stays_bounded() -> None:
    check_long_stream(60)
