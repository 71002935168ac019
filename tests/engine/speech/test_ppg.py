"""The shipped PPG graph: streaming, causal to the sample, finite on odd sound, honest in time."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from engine.audio.mel import LATENCY, Mel
from engine.errors import AudioError, VivifyError, WeightsError
from engine.eval.recordings import bundled, levelled
from engine.eval.rows import hear
from engine.frames import F32, HOP, LOOKAHEAD_STEPS
from engine.runtime import load
from engine.speech.phonemes import INDEX, PHONES
from engine.speech.ppg import DEFAULT, PPG

SIL = INDEX["SIL"]


def posteriors_of(pcm: F32, ppg: PPG) -> F32:
    return hear(pcm, ppg).posteriors


def speech(seconds: float = 1.0) -> F32:
    """Two different pieces of speech as log-mel rows [2, T, 160]."""
    pieces = [levelled(clip.pcm())[16000:] for clip in bundled()[:2]]
    length = int(seconds * 50) * HOP
    return Mel().forward(np.stack([piece[:length] for piece in pieces]))


@pytest.mark.parametrize("lookahead_ms", LOOKAHEAD_STEPS)
def test_streams(lookahead_ms: int) -> None:
    from tests.contract import assert_streams

    assert_streams(PPG(lookahead_ms), speech())


@pytest.mark.parametrize("lookahead_ms", LOOKAHEAD_STEPS)
def test_posteriors(lookahead_ms: int) -> None:
    heard = PPG(lookahead_ms).forward(speech())
    y = heard.posteriors
    assert y.shape == (2, 50, len(PHONES)) and y.dtype == np.float32 and (y >= 0).all()
    np.testing.assert_allclose(y.sum(axis=2), 1, atol=1e-4)
    for column in (heard.closure, heard.voicing, heard.energy):
        assert column.shape == (2, 50) and column.dtype == np.float32
        assert np.isfinite(column).all()
    for probability in (heard.closure, heard.voicing):
        assert (probability >= -1e-6).all() and (probability <= 1 + 1e-6).all()


def test_latency_is_the_dial() -> None:
    assert [PPG(ms).latency for ms in LOOKAHEAD_STEPS] == [0, 320, 960]


@pytest.mark.parametrize("lookahead_ms", LOOKAHEAD_STEPS)
def test_needs_exactly_the_samples_it_says(lookahead_ms: int) -> None:
    """Row k (sample 320 k + 280) ignores all from its latency on, and uses what is before."""
    ppg, k = PPG(lookahead_ms), 40
    pcm = levelled(bundled()[0].pcm())[16000:32000]
    truth = posteriors_of(pcm, ppg)[k]
    newest = HOP * k + 2 * LATENCY + ppg.latency
    later, earlier = pcm.copy(), pcm.copy()
    later[newest:] = 0.3
    earlier[newest - 100 :] = 0.3
    np.testing.assert_allclose(posteriors_of(later, ppg)[k], truth, atol=1e-6)
    assert np.abs(posteriors_of(earlier, ppg)[k] - truth).max() > 1e-4


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros(32000), np.ones(32000), np.full(32000, 0.5), np.tile([1.0, -1.0], 16000),
        np.random.default_rng(0).uniform(-1, 1, 32000), np.full(32000, 1e-30),
    ],
    ids=["silence", "full scale", "offset", "Nyquist", "white noise", "denormal"],
)  # fmt: skip
def test_odd_sound_is_finite(pcm: np.ndarray) -> None:
    y = posteriors_of(pcm.astype(np.float32), PPG())
    assert np.isfinite(y).all()
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-4)


def test_silence_is_silence() -> None:
    quiet = np.random.default_rng(0).standard_normal(48000) * 1e-3
    for pcm in (np.zeros(48000), quiet):
        assert (posteriors_of(pcm.astype(np.float32), PPG())[10:, SIL] > 0.5).mean() > 0.95


def test_a_long_session_stays_sane() -> None:
    """Ten minutes of talk do not wear the state out."""
    ppg, mel = PPG(), Mel()
    clips = [levelled(clip.pcm()) for clip in bundled()]
    fresh = posteriors_of(clips[0], ppg)
    rows = mel.forward(
        np.concatenate([*clips] * 6 + [np.zeros(80, np.float32)])[None, : 320 * 30000]
    )
    _, state = ppg.step(rows, ppg.init_state(1))
    hop_rows = mel.forward(np.concatenate([np.zeros(80, np.float32), clips[0]])[None, : 320 * 400])
    late = ppg.step(hop_rows, state)[0].posteriors[0, 2:]
    same = late.argmax(1) == fresh[: len(late)].argmax(1)
    assert same[25:].mean() > 0.9


def test_wrong_use_is_named(tmp_path: Path) -> None:
    with pytest.raises(VivifyError, match="one of 0, 20, 60"):
        PPG(40)
    with pytest.raises(AudioError, match="rows"):
        PPG().forward(np.zeros((1, 5, 80), np.float32))
    with pytest.raises(WeightsError, match="not found"):
        PPG(path=tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((np.inf, -np.inf), "NaN or infinity in row 3"),
        ((np.nan, 0), "NaN or infinity in row 3"),
        ((3e38, 3e38), "3e.38 in row 3"),
        ((-3e38, -3e38), "3e.38 in row 3"),
    ],
)
def test_what_no_row_is_gets_its_name(values: tuple[float, float], found: str) -> None:
    rows = np.zeros((1, 5, 160), np.float32)
    rows[0, 3, 7], rows[0, 4, 9] = values
    with pytest.raises(AudioError, match=found):
        PPG().forward(rows)


def test_an_interrupt_keeps_the_voice_and_forgets_the_words() -> None:
    """Running averages outlive it, all other memory begins anew."""
    ppg, lasting = PPG(), ("state_sums", "state_quiet")
    names = [name for name in load(DEFAULT).inputs if name.startswith("state_")]
    assert set(lasting) < set(names)
    _, state = ppg.step(speech(), ppg.init_state(2))
    after, fresh = ppg.interrupt(state), ppg.init_state(2)
    for name, leaf, before, zero in zip(
        names, after.memory, state.memory, fresh.memory, strict=True
    ):
        assert (before != zero).any()
        np.testing.assert_array_equal(leaf, before if name in lasting else zero)


def test_a_known_voice_is_heard_alike_after_an_interrupt() -> None:
    """The first row of a voice that is known is nearer to the one heard without an interrupt."""
    ppg = PPG()
    pcm = 0.1 * levelled(bundled()[0].pcm())
    rows = Mel().forward(pcm[None, : len(pcm) // HOP * HOP])
    _, state = ppg.step(rows[:, :400], ppg.init_state(1))
    known, kept, fresh = (
        ppg.step(rows[:, 400:450], start)[0].energy
        for start in (state, ppg.interrupt(state), ppg.init_state(1))
    )
    assert np.abs(kept - known).mean() < np.abs(fresh - known).mean()


def test_a_file_that_says_posteriors_only_is_refused(tmp_path: Path) -> None:
    model = onnx.load(DEFAULT)
    config = json.loads(model.metadata_props[0].value)
    del config["aux"]
    model.metadata_props[0].value = json.dumps(config)
    onnx.save(model, tmp_path / "old.onnx")
    with pytest.raises(WeightsError, match="old.onnx says None.*closure"):
        PPG(path=tmp_path / "old.onnx")


def test_no_rows() -> None:
    ppg = PPG()
    heard, _ = ppg.step(np.zeros((2, 0, 160), np.float32), ppg.init_state(2))
    assert heard.posteriors.shape == (2, 0, 40)
    assert heard.energy.shape == (2, 0) and heard.newest.shape == (2, 0, 40)


def test_the_newest_row_is_heard_as_without_look_ahead() -> None:
    x = np.random.default_rng(5).normal(-3, 2, (1, 40, 160)).astype(np.float32)
    bare = PPG(0).forward(x)
    for lookahead_ms in (0, 20, 60):
        np.testing.assert_array_equal(PPG(lookahead_ms).forward(x).newest, bare.posteriors)
