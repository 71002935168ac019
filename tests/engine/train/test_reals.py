"""Recorded people: never a kept-back clip, sound and motion change together, events explained."""

from functools import cache

import numpy as np
import pytest

from engine.errors import TrackingError
from engine.eval.performances import Performance, kept_back
from engine.face.blendshapes import INDEX
from engine.motion import noise as noises
from engine.runtime import ASSETS, load
from engine.train.gestures import BLINK
from engine.train.noises import Noises
from engine.train.reals import STUDIO, Version, inferred, people, recorded

GRAPH = load(ASSETS / "ppg.onnx")


def clip(name: str, person: str = "grid_s30", corpus: str = "grid_s30") -> Performance:
    rng = np.random.default_rng(0)
    weights = np.zeros((50, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = np.linspace(0, 1, 50)
    weights[20:23, INDEX["eyeBlinkLeft"]] = weights[20:23, INDEX["eyeBlinkRight"]] = 0.9
    return Performance(
        name, person, (0.01 * rng.standard_normal(50 * 640)).astype(np.float32), weights,
        rng.standard_normal((50, 6)).astype(np.float32), np.ones(52, np.float32),
        corpus != "facegood", corpus, phones=(("SIL", 0, 100), ("AA", 100, 60), ("SIL", 160, 40)),
    )  # fmt: skip


@cache
def bank() -> Noises:
    return Noises(np.random.default_rng(0), [])


def test_kept_back_clips_are_refused_and_left_out() -> None:
    back = clip("2_04", "facegood", "facegood")
    assert kept_back(back)
    with pytest.raises(TrackingError, match="2_04"):
        recorded("studio", [back], Version(), GRAPH, bank(), 0)
    assert people([back], GRAPH, bank(), 0) == []


def test_a_slower_version_slows_everything() -> None:
    plain = recorded("p", [clip("a")], Version(), GRAPH, bank(), 0)
    slow = recorded("p", [clip("a")], Version(speed=1.2), GRAPH, bank(), 0)
    assert len(plain) == 50 and len(slow) == 60 and slow.person == "p"
    jaw = INDEX["jawOpen"]
    np.testing.assert_allclose(slow.weights[::6, jaw], plain.weights[::5, jaw], atol=2e-3)
    middle = [t.opening.argmax() / len(t) for t in (plain, slow)]
    assert abs(middle[0] - middle[1]) < 0.05
    late = recorded("p", [clip("a")], Version(shift=1), GRAPH, bank(), 0)
    np.testing.assert_allclose(late.weights[1:, jaw], plain.weights[:-1, jaw], atol=1e-3)


def test_what_a_source_lacks_is_masked_and_unknown() -> None:
    source = clip("2_01", "facegood", "facegood")
    source = source.part(0, 2, "2_01")  # without phones
    tracks = people([source], GRAPH, bank(), 0)
    assert {t.person for t in tracks} == {STUDIO} and len(tracks) > 1
    for track in tracks:
        assert track.name == "real studio" and track.pose_mask == 0 and not track.pose.any()
        assert np.isnan(track.opening).all() and not track.events.any()


def test_blinks_are_found_and_noise_explains_them() -> None:
    source = clip("a")
    noise = noises.draw(np.zeros(50, np.uint64), np.arange(50, dtype=np.int64))
    events, explained = inferred(source.weights, source.pose, noise)
    assert np.flatnonzero(events[:, BLINK]).tolist() == [20]
    assert explained.shape == noise.shape and np.isfinite(explained).all()


@pytest.mark.data
def test_only_the_split_may_be_trained_on(data_dir: object) -> None:
    from pathlib import Path

    from engine.eval.performances import read_performances

    clips = [c for c in read_performances(Path(str(data_dir))) if c.corpus == "address"]
    tracks = people(clips, GRAPH, bank(), 0, fewest=True)
    ticks = sum(len(c.weights) for c in clips if not kept_back(c))
    assert sum(len(t) for t in tracks) == ticks < sum(len(c.weights) for c in clips)
