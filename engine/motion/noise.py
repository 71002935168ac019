"""Noise of the sampled branches: a pure function of (seed, tick), so forward equals step.

Contract: `draw(seed, tick)` gives the same row for the same pair, on every machine and in every
batch. Normal columns are independent from tick to tick, uniform ones are spread evenly over each
BLOCK of ticks (stratified sampling), slow ones drift smoothly.
"""

import numpy as np
import numpy.typing as npt

from engine.frames import F32

# Ticks (4 s) over which the uniform columns take each of BLOCK strata once: people blink more
# evenly than dice fall, and a minute without a blink is seen.
BLOCK = 100
UNIFORM = 4  # one event each: blink, glance, brow raise, shift of the head
NORMAL = 8  # where an event leads: glance x y, brow, blink length, head yaw pitch roll, spare
# Periods, in ticks, of the slow columns: band-limited noise between random knots.
PERIODS = (150, 97, 61, 43, 29, 19, 13, 11)
SLOW = len(PERIODS)
WIDTH = UNIFORM + NORMAL + SLOW

U64 = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def _hash(x: U64) -> U64:
    """splitmix64 finaliser (Steele et al. 2014): a counter-based generator."""
    x = (x ^ (x >> np.uint64(30))) * _MIX1
    x = (x ^ (x >> np.uint64(27))) * _MIX2
    return x ^ (x >> np.uint64(31))


def _uniform(seed: U64, counter: U64, column: U64) -> npt.NDArray[np.float64]:
    """In (0, 1), one value per broadcast element."""
    with np.errstate(over="ignore"):
        keyed = _hash(seed * _GOLDEN + np.uint64(1)) ^ _hash(
            counter * _MIX1 + column * _GOLDEN + np.uint64(7)
        )
        bits = _hash(keyed) >> np.uint64(11)
    return np.asarray((bits.astype(np.float64) + 0.5) / float(1 << 53))


def _normal(seed: U64, counter: U64, column: U64) -> npt.NDArray[np.float64]:
    """Standard normal by Box-Muller, cut at 2.5 so that no glance leaves the eye."""
    radius = np.sqrt(-2.0 * np.log(_uniform(seed, counter, column)))
    angle = 2.0 * np.pi * _uniform(seed, counter, column + np.uint64(500))
    return np.asarray(np.clip(radius * np.cos(angle), -2.5, 2.5))


def _stratified(seed: U64, tick: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """[B, UNIFORM] in (0, 1): the strata of a block in random order, a random place in each."""
    columns = np.arange(UNIFORM, dtype=np.uint64)
    key, count = seed[:, None], tick.astype(np.uint64)[:, None]
    first = tick // BLOCK * BLOCK
    ticks = (first[:, None] + np.arange(BLOCK)).astype(np.uint64)
    order = _uniform(key[:, :, None], ticks[:, :, None], columns[None, None] + np.uint64(300))
    mine = np.take_along_axis(order, (tick - first)[:, None, None], axis=1)
    rank = (order < mine).sum(axis=1)
    return np.asarray((rank + _uniform(key, count, columns[None])) / BLOCK)


def draw(seed: U64, tick: npt.NDArray[np.int64]) -> F32:
    """Noise rows: seed [B] uint64, tick [B] int64 -> [B, WIDTH] float32.

    Columns: UNIFORM in (0, 1), NORMAL with unit variance, SLOW with about unit variance.
    """
    key = seed[:, None]
    count = tick.astype(np.uint64)[:, None]
    uniform = _stratified(seed, tick)
    normal = _normal(key, count, np.arange(100, 100 + NORMAL, dtype=np.uint64)[None])
    period = np.array(PERIODS, np.int64)[None]
    knot = tick[:, None] // period
    share = (tick[:, None] % period) / period
    columns = np.arange(200, 200 + SLOW, dtype=np.uint64)[None]
    before = _normal(key, knot.astype(np.uint64), columns)
    after = _normal(key, (knot + 1).astype(np.uint64), columns)
    blend = 0.5 - 0.5 * np.cos(np.pi * share)
    # Between two independent knots the variance falls to 3/4 on average: 1.155 restores it.
    slow = 1.155 * ((1.0 - blend) * before + blend * after)
    return np.concatenate([uniform, normal, slow], axis=1).astype(np.float32)
