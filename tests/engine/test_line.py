"""The line: fixed latency, exact times, offline equals live, causal, smooth where it changes."""

import numpy as np
import pytest

from engine import Audio, VivifyError, offline
from engine.audio.chunker import Chunker
from engine.errors import AudioError, PackageError
from engine.eval.recordings import bundled
from engine.face.blendshapes import INDEX
from engine.frames import HOP, HOP_PHASE, SAMPLE_RATE, SAMPLES_PER_FRAME
from engine.line import line
from engine.speech.phonemes import INDEX as PHONE
from engine.stage import leaves
from engine.style.library import StyleLibrary

SPEECH = bundled()[0].pcm()[: 4 * SAMPLE_RATE]
MOUTH = [i for name, i in INDEX.items() if name.startswith(("jaw", "mouth"))]


@pytest.mark.parametrize(("dial", "samples"), [(0, 280), (20, 600), (60, 1240)])
def test_latency_is_pinned(dial: int, samples: int) -> None:
    stages = line(dial)
    assert stages.latency == samples
    assert stages.mel.latency == 280 and stages.decoder.latency == 0


@pytest.mark.parametrize("dial", [0, 20, 60])
def test_times_are_exact_and_complete(dial: int) -> None:
    for length in (SAMPLE_RATE, SAMPLE_RATE + 1, 3 * SAMPLES_PER_FRAME - 1):
        posteriors = offline.ppg(SPEECH[:length], dial)
        rows = 1 + (length - 1 - 280) // HOP
        assert posteriors.start.tolist() == [HOP * k + 280 for k in range(rows)]
        motion = offline.motion(SPEECH[:length], lookahead_ms=dial)
        ticks = -(-length // SAMPLES_PER_FRAME)
        assert motion.start.tolist() == [SAMPLES_PER_FRAME * n for n in range(ticks)]
        assert posteriors.posteriors.dtype == motion.weights.dtype == np.float32
    np.testing.assert_allclose(posteriors.posteriors.sum(axis=1), 1.0, atol=1e-4)


@pytest.mark.parametrize("dial", [0, 20])
def test_a_motion_carries_the_sound_up_to_its_picture(dial: int) -> None:
    outputs = list(offline.perform([(SPEECH, SAMPLE_RATE)], lookahead_ms=dial))
    rows = {row.start: row.spoken.posteriors[0, 0] for out in outputs for row in out.rows}
    motions = [motion for out in outputs for motion in out.motions]
    for motion in motions[4:]:
        assert motion.ppg is not None and motion.ppg.shape == (8, 40)
        starts = [motion.start - 40 - HOP * i for i in reversed(range(8))]
        np.testing.assert_array_equal(motion.ppg, [rows[start] for start in starts])
    first = motions[0].ppg
    assert first is not None and (first[:-1].argmax(-1) == PHONE["SIL"]).all(), (
        "silence before the sound"
    )


def test_live_packets_of_any_size_equal_offline() -> None:
    expected = offline.motion(SPEECH)
    stages, chunker = line(20), Chunker()
    state = stages.init_state(StyleLibrary().get("neutral"))
    rng, at, shown = np.random.default_rng(3), 0, []
    while at < len(SPEECH):
        size = int(rng.integers(1, 1500))
        for audio in chunker.push(SPEECH[at : at + size], SAMPLE_RATE):
            output, state = stages.step(audio, state)
            shown += output.motions
        at += size
    count = len(shown)
    assert count >= len(expected.start) - 2
    weights = np.array([m.weights for m in shown])
    np.testing.assert_allclose(weights, expected.weights[:count], atol=1e-6)


def test_pictures_come_as_soon_as_their_sound_is_there() -> None:
    for dial, steps in ((0, 0), (20, 1), (60, 3)):
        stages = line(dial)
        state = stages.init_state(StyleLibrary().get("neutral"))
        for hop in range(30):
            audio = Audio(HOP * hop + HOP_PHASE, np.zeros(HOP, np.float32))
            output, state = stages.step(audio, state)
            for motion in output.motions:
                assert audio.end == motion.start + 240 + HOP * steps


def test_the_future_is_not_seen() -> None:
    cut = 2 * SAMPLE_RATE
    other = SPEECH.copy()
    other[cut:] = np.random.default_rng(0).uniform(-0.3, 0.3, len(other) - cut)
    one, two = offline.motion(SPEECH), offline.motion(other)
    past = one.start + 240 + HOP <= cut
    np.testing.assert_array_equal(one.weights[past], two.weights[past])
    np.testing.assert_array_equal(one.pose[past], two.pose[past])
    assert np.abs(one.weights[~past] - two.weights[~past]).max() > 0.05


def test_same_seed_same_motion() -> None:
    one, two = offline.motion(SPEECH, seed=1), offline.motion(SPEECH, seed=1)
    np.testing.assert_array_equal(one.weights, two.weights)
    assert np.abs(one.pose - offline.motion(SPEECH, seed=2).pose).max() > 0.05


@pytest.mark.parametrize(
    ("pcm", "message"),
    [
        (np.zeros(0, np.float32), "empty"),
        (np.zeros((2, 100), np.float32), "expected mono"),
        (np.zeros(100, np.int16), "expected mono"),
        (np.full(1000, np.nan, np.float32), "NaN"),
        (np.full(1000, np.inf, np.float32), "(?i)inf|NaN"),
    ],
)
def test_bad_sound_is_named(pcm: np.ndarray, message: str) -> None:
    for function in (offline.ppg, offline.motion):
        with pytest.raises(AudioError, match=message):
            function(pcm)


def test_bad_choices_are_named() -> None:
    with pytest.raises(VivifyError, match="look-ahead is 30 ms"):
        offline.ppg(SPEECH[:1000], lookahead_ms=30)
    with pytest.raises(PackageError, match="(?s)nobody.*neutral"):
        offline.motion(SPEECH[:1000], style="nobody")
    with pytest.raises(PackageError, match="unknown"):
        offline.motion(SPEECH[:1000], style="x" * 5000)
    with pytest.raises(PackageError, match="neither bundled"):
        next(offline.video(SPEECH[:1000], avatar="x" * 5000))
    with pytest.raises(VivifyError, match="seed is -1"):
        offline.motion(SPEECH[:1000], seed=-1)
    with pytest.raises(AudioError, match="no array"):
        offline.ppg([[0.0], [0.0, 0.0]])


def test_a_hop_off_the_grid_is_refused() -> None:
    stages = line(20)
    state = stages.init_state(StyleLibrary().get("neutral"))
    with pytest.raises(AudioError, match="Chunker"):
        stages.step(Audio(0, np.zeros(HOP, np.float32)), state)


def run(events: dict[int, str], pcm: np.ndarray) -> np.ndarray:
    """Weights [T, 52] of a clip with style names or "interrupt" applied at ticks."""
    stages, styles = line(20), StyleLibrary()
    state = stages.init_state(styles.get("neutral"))
    shown: list[np.ndarray] = []
    for audio in Chunker().push(pcm, SAMPLE_RATE):
        event = events.pop(len(shown), None)
        if event == "interrupt":
            state = stages.interrupt(state)
        elif event:
            state = stages.restyle(state, styles.get(event))
        output, state = stages.step(audio, state)
        shown += [m.weights for m in output.motions]
    return np.array(shown)


def test_no_jump_at_style_change_or_interrupt() -> None:
    plain = run({}, SPEECH)
    usual = np.abs(np.diff(plain[:, MOUTH], axis=0)).max()
    names = [name for name in StyleLibrary().names() if name != "neutral"]
    ticks = {20 + 15 * i: name for i, name in enumerate(names[:4])}
    for events in (ticks, {40: "interrupt"}):
        changed = run(dict(events), SPEECH)
        for tick in events:
            jump = np.abs(np.diff(changed[tick - 2 : tick + 6, MOUTH], axis=0)).max()
            assert jump <= max(usual, 0.25) + 1e-5, f"jump of {jump:.2f} at tick {tick}"


def test_interrupt_closes_the_mouth() -> None:
    pcm = np.concatenate([SPEECH[: 2 * SAMPLE_RATE], np.zeros(SAMPLE_RATE, np.float32)])
    jaw = run({50: "interrupt"}, pcm)[:, INDEX["jawOpen"]]
    assert jaw[62:].max() < 0.1


def test_interrupt_keeps_what_is_known_of_the_voice() -> None:
    stages = line(20)
    state = stages.init_state(StyleLibrary().get("neutral"))
    for audio in Chunker().push(SPEECH, SAMPLE_RATE):
        _, state = stages.step(audio, state)
    after, fresh = stages.interrupt(state), stages.ppg.init_state(1)
    for kept, before in zip(leaves(after.prosody), leaves(state.prosody), strict=True):
        np.testing.assert_array_equal(kept, before)
    averages = zip(leaves(after.ppg), leaves(state.ppg), leaves(fresh), strict=True)
    same = [(kept == before).all() for kept, before, zero in averages if (kept != zero).any()]
    assert len(same) == 2 and all(same)
