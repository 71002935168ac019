"""Tracks: what is heard and made lie on one grid, survive the folder and repeat by seed."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.errors import WeightsError
from engine.eval.recordings import bundled
from engine.frames import LOOKAHEAD_STEPS
from engine.motion import noise as noises
from engine.motion.channels import STRONG, opening
from engine.runtime import ASSETS, load
from engine.style.encoder import statistics
from engine.train import __main__ as train
from engine.train import tracks
from engine.train.lessons import hear
from engine.train.manner import BUNDLED
from engine.train.noises import Noises
from engine.train.takes import Tape, framed, record, take
from engine.train.tracks import Track, taught

FIELDS = ("ppg", "aux", "prosody", "opening", "noise", "weights", "pose", "events", "statistics")


@pytest.fixture(scope="module")
def tape() -> Tape:
    rng = np.random.default_rng(0)
    one = take(bundled()[0], False, rng, Noises(rng, []))
    return record([one], load(ASSETS / "ppg.onnx"))


def test_a_track_follows_its_phones_and_its_noise(tape: Tape) -> None:
    track = taught("calm", "calm", BUNDLED["calm"], tape, 9)
    assert track.ppg.shape == (3, len(track), 80) and track.aux.shape == (3, len(track), 6)
    strong = track.weights[:, STRONG].astype(np.float32)
    assert strong.min() >= 0 and strong.max() <= 1
    made = opening(track.weights.astype(np.float32))
    assert np.corrcoef(made, track.opening)[0, 1] > 0.9
    ticks = np.arange(len(track), dtype=np.int64)
    drawn = noises.draw(np.full(len(ticks), 9, np.uint64), ticks)
    np.testing.assert_allclose(track.noise.astype(np.float32), drawn, atol=2e-3)
    again = taught("calm", "calm", BUNDLED["calm"], tape, 9)
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(track, field), getattr(again, field))


def test_look_aheads_describe_the_same_rows() -> None:
    """A later ear says the same thing of the same moment, so posteriors and aux go together."""
    pcm = framed(bundled()[0].pcm()[: 6 * 16_000])
    heard = hear(pcm, load(ASSETS / "ppg.onnx"))
    assert len(heard.aux) == len(LOOKAHEAD_STEPS)
    for rows in (heard.ppg, heard.aux[..., [0, 3]], heard.aux[..., [2, 5]]):
        first, last = rows[0].ravel(), rows[-1].ravel()
        together = np.corrcoef(first, last)[0, 1]
        shifted = np.corrcoef(rows[0, 2:].ravel(), rows[-1, :-2].ravel())[0, 1]
        assert together > 0.75 and together > shifted


def test_a_folder_gives_back_what_was_saved(tape: Tape, tmp_path: Path) -> None:
    made = [taught(n, n, BUNDLED[n], tape, k) for k, n in enumerate(("neutral", "shy"))]
    made.append(
        Track(
            "real one", "one", tape.ticks.ppg.copy(), tape.ticks.aux.copy(),
            tape.ticks.prosody.copy(), np.full(len(tape), np.nan, np.float32), made[0].noise,
            made[0].weights, made[0].pose, made[0].events, np.arange(52, dtype=np.float32), 0.0,
            made[0].statistics,
        )
    )  # fmt: skip
    tracks.save(made, tmp_path)
    tracks.save(made, tmp_path)  # over the old one
    loaded = tracks.load(tmp_path)
    assert [t.name for t in loaded] == ["neutral", "shy", "real one"]
    assert [t.person for t in loaded] == ["neutral", "shy", "one"]
    for one, other in zip(made, loaded, strict=True):
        for field in (*FIELDS, "mask"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
        assert one.pose_mask == other.pose_mask and len(one) == len(other)
    # The two that hear one tape share it.
    about = json.loads((tmp_path / "tracks.json").read_text())
    assert about["heard"] == 2 * len(tape) and about["made"] == 3 * len(tape)


def test_statistics_of_another_encoder_are_measured_anew(tape: Tape, tmp_path: Path) -> None:
    tracks.save([taught("shy", "shy", BUNDLED["shy"], tape, 0)], tmp_path)
    path = tmp_path / "tracks.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "encoder": "older"}))
    np.save(tmp_path / "statistics.npy", np.zeros((1, 3), np.float32))
    (track,) = tracks.load(tmp_path)
    fresh = statistics(track.weights.astype(np.float32), track.pose)
    np.testing.assert_array_equal(track.statistics, fresh)


def test_a_folder_that_is_not_whole_is_named(tape: Tape, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"tracks\.json"):
        tracks.load(tmp_path)
    tracks.save([taught("shy", "shy", BUNDLED["shy"], tape, 0)], tmp_path)
    np.save(tmp_path / "noise.npy", np.zeros((3, 20), np.float16))
    with pytest.raises(WeightsError, match="noise"):
        tracks.load(tmp_path)
    path = tmp_path / "tracks.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 0}))
    with pytest.raises(WeightsError, match="version 0"):
        tracks.load(tmp_path)


def test_tiny_makes_a_folder_of_every_manner(tmp_path: Path) -> None:
    assert train.main(["tracks", "--tiny", "--out", str(tmp_path)]) == 0
    made = tracks.load(tmp_path)
    assert set(BUNDLED) <= {t.name for t in made}
    randoms = [t.person for t in made if t.name == "random"]
    assert len(set(randoms)) < len(randoms)  # a person is heard more than once
