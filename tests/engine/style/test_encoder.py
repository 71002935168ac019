"""The encoder measures what its definition says and separates different motions."""

from dataclasses import asdict

import numpy as np
import pytest
from safetensors.numpy import load as parse
from safetensors.numpy import save as pack

from engine.errors import FrameError
from engine.motion.channels import STRONG
from engine.motion.decoder import Decoder, DecoderInput
from engine.style.encoder import CODE, EXPRESSION, STATISTICS, fit, pieced, statistics
from engine.style.library import StyleLibrary


def clip(seed: int, frames: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = np.clip(rng.normal(0.1, 0.02, (frames, 52)), 0, 1).astype(np.float32)
    return weights, rng.normal(0, 0.2, (frames, 6)).astype(np.float32)


def test_statistics_follow_the_definition() -> None:
    weights, pose = clip(0)
    row = statistics(weights, pose)
    assert row.shape == (STATISTICS,)
    np.testing.assert_allclose(row[:52], weights.mean(0), rtol=1e-5)
    np.testing.assert_allclose(row[52:104], weights.std(0), rtol=1e-4)
    np.testing.assert_allclose(row[104:156], np.diff(weights, axis=0).std(0), rtol=1e-4)


def test_neutral_is_taken_off() -> None:
    weights, pose = clip(1)
    neutral = np.full(52, 0.05, np.float32)
    moved = statistics(weights, pose)[:52] - statistics(weights, pose, neutral)[:52]
    np.testing.assert_allclose(moved, neutral, atol=1e-6)


def test_a_jump_between_recordings_is_no_movement() -> None:
    (a, turn), (b, other) = clip(7), clip(8)
    joined, pose = np.concatenate([a, b + 0.3]), np.concatenate([turn, other + 5])
    row = pieced(joined, pose, [200])
    alone = (statistics(a, turn) + statistics(b + np.float32(0.3), other + np.float32(5))) / 2
    np.testing.assert_allclose(row, alone, rtol=1e-4, atol=1e-5)
    assert (statistics(joined, pose)[52:104] > 3 * row[52:104]).all()
    fewer = pieced(joined, pose, [200, 210])[:156]  # ten frames are no piece
    np.testing.assert_allclose(fewer, row[:156], atol=0.02)
    with pytest.raises(FrameError, match="at least"):
        pieced(a[:30], turn[:30], [15])


def test_what_a_source_lacks_is_no_style() -> None:
    clips = [clip(seed) for seed in range(6)]
    rows = np.stack([statistics(*c) for c in clips])
    mouth = np.zeros((200, 52), np.float32)
    mouth[:, STRONG] = clips[0][0][:, STRONG]
    rig = statistics(mouth, np.zeros((200, 6), np.float32))
    encoder = fit(np.concatenate([rows, rig[None]]))
    np.testing.assert_allclose(encoder.mean[-18:], rows[:, -18:].mean(0), atol=1e-5)
    assert not encoder.project(rig)[EXPRESSION:].any()
    assert encoder.project(rows)[:, EXPRESSION:].any(axis=1).all()


@pytest.mark.parametrize("broken", ["short", "nan", "shape"])
def test_bad_clips_are_refused(broken: str) -> None:
    weights, pose = clip(2)
    if broken == "short":
        weights, pose = weights[:10], pose[:10]
    elif broken == "nan":
        weights[5, 5] = np.nan
    else:
        weights = weights[:, :50]
    with pytest.raises(FrameError):
        statistics(weights, pose)


def test_what_the_decoder_does_in_a_style_encodes_near_it() -> None:
    library, decoder = StyleLibrary(), Decoder()
    rng = np.random.default_rng(0)
    ppg = rng.dirichlet(np.full(40, 0.05), (1, 600, 3)).reshape(1, 600, 120).astype(np.float32)
    x = DecoderInput(ppg, rng.uniform(0, 1, (1, 600, 12)).astype(np.float32))

    def code(style: str, seed: int) -> np.ndarray:
        y, _ = decoder.step(x, decoder.init_state(1, library.get(style), seed))
        return library.encoder.encode(y.weights[0], y.pose[0])

    one, same = code("neutral", 1), code("neutral", 2)
    assert one.shape == (CODE,)
    for other in ("cheerful", "shy", "theatrical"):
        assert np.linalg.norm(one - same) < 0.7 * np.linalg.norm(one - code(other, 1))


def test_fit_works_on_few_and_on_constant_rows() -> None:
    rows = np.stack([statistics(*clip(seed)) for seed in range(5)])
    for sample in (rows, np.repeat(rows[:1], 4, axis=0)):
        codes = fit(sample).project(sample)
        assert codes.shape == (len(sample), CODE) and np.isfinite(codes).all()


def test_a_fitted_encoder_survives_its_file() -> None:
    encoder = fit(np.stack([statistics(*clip(seed)) for seed in range(60)]))
    for value in asdict(encoder).values():
        np.testing.assert_array_equal(parse(pack({"x": value}))["x"], value)
