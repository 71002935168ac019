"""What the decoder is punished for: lips at once, face and head each fed with its own past output.

Contract: a Batch is crops [B, T, ...] of tracks; losses return (scalar, named numbers to show).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from engine.face.blendshapes import ARKIT
from engine.motion.channels import OPENING, STRONG, WEAK
from engine.nets.decoder import DecoderNet, split_noise
from engine.nets.decoder_state import NetState, StyleWeights

# Lip channels that carry the closure and the rounding weigh more.
_LIP_WEIGHT = {"jawOpen": 4.0, "mouthClose": 4.0, "mouthPress": 3.0, "mouthRoll": 2.5,
               "mouthFunnel": 2.0, "mouthPucker": 2.0, "mouthUpperUp": 2.0, "mouthLowerDown": 2.0,
               "mouthStretch": 1.5, "mouthSmile": 1.5}  # fmt: skip
_FACE_WEIGHT = {"eyeBlink": 2.0, "eyeLook": 1.5, "brow": 1.5}
_STRONG, _WEAK = list(STRONG), list(WEAK)


class Batch(NamedTuple):
    """Crops and what lay just before them."""

    ppg: Tensor  # [B, T, 120]
    prosody: Tensor  # [B, T, 12]
    noise: Tensor  # [B, T, WIDTH]
    weights: Tensor  # [B, T, 52]
    pose: Tensor  # [B, T, 6]
    events: Tensor  # [B, T, UNIFORM]
    code: Tensor  # [B, CODE]
    mask: Tensor  # [B, 52]
    scale: Tensor  # [B, 52] what a squared error counts, so that small channels are learned too
    open_scale: Tensor  # [B] the same of the opening
    pose_mask: Tensor  # [B]
    last_weights: Tensor  # [B, 52]
    last_pose: Tensor  # [B, 6]
    held: Tensor  # [B, NORMAL]


def _channel_weights(table: dict[str, float], channels: list[int]) -> Tensor:
    def weight(name: str) -> float:
        return next((w for start, w in table.items() if name.startswith(start)), 1.0)

    return torch.tensor([weight(ARKIT[i]) for i in channels])


_LIPS = _channel_weights(_LIP_WEIGHT, _STRONG)
_FACE = _channel_weights(_FACE_WEIGHT, _WEAK)
_OPENING = torch.from_numpy(OPENING)[_STRONG]


def _error(wanted: Tensor, target: Tensor) -> Tensor:
    """Difference, but what the clip to [0, 1] will repair costs nothing."""
    error = wanted - target
    repaired = ((target <= 0) & (wanted < 0)) | ((target >= 1) & (wanted > 1))
    return error.masked_fill(repaired, 0.0)


def misheard(ppg: Tensor) -> Tensor:
    """Posteriors as another voice might have given them: sharper or flatter, and with a bias
    towards some phones that stays for the crop; our own training voices are heard too well."""
    logits = (ppg + 1e-5).log().reshape(*ppg.shape[:2], 3, -1)
    sharp = torch.empty(len(ppg), 1, 1, 1).uniform_(0.6, 1.2)
    bias = 0.5 * torch.randn(len(ppg), 1, 1, logits.shape[-1])
    row = 0.3 * torch.randn_like(logits)
    changed: Tensor = (sharp * logits + bias + row).softmax(-1).flatten(-2)
    return changed


def lips_loss(
    net: DecoderNet, batch: Batch, style: StyleWeights, own: float
) -> tuple[Tensor, dict[str, float]]:
    """Strong branch: not autoregressive, so `own` says nothing to it."""
    ppg = misheard(batch.ppg)
    target = batch.weights[:, :, _STRONG]
    # No context after an interrupt: phones decide, and silence closes any mouth.
    forgets = torch.randint(1, target.shape[1], (len(target),)) * (torch.rand(len(target)) < 0.3)
    wanted = net.lips(torch.cat([ppg, batch.prosody], -1), ppg, style, forgets)
    mask = (batch.mask * batch.scale)[:, None, _STRONG] * _LIPS
    error = _error(wanted, target)
    # Squares, not absolute values: under doubt the mean of the possible openings follows the truth
    # better than their median, which closes the mouth too often.
    shape = (mask * 4.0 * error.square()).mean()
    made = wanted.clamp(0, 1) + 0.01 * (wanted - wanted.clamp(0, 1))
    gap = made @ _OPENING - target @ _OPENING
    opening = (batch.open_scale[:, None] * gap.square()).mean()
    speed = (mask * (made.diff(dim=1) - target.diff(dim=1)).square()).mean()
    loss = shape + 12.0 * opening + 2.0 * speed
    return loss, {"lips": float(shape.detach()), "open": float(gap.detach().square().mean()) ** 0.5}


def face_loss(
    net: DecoderNet, batch: Batch, style: StyleWeights, own: float
) -> tuple[Tensor, dict[str, float]]:
    """Weak and head branch, tick by tick, fed with their own output with chance `own`."""
    target = batch.weights[:, :, _WEAK]
    state = net.init_state(style)._replace(
        eyes=batch.last_weights[:, _WEAK], pose=batch.last_pose, held=batch.held
    )
    eyes_all, pose_all, odds_all = [], [], []
    # Phones say little about brows: they are dropped out more often than not (VAST Eq. 3).
    heard = (torch.rand(len(target), 1) > 0.5).float()
    for t in range(target.shape[1]):
        _, normal, slow = split_noise(batch.noise[:, t])
        prosody, events = batch.prosody[:, t], batch.events[:, t]
        odds_all.append(net.event_odds(prosody, state, style))
        held = net.renew(events, normal, state.held)
        eyes_moved, head_moved = net.moves(held, slow, style)
        eyes, face_h, face_c = net.face(
            batch.ppg[:, t] * heard, prosody, events, eyes_moved, state, style
        )
        pose, head_h = net.head(prosody, head_moved, state, style)
        eyes_all.append(eyes)
        pose_all.append(pose)
        state = _next(state, batch, t, own, eyes, pose / net.pose_scale, held)
        state = state._replace(face_h=face_h, face_c=face_c, head_h=head_h)
    eyes, pose = torch.stack(eyes_all, 1), torch.stack(pose_all, 1)
    real = batch.pose_mask[:, None, None]
    error = _error(eyes, target) * (batch.mask * batch.scale.sqrt())[:, None, _WEAK]
    # A source without a head (rig curves) has no eyes either.
    face = (real * _FACE * (0.5 * error.abs() + 4.0 * error.square())).mean()
    true_pose = batch.pose * net.pose_scale
    # As far as the person moves: errors alone would rather keep a doubtful face still.
    reach = (batch.mask * batch.scale.sqrt())[:, None, _WEAK]
    spread = (real * reach * _gap(eyes, target)).mean() + (real * _gap(pose, true_pose)).mean()
    head = (real * (pose - true_pose).abs()).mean()
    sway = (real * (pose.diff(dim=1) - true_pose.diff(dim=1)).abs()).mean()
    odds = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.stack(odds_all, 1), batch.events, reduction="none"
    )
    chance = (real * odds).mean()
    loss = face + 0.5 * head + 1.0 * sway + 0.3 * chance + 0.3 * spread
    return loss, {
        "face": float(face.detach()),
        "head": float(head.detach()),
        "event": float(chance.detach()),
        "spread": float(spread.detach()),
    }


def _gap(made: Tensor, target: Tensor) -> Tensor:
    """How much the deviations over the crop differ, of values and of their changes: [B, 1, C]."""
    parts = [(made, target), (made.diff(dim=1), target.diff(dim=1))]
    gaps = [(_deviation(a) - _deviation(b)).abs() for a, b in parts]
    return torch.stack(gaps).sum(0)[:, None]


def _deviation(x: Tensor) -> Tensor:
    return (x.var(dim=1, unbiased=False) + 1e-6).sqrt()


def _next(
    state: NetState, batch: Batch, t: int, own: float, eyes: Tensor, pose: Tensor, held: Tensor
) -> NetState:
    """The past that the next tick is fed: own output or, with chance 1 - own, the teacher's."""
    use = (torch.rand(len(eyes), 1) < own).float()
    return state._replace(
        eyes=use * eyes.clamp(0, 1) + (1 - use) * batch.weights[:, t, _WEAK],
        pose=use * pose + (1 - use) * batch.pose[:, t],
        held=held,
    )
