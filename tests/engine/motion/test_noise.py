"""Noise is a function of (seed, tick): repeatable, independent, and of the stated spread."""

import numpy as np

from engine.motion import noise as noises


def rows(seed: int, ticks: int) -> np.ndarray:
    return noises.draw(np.full(ticks, seed, np.uint64), np.arange(ticks, dtype=np.int64))


def test_same_pair_same_row_in_any_batch() -> None:
    whole = rows(3, 50)
    for tick in (0, 7, 49):
        one = noises.draw(np.array([3], np.uint64), np.array([tick], np.int64))
        np.testing.assert_array_equal(one[0], whole[tick])


def test_values_do_not_change_between_versions() -> None:
    # Trained graphs sample with these very numbers.
    row = rows(1, 2)[1]
    np.testing.assert_allclose(row[:3], [0.241606, 0.466567, 0.675636], atol=1e-5)


def test_distribution() -> None:
    table = rows(11, 40_000)
    uniform = table[:, : noises.UNIFORM]
    normal = table[:, noises.UNIFORM : noises.UNIFORM + noises.NORMAL]
    slow = table[:, noises.UNIFORM + noises.NORMAL :]
    assert (uniform > 0).all() and (uniform < 1).all()
    np.testing.assert_allclose(uniform.mean(0), 0.5, atol=0.01)
    np.testing.assert_allclose(normal.mean(0), 0.0, atol=0.03)
    np.testing.assert_allclose(normal.std(0), 1.0, atol=0.05)
    np.testing.assert_allclose(slow.std(0), 1.0, atol=0.15)
    # Slow columns drift: a tick changes them by far less than their spread.
    assert (np.abs(np.diff(slow, axis=0)).max(0) < 0.9).all()
    between = np.corrcoef(np.concatenate([uniform, normal], axis=1).T) - np.eye(12)
    assert np.abs(between).max() < 0.03


def test_seeds_differ() -> None:
    assert abs(np.corrcoef(rows(1, 4000)[:, 5], rows(2, 4000)[:, 5])[0, 1]) < 0.06


def test_uniform_columns_are_spread_evenly() -> None:
    uniform = rows(4, 5 * noises.BLOCK)[:, : noises.UNIFORM].reshape(5, noises.BLOCK, -1)
    strata = np.sort((uniform * noises.BLOCK).astype(int), axis=1)
    np.testing.assert_array_equal(strata, np.arange(noises.BLOCK)[None, :, None] + 0 * strata)
    first = uniform.argmin(axis=1)
    assert len(np.unique(first)) > 12  # in an order of their own
