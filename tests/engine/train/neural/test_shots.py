"""Training sets come back as they were written, whole and in crops."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import WeightsError
from engine.train.neural.clip import join
from engine.train.neural.regions import EYES, MOUTH, OTHER, SKIN, regions
from engine.train.neural.shots import Shot, Shots, write


def shot(seed: int, gh: int = 32, gw: int = 48) -> Shot:
    """A made-up frame: smooth inside, four places of the texture in a few pixels, a bare rim."""
    rng = np.random.default_rng(seed)
    uv = np.repeat(rng.random((gh, gw, 1, 2), np.float32), 4, axis=2)
    uv[5:9, 10:20] = rng.random((4, 10, 4, 2), np.float32)
    uv[:2], uv[2, :, :3] = np.nan, np.nan
    coverage = (~np.isnan(uv[..., 0])).mean(2, dtype=np.float32)
    normal = rng.normal(size=(gh, gw, 3)).astype(np.float32)
    return Shot(
        uv, normal / np.linalg.norm(normal, axis=2, keepdims=True),
        rng.random((gh, gw), np.float32), coverage,
        rng.integers(0, 4, (gh, gw)).astype(np.uint8),
        rng.integers(0, 256, (2 * gh, 2 * gw, 4)).astype(np.uint8),
        rng.random((8, 40), np.float32), rng.random(58, np.float32),
        rng.integers(0, 256, (gh, gw, 3)).astype(np.uint8),
    )  # fmt: skip


def made(folder: Path) -> list[Shot]:
    shots = [shot(seed) for seed in range(5)]
    write(folder, "one", 3, shots[:3], about={"avatar": "mira"})
    write(folder, "two", 2, iter(shots[3:]), held=True)
    return shots


def test_what_was_written_is_read(tmp_path: Path) -> None:
    shots = made(tmp_path)
    read = Shots(tmp_path)
    assert (read.grid, read.scale, read.channels, len(read)) == ((32, 48), 2, 4, 3)
    assert [c.name for c in read.held] == ["two"] and read.train[0].about == {"avatar": "mira"}
    crop = read.train[0].crop(1, 2)
    truth = shots[1:3]
    for n, s in enumerate(truth):
        assert np.array_equal(crop.target[n], s.target)
        assert np.array_equal(crop.region[n], s.region)
        assert np.array_equal(crop.coverage[n], s.coverage)
        assert np.abs(crop.normal[n] - s.normal).max() < 0.005
        assert np.abs(crop.depth[n] - s.depth).max() < 1e-5
        assert np.abs(crop.ppg[n] - s.ppg).max() < 1e-3
        assert np.array_equal(crop.motion[n], s.motion)
        assert s.background is not None
        assert np.allclose(crop.background[n] * 255, s.background, atol=1e-3)


def mean_place(
    crop_uv: np.ndarray, looks: np.ndarray, at: np.ndarray, more: np.ndarray
) -> np.ndarray:
    """The mean UV of each pixel; stands for sampling a texture that is linear in UV."""
    total = (crop_uv * (looks > 0)[..., None]).reshape(-1, 2)
    np.add.at(total, at, more)
    return total.reshape(crop_uv.shape) / np.maximum(looks, 1)[..., None]


def test_crops_keep_every_covered_sample(tmp_path: Path) -> None:
    shots = made(tmp_path)
    clip = Shots(tmp_path).train[0]
    a, b = clip.crop(0, 2, 1, 8, 16, 16), clip.crop(2, 1, 0, 4, 16, 16)
    both = join([a, b])
    got = mean_place(both.uv, both.looks, both.more_at, both.more_uv)
    parts = [np.s_[1:17, 8:24], np.s_[1:17, 8:24], np.s_[:16, 4:20]]
    for n, part in enumerate(parts):
        uv = shots[n].uv[part]
        count = (~np.isnan(uv[..., :1])).sum(2)
        expected = np.nansum(uv, axis=2) / np.maximum(count, 1)
        assert np.abs(got[n] - expected).max() < 2e-5
    inside = both.looks[0, 4:8, 2:12]
    assert (inside == 4).all() and (both.looks[2, :2] == 0).all() and (both.looks[2, 2] == 1).all()


def test_drawn_crops_hold_what_they_shall(tmp_path: Path) -> None:
    plain = [replace(shot(seed), region=np.zeros((32, 48), np.uint8)) for seed in range(4)]
    for s in plain:
        s.region[20:22, 30:34] = MOUTH
        s.region[10, 30] = EYES
    write(tmp_path, "one", 4, plain)
    rng = np.random.default_rng(0)
    crop = Shots(tmp_path).draw(rng, 5, 16, frames=2, attend=1.0)
    assert crop.uv.shape == (10, 16, 16, 2) and crop.target.shape == (10, 32, 32, 4)
    assert (crop.region >= MOUTH).any((1, 2)).all()
    assert Shots(tmp_path).draw(rng, 1, None).uv.shape == (1, 32, 48, 2)


def test_where_only_a_hole_is_drawn_crops_lie_in_it(tmp_path: Path) -> None:
    face = np.zeros((32, 48), np.uint8)
    face[26:, 40:] = SKIN
    shots = [replace(shot(n), region=face, target=shot(n).target[..., :3]) for n in range(3)]
    write(tmp_path, "one", 3, shots)
    crop = Shots(tmp_path).draw(np.random.default_rng(0), 12, 8, attend=0.0)
    assert (crop.region == SKIN).any((1, 2)).all()


def test_wrong_counts_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 frames came, 2 were announced"):
        write(tmp_path, "one", 2, [shot(0)])
    with pytest.raises(WeightsError, match="0 clips"):
        Shots(tmp_path)


def test_regions_lie_where_landmarks_are() -> None:
    points = {
        "eye_inner_left": (70, 40), "eye_outer_left": (84, 40), "lid_upper_left": (77, 36),
        "lid_lower_left": (77, 44), "eye_inner_right": (58, 40), "eye_outer_right": (44, 40),
        "lid_upper_right": (51, 36), "lid_lower_right": (51, 44), "mouth_corner_left": (76, 80),
        "mouth_corner_right": (52, 80), "lip_upper_inner": (64, 78), "lip_lower_inner": (64, 88),
    }  # fmt: skip
    skin = np.zeros((128, 128), bool)
    skin[20:110, 30:100] = True
    found = regions({k: np.array(v, np.float32) for k, v in points.items()}, skin)
    assert found[83, 64] == MOUTH and found[40, 77] == found[40, 51] == EYES
    assert found[60, 64] == SKIN and found[5, 5] == OTHER
    assert 20 * 12 < (found == MOUTH).sum() < 40 * 30
