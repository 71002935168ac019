"""The baselines do what they are named for, look no farther ahead, and fall short of the model."""

from dataclasses import replace

import numpy as np
import pytest

from engine.audio.mel import LABEL_AT, LATENCY
from engine.eval import baselines, rivals
from engine.eval.baselines import Allphone, Discriminant, Moments
from engine.eval.recordings import bundled
from engine.eval.rows import Clip
from engine.frames import HOP
from engine.motion.channels import OPENNESS_ROW
from engine.speech.phonemes import INDEX
from engine.speech.ppg import DEFAULT


def test_discriminants_find_bayes_borders() -> None:
    """Gaussians of one covariance: the closed form is the best there is."""
    rng = np.random.default_rng(0)
    labels = rng.choice(4, 20_000, p=[0.4, 0.3, 0.2, 0.1])
    means = rng.standard_normal((4, 6)) * 2
    mix = rng.standard_normal((6, 6))
    x = (means[labels] + rng.standard_normal((20_000, 6)) @ mix).astype(np.float32)
    found = Discriminant.fit(Moments.of(x[::2], labels[::2])).hear(x[1::2]).posteriors
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    inverse = np.linalg.inv(mix.T @ mix)
    away = x[1::2, None] - means
    best = np.log([0.4, 0.3, 0.2, 0.1]) - 0.5 * np.einsum("nci,ij,ncj->nc", away, inverse, away)
    truth = labels[1::2]
    assert (found.argmax(1) == truth).mean() > (best.argmax(1) == truth).mean() - 0.01
    assert found[:, 4:].max() < 1e-20  # classes that were never seen


def test_moments_add_up() -> None:
    x = np.random.default_rng(0).standard_normal((50, 3), np.float32)
    labels = np.arange(50) % 40
    whole = Moments.of(x, labels)
    both = Moments.of(x[:20], labels[:20]).plus(Moments.of(x[20:], labels[20:]))
    np.testing.assert_allclose(both.second, whole.second, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(both.first, whole.first, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("measure", [baselines.stacked, baselines.loudness])
def test_look_ahead_is_that_of_the_model(measure: object) -> None:
    """Row k needs nothing after its label + 20 ms + the mel window, and all up to there."""
    assert callable(measure)
    pcm = np.random.default_rng(0).standard_normal(HOP * 20).astype(np.float32) * 0.1
    k = 9
    edge = k * HOP + LABEL_AT + HOP + (LATENCY if measure is baselines.stacked else 0)
    later, earlier = pcm.copy(), pcm.copy()
    later[edge + 8 :] = 0.3
    earlier[edge - 60 : edge] = 0.3
    truth = measure(pcm)[k]
    np.testing.assert_allclose(measure(later)[k], truth, atol=1e-4)
    assert np.abs(measure(earlier)[k] - truth).max() > 1e-2
    assert len(measure(pcm)) == 20


def test_threshold_tells_silence_from_speech() -> None:
    levels = np.array([-60, -55, -50, -45, -20, -15], np.float32)
    silent = np.array([True, True, True, False, False, False])
    assert -50 <= baselines.quiet_below(levels, silent) < -45


def test_chance_is_the_commonest_class() -> None:
    found = baselines.chance([np.array([INDEX[p] for p in "SIL SIL SIL AA AE B".split()])])
    assert found["phone_all"] == 0.5 and found["phone_sp"] == pytest.approx(1 / 3)
    assert found["vis14_sp"] == pytest.approx(2 / 3) and found["sil_speech"] == 0.5


def test_a_mouth_that_rests_is_followed_by_nothing() -> None:
    clip = Clip.of(bundled()[0])
    curve = np.random.default_rng(0).random(len(clip.labels)).astype(np.float32)
    assert rivals.opening_r(curve, replace(clip, labels=np.full_like(clip.labels, 1))) == 0.0
    assert rivals.opening_r(np.zeros_like(curve), clip) == 0.0
    assert rivals.opening_r(OPENNESS_ROW[clip.labels], clip) > 0.8


def test_allphone_hears_words() -> None:
    if not Allphone.installed():
        pytest.skip("pocketsphinx is not installed")
    clip = Clip.of(bundled()[0])
    heard = Allphone().hear(clip.pcm)
    assert heard.posteriors.shape == (len(clip.labels), 40)
    assert (heard.posteriors.argmax(1) == clip.labels).mean() > 0.4


def test_model_beats_discriminants_beat_chance() -> None:
    clips = [Clip.of(recording) for recording in bundled()]
    table = rivals.measure(clips, DEFAULT, rivals.leave_one_out(clips), allphone=False)
    ours, lda = table["this model"], table["LDA on mel"]
    rms, chance = table["RMS jaw"], table["commonest class"]
    assert ours["vis14_sp"] > lda["vis14_sp"] + 0.15 > chance["vis14_sp"] + 0.2
    assert ours["sil_speech"] > rms["sil_speech"] + 0.04 > chance["sil_speech"] + 0.05
    assert ours["opening"] > lda["opening"] > rms["opening"]
