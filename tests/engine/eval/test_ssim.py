"""PSNR and SSIM by hand, by another program where it is installed, and by what eyes would say."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.errors import FrameError
from engine.eval.ssim import SAME_DB, luma, psnr, ssim

# As scikit-image 0.26 gives them.
STORED = (0.93818, 0.90418)


def scene(seed: int = 0, side: int = 96) -> np.ndarray:
    """A smooth colour picture with edges and a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(9 * x + k) * np.cos(7 * y * (k + 1)) for k in range(3)]
    picture = 128 + 60 * np.stack(waves, -1) + 40 * (np.hypot(x - 0.5, y - 0.5) < 0.3)[..., None]
    return np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def slow(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM as its equations say, window by window."""
    x = np.arange(11) - 5
    window = np.exp(-(x[:, None] ** 2 + x[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    found = []
    for i in range(a.shape[0] - 10):
        for j in range(a.shape[1] - 10):
            p, q = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            both = (window * (p - mp) * (q - mq)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            top = (2 * mp * mq + c1) * (2 * both + c2)
            found.append(top / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(found))


def test_psnr_of_known_errors() -> None:
    black, grey = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 10, np.uint8)
    assert psnr(black, grey) == pytest.approx(20 * np.log10(25.5), abs=1e-4)
    assert psnr(black, np.full_like(black, 255)) == pytest.approx(0, abs=1e-4)
    assert psnr(grey, grey) == SAME_DB
    one = black.copy()
    one[0, 0, 0] = 255
    assert psnr(black, one) == pytest.approx(10 * np.log10(black.size), abs=1e-4)


def test_ssim_is_that_of_its_equations() -> None:
    a = luma(scene(side=32))
    for b in (gaussian_filter(a, 1.0), 255 - a, np.clip(a + 20, 0, 255), luma(scene(1, 32))):
        assert ssim(a, b) == pytest.approx(slow(a.astype(float), b.astype(float)), abs=1e-5)


def test_ssim_keeps_its_values() -> None:
    a = luma(scene())
    assert ssim(a, a) == pytest.approx(1, abs=1e-6)
    assert ssim(a, gaussian_filter(a, 1.5)) == pytest.approx(STORED[0], abs=1e-4)
    assert ssim(scene(), scene(1)) == pytest.approx(STORED[1], abs=1e-4)


def test_ssim_agrees_with_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics", reason="needs scikit-image")
    ways = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    a, b = scene(), scene(2)
    for blur in (0.7, 2.0):
        made = gaussian_filter(b, (blur, blur, 0))
        theirs = metrics.structural_similarity(a, made, channel_axis=2, data_range=255, **ways)
        assert ssim(a, made) == pytest.approx(theirs, abs=2e-5)
        grey = metrics.structural_similarity(luma(a), luma(made), data_range=255, **ways)
        assert ssim(luma(a), luma(made)) == pytest.approx(grey, abs=2e-5)


def test_worse_pictures_score_less() -> None:
    a = scene()
    blurred = [gaussian_filter(a, (sigma, sigma, 0)) for sigma in (0.5, 1, 2, 4)]
    for measure in (psnr, ssim):
        scores = [measure(a, b) for b in blurred]
        assert scores == sorted(scores, reverse=True) and scores[0] > scores[-1]
    # Structure counts for more than brightness.
    brighter, noisy = np.clip(a + 12.0, 0, 255), a + np.random.default_rng(0).normal(0, 12, a.shape)
    assert ssim(a, brighter) > 0.95 > ssim(a, np.clip(noisy, 0, 255))


def test_luma_is_that_of_television() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    np.testing.assert_allclose(luma(colours)[0], [76.245, 149.685, 29.07, 255], atol=1e-3)


def test_pictures_that_do_not_fit_are_refused() -> None:
    a = scene()
    with pytest.raises(FrameError, match=r"\(96, 96, 3\) and \(96, 90, 3\)"):
        psnr(a, a[:, :90])
    with pytest.raises(FrameError, match="same size"):
        ssim(a, a[..., 0])
    with pytest.raises(FrameError, match="sides of 11 px"):
        ssim(a[:8], a[:8])
    with pytest.raises(FrameError):
        psnr(a[:0], a[:0])
