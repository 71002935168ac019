"""Householder flow: VAST's variational style enhancer (sup. section 1; Tomczak & Welling 2016).

Contract: every step is a reflection, so lengths are kept, |det| is 1 and the log-determinants of
VAST Eq. 2 vanish; no step at all (count 0) is the plain variational autoencoder.
"""

import torch
from torch import Tensor, nn


def reflect(z: Tensor, axis: Tensor) -> Tensor:
    """z [B, D] mirrored in the plane that `axis` [B, D] stands on: H = I - 2 v v^T / |v|^2."""
    length = axis.square().sum(-1, keepdim=True).clamp(min=1e-12)
    return z - 2.0 * axis * ((z * axis).sum(-1, keepdim=True) / length)


class HouseholderFlow(nn.Module):
    """z0 [B, D], hidden [B, H] of the encoder -> z_K [B, D]."""

    def __init__(self, size: int, hidden: int, count: int) -> None:
        super().__init__()
        self.axes = nn.ModuleList(nn.Linear(hidden if k == 0 else size, size) for k in range(count))

    def forward(self, z: Tensor, hidden: Tensor) -> Tensor:
        axis = hidden
        for layer in self.axes:
            axis = layer(axis)
            z = reflect(z, axis)
        return z


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL of N(mean, exp(log_variance)) [B, D] from the standard normal, mean over the batch.

    The prior is round and reflections keep lengths, so the KL of z_0 is that of z_K.
    """
    each = mean.square() + log_variance.exp() - 1.0 - log_variance
    return torch.mean(0.5 * each.sum(-1))
