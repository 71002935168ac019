"""The neural texture as it is sampled: places, borders, edges, gradients."""

import numpy as np
import torch

from engine.nets.texture import sample, spread
from kernels import texture as kernel


def test_texel_centres_give_texels() -> None:
    texture = torch.rand(1, 8, 16, 16)
    at = (torch.arange(16) + 0.5) / 16
    v, u = torch.meshgrid(at, at, indexing="ij")
    torch.testing.assert_close(sample(texture, torch.stack([u, v], -1)[None]), texture)


def test_outside_is_the_border_and_between_is_the_mean() -> None:
    texture = torch.arange(4.0).reshape(1, 1, 2, 2)
    uv = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [0.5, 0.25]])
    found = sample(texture, uv.reshape(1, 1, 4, 2))
    assert found.flatten().tolist() == [0.0, 3.0, 1.5, 0.5]


def test_only_covered_samples_count() -> None:
    texture = torch.arange(4.0).reshape(1, 1, 2, 2)
    nan = float("nan")
    met = [0.75, 0.75]
    uv = torch.tensor([[met, [nan, nan], [0.25, 0.25], [nan, nan]], [[nan, nan]] * 4])
    found = sample(texture, uv.reshape(1, 1, 2, 4, 2))
    assert found.flatten().tolist() == [1.5, 0.0], "mean of the covered; nothing is 0"


def test_gradients_reach_the_texture_only_where_it_is_seen() -> None:
    texture = torch.zeros(1, 3, 4, 4, requires_grad=True)
    uv = torch.full((2, 1, 1, 4, 2), 0.125)
    uv[1] = float("nan")
    sample(texture, uv).sum().backward()
    assert texture.grad is not None
    assert float(texture.grad.sum()) == 3.0 and float(texture.grad[0, :, 0, 0].sum()) == 3.0


def test_colours_run_over_the_edge_as_the_kernel_lets_them() -> None:
    rng = np.random.default_rng(0)
    image = rng.random((kernel.PLANES, 24, 32), np.float32)
    image[12] = 0
    image[12, 6:14, 9:20], image[12, 20, 2], image[12, 8, 9:12] = 1, 0.25, 0
    image[: kernel.DEPTH] *= image[12] > 0
    expected = spread(torch.from_numpy(image[None, :8]), torch.from_numpy(image[None, 12:13]))[0]
    plain = image.copy()
    drawn = np.ascontiguousarray(np.moveaxis(image, 0, 2))
    kernel.spread(drawn, np.empty((24, 32), np.uint8), np.empty(24 * 32, np.int32))
    image = np.moveaxis(drawn, 2, 0)
    torch.testing.assert_close(torch.from_numpy(image[:8]), expected)
    inside = plain[12] > 0
    assert np.array_equal(image[:8, inside], plain[:8, inside])
    assert np.array_equal(image[8:], plain[8:])
    reach = [bool((image[:8, 10, 19 + k] != 0).any()) for k in range(1, 6)]
    assert reach == [True, True, True, False, False], "three pixels, no more"
