"""Adaptation of a style to its reference, for what a style code can't hold (2D paper, section 4).

Contract: a few hundred steps move only a small adapter, additions to the weights that the decoder
derives from the style's code; the decoder itself stays. Loss: Eq. 7, reconstruction of the
reference plus Eq. 4 (mean features of both motions by the style transfer network f) plus Eq. 5-6
(its slope between them is one), faces weighted by region as in Eq. 3. A part of the reference is
held out; what does not help there is not kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from engine.errors import TrackingError
from engine.frames import BLENDSHAPES, F32, FPS, SAMPLES_PER_FRAME
from engine.motion import noise as noises
from engine.motion.channels import OPENING
from engine.motion.decoder import ADAPTED
from engine.nets.decoder import DecoderNet
from engine.nets.decoder_state import StyleWeights
from engine.nets.papers.transfer import TransferNetwork
from engine.runtime import ASSETS, load
from engine.style.code import ADAPTER_BOUND, MAX_MADE, Style
from engine.style.encoder import statistics
from engine.style.library import StyleLibrary
from engine.style.reference import Reference
from engine.train.drills import Lessons
from engine.train.drills import Recipe as Draw
from engine.train.lesson_loss import Batch
from engine.train.lessons import hear
from engine.train.paper_losses import constraint, region_weights, regulariser
from engine.train.reals import inferred
from engine.train.restore import restore
from engine.train.tracks import F16, Track


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how hard."""

    steps: int = 300
    batch: int = 8
    crop: int = 40  # ticks
    rate: float = 4e-3
    decay: float = 0.02  # pull of the adapter towards nothing
    transfer: float = 0.05  # weight of Eq. 4 and 5 beside the reconstruction
    held: float = 0.2  # share of the reference that judges
    seed: int = 0


LEAST_SECONDS = 9.0  # a fifth of it, a crop long, judges what was learned from the rest
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the adapter that are tried on what was held out
Adapter = dict[str, Tensor]


def adapt(style: Style, shown: Reference, pcm: F32, recipe: Recipe | None = None) -> Style:
    """`style` with an adapter fitted to a reference and its voice (mono 16 kHz, beginning with the
    clip). Raises TrackingError for a reference that is too short."""
    recipe = recipe or Recipe()
    tracks = _tracks(shown, pcm)
    seconds = sum(len(track) for track in tracks) / FPS
    if seconds < LEAST_SECONDS:
        raise TrackingError(
            f"the clip and its voice share {seconds:.1f} s in one piece, expected at least "
            f"{LEAST_SECONDS:.0f} to adapt to; give a longer clip or leave out --adapt"
        )
    return fit(style, tracks, recipe)


def fit(style: Style, tracks: Sequence[Track], recipe: Recipe) -> Style:
    """`style` adapted to tracks of one person."""
    torch.manual_seed(recipe.seed)
    net = restore().requires_grad_(False)
    known, held = _halves(tracks, recipe)
    base = net.prepare(torch.from_numpy(style.code)[None])
    adapter = _trained(net, base, known, recipe)
    share = _best(net, base, adapter, held, recipe)
    kept = {
        name: (share * value).clamp(-ADAPTER_BOUND, ADAPTER_BOUND).detach().numpy()
        for name, value in adapter.items()
    }
    made = f"{style.made}; adapted in {recipe.steps} steps, kept {share:.0%}"[:MAX_MADE]
    return Style(style.name, style.code, style.encoder, made, kept if share else {})


def _tracks(shown: Reference, pcm: F32) -> list[Track]:
    """Each piece of the reference without a jump as a track."""
    clip = shown.clip
    ticks = hear(pcm, load(ASSETS / "ppg.onnx"))
    rows = clip.start // SAMPLES_PER_FRAME
    within = rows < len(ticks.prosody)
    jumps = np.flatnonzero(np.diff(rows[within]) != 1) + 1
    tracks = []
    for piece in np.split(np.flatnonzero(within), jumps):
        if len(piece) < Recipe().crop + 4:
            continue
        at = slice(int(rows[piece[0]]), int(rows[piece[-1]]) + 1)
        weights, pose = clip.weights[piece], clip.pose[piece]
        noise = noises.draw(np.zeros(len(piece), np.uint64), np.arange(len(piece)))
        events = np.zeros((len(piece), noises.UNIFORM), np.float32)
        if shown.has_head:
            events, noise = inferred(weights, pose, noise)
        tracks.append(Track(
            "real reference", "reference", ticks.ppg[:, at].astype(F16),
            ticks.aux[:, at].astype(F16), ticks.prosody[at].astype(F16),
            np.full(len(piece), np.nan, np.float32), noise.astype(F16), weights.astype(F16), pose,
            events.astype(np.uint8), shown.mask, float(shown.has_head), statistics(weights, pose),
        ))  # fmt: skip
    return tracks


def _halves(tracks: Sequence[Track], recipe: Recipe) -> tuple[Lessons, Lessons]:
    """What is learned from and, the end of each track, what judges."""
    known, held = [], []
    for track in tracks:
        at = int(len(track) * (1 - recipe.held))
        long_enough = len(track) - at > recipe.crop + 3
        known.append(_cut(track, slice(0, at if long_enough else len(track))))
        held.append(_cut(track, slice(at if long_enough else 0, len(track))))
    encoder, draw = StyleLibrary().encoder, Draw(batch=recipe.batch, crop=recipe.crop)
    return Lessons(known, encoder, draw), Lessons(held, encoder, draw)


