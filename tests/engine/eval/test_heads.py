"""Head SSIM and PSNR of known poses."""

import numpy as np
import pytest

from engine.eval.heads import ANGLE, psnr, ssim


def nod(ticks: int = 100) -> np.ndarray:
    pose = np.zeros((ticks, 6), np.float32)
    pose[:, 1] = 10 * np.sin(2 * np.pi * np.arange(ticks) / 25)
    return pose


def test_equal_heads_are_alike() -> None:
    assert ssim(nod(), nod()) == pytest.approx(1.0) and psnr(nod(), nod()) > 99


def test_opposite_heads_are_not() -> None:
    # One row of six is mirrored: it counts nearly -1, the five still rows 1.
    assert ssim(nod(), -nod()) == pytest.approx(4 / 6, abs=0.02)


def test_psnr_of_a_known_error() -> None:
    off = nod()
    off[:, 0] += ANGLE
    # Error 1 in one row of six, peak 2.
    assert psnr(nod(), off) == pytest.approx(10 * np.log10(4 * 6), abs=1e-4)