def _cut(track: Track, rows: slice) -> Track:
    return replace(
        track, ppg=track.ppg[:, rows], aux=track.aux[:, rows], prosody=track.prosody[rows],
        opening=track.opening[rows], noise=track.noise[rows], weights=track.weights[rows],
        pose=track.pose[rows], events=track.events[rows],
    )  # fmt: skip


def _trained(net: DecoderNet, base: StyleWeights, lessons: Lessons, recipe: Recipe) -> Adapter:
    rng = np.random.default_rng(recipe.seed)
    adapter = {name: torch.zeros_like(getattr(base, name)[0]) for name in ADAPTED}
    f = TransferNetwork()
    for value in adapter.values():
        value.requires_grad_(True)
    optimiser = torch.optim.AdamW(
        [
            {"params": list(adapter.values()), "weight_decay": recipe.decay},
            {"params": list(f.parameters()), "lr": 5e-4},
        ],
        lr=recipe.rate,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.steps)
    bar = tqdm(range(recipe.steps), desc="adapting")
    for _ in bar:
        batch = lessons.draw(rng)
        made, odds = rollout(net, batch, adapted(base, adapter, len(batch.code)))
        target = _scaled(batch.weights, batch.pose, net)
        learned = reconstruction(made, odds, batch, target)
        style = target + (made.detach() - target) * _missing(batch)
        share = float(torch.rand(()))
        transfer = constraint(f, made, style) + regulariser(f, made, style, share)
        loss = learned + recipe.transfer * transfer
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(adapter.values(), 1.0)
        optimiser.step()
        schedule.step()
        bar.set_postfix(loss=f"{learned.item():.4f}", style=f"{transfer.item():.4f}")
    return adapter


def _best(
    net: DecoderNet, base: StyleWeights, adapter: Adapter, held: Lessons, recipe: Recipe
) -> float:
    """The share of the adapter that follows the held-out part best; none, if nothing helps."""
    rng = np.random.default_rng(recipe.seed + 1)
    batches = [held.draw(rng) for _ in range(3)]
    losses = []
    with torch.no_grad():
        for share in _SHARES:
            part = {name: share * value for name, value in adapter.items()}
            runs = [(b, rollout(net, b, adapted(base, part, len(b.code)))) for b in batches]
            losses.append(sum(
                float(reconstruction(made, odds, b, _scaled(b.weights, b.pose, net)))
                for b, (made, odds) in runs
            ))  # fmt: skip
    return _SHARES[int(np.argmin(losses))]


def adapted(base: StyleWeights, adapter: Mapping[str, Tensor], batch: int) -> StyleWeights:
    """Style weights of batch 1 -> of `batch`, with the adapter added."""
    changed = {name: getattr(base, name) + value for name, value in adapter.items()}
    wide = base._replace(**changed)
    return StyleWeights(*(value.expand(batch, *value.shape[1:]) for value in wide))


def rollout(net: DecoderNet, batch: Batch, style: StyleWeights) -> tuple[Tensor, Tensor]:
    """What the decoder does by itself, tick by tick as it runs: motion [B, T, 58] in network units,
    odds of the events [B, T, UNIFORM]. The reference's own events happen."""
    state = net.init_state(style)._replace(
        lips=batch.last_weights[:, list(net.config.strong)],
        eyes=batch.last_weights[:, list(net.config.weak)], pose=batch.last_pose, held=batch.held,
    )  # fmt: skip
    motions, odds = [], []
    for t in range(batch.ppg.shape[1]):
        prosody = batch.prosody[:, t]
        odds.append(net.event_odds(prosody, state, style))
        # A uniform number of 0 makes an event happen, 1 makes it not.
        noise = torch.cat([1.0 - batch.events[:, t], batch.noise[:, t, noises.UNIFORM :]], -1)
        weights, pose, state = net.tick(batch.ppg[:, t], prosody, noise, state, style)
        motions.append(_scaled(weights, pose, net))
    return torch.stack(motions, 1), torch.stack(odds, 1)


def _scaled(weights: Tensor, pose: Tensor, net: DecoderNet) -> Tensor:
    return torch.cat([weights, pose * net.pose_scale], -1)


def _missing(batch: Batch) -> Tensor:
    """[B, 1, 58] 1 where the reference does not show what is made."""
    head = batch.pose_mask[:, None].expand(-1, 6)
    return 1.0 - torch.cat([batch.mask, head], -1)[:, None]


def reconstruction(made: Tensor, odds: Tensor, batch: Batch, target: Tensor) -> Tensor:
    """L_mg: squares of the face by region, of the lip opening, of the speed; the head; events."""
    shown = 1.0 - _missing(batch)
    weights = region_weights() / region_weights().mean()
    weights[BLENDSHAPES:] = 0.2
    error = (made - target) * shown
    shape = (weights * error.square()).mean() + 2.0 * (weights * error.diff(dim=1).square()).mean()
    gap = error[..., :BLENDSHAPES] @ torch.from_numpy(OPENING)
    closed = (target[..., :BLENDSHAPES] @ torch.from_numpy(OPENING) < 0).float()
    opening = ((1 + closed) * gap.square()).mean()
    # How far each column moves, whenever it does so: what a style is, and what errors alone lose.
    reach = ((made.std(1) - target.std(1)) * shown[:, 0]).abs().mean()
    seen = batch.pose_mask[:, None, None]
    events = (
        F.binary_cross_entropy_with_logits(odds, batch.events, reduction="none") * seen
    ).mean()
    return shape + opening + 0.1 * reach + 0.01 * events
