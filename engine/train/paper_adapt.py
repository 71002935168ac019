"""The 2D paper's style transfer (section 4): the motion generator fine-tuned to a style by Eq. 7,
for the singing manners, whose tracks are the teacher's (synthetic).

Contract: the last quarter of a style's tracks is kept back; the header of the adapted weights says
how far they are from it before and after.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from engine.eval.synchrony import pearson
from engine.frames import BLENDSHAPES
from engine.motion.channels import opening
from engine.nets.papers.speech import MOTION, Reference, Speech
from engine.nets.papers.system import System, load
from engine.nets.papers.templates import TEMPLATES
from engine.nets.papers.transfer import TransferDecoder, TransferNetwork
from engine.train.drills import heard
from engine.train.manner import SINGING
from engine.train.paper_lessons import AHEAD, REFERENCE, PaperLessons, moved
from engine.train.paper_losses import constraint, l1, regulariser
from engine.train.paper_runs import PaperRecipe
from engine.train.tracks import Track

_KEPT = 0.25
_PREFIX = "transfer_"


def adapt_all(tracks: Sequence[Track], out: Path, recipe: PaperRecipe) -> None:
    """transfer_NAME.safetensors for every singing manner that has tracks and no file yet."""
    for name in SINGING:
        own = [t for t in tracks if t.name == name]
        path = out / f"{_PREFIX}{name.replace(' ', '_')}.safetensors"
        base = out / "transfer.safetensors"
        if not own or path.is_file() or not base.is_file():
            continue
        known = [part(t, 0.0, 1 - _KEPT) for t in own]
        held = [part(t, 1 - _KEPT, 1.0) for t in own]
        system = load(base)
        reference = reference_of(known[0])
        before = measure(system, reference, held)
        transfer(system, PaperLessons(known, recipe.batch, recipe.crop), recipe, name)
        about = {"style": name, "before": before, "after": measure(system, reference, held)}
        system.save(path, {**about, "steps": recipe.steps // 2})
        print(f"{name}: {before} -> {about['after']}", flush=True)


def part(track: Track, first: float, last: float) -> Track:
    """A share of a track."""
    cut = slice(int(first * len(track)), int(last * len(track)))
    return replace(
        track, ppg=track.ppg[:, cut], aux=track.aux[:, cut], prosody=track.prosody[cut],
        opening=track.opening[cut], noise=track.noise[cut], weights=track.weights[cut],
        pose=track.pose[cut], events=track.events[cut],
    )  # fmt: skip


def reference_of(track: Track) -> Reference:
    """The beginning of a track, as much as training hears at most."""
    cut = slice(0, 2 * REFERENCE)
    motion = torch.from_numpy(moved(track, cut))[None]
    return Reference(motion, torch.from_numpy(np.asarray(track.ppg[1, cut], np.float32))[None])


def transfer(system: System, lessons: PaperLessons, recipe: PaperRecipe, name: str) -> None:
    """Fine-tune the motion generator (LSTM and its output) by L_mg + L_sc + L_r, f beside it."""
    decoder = system.decoder
    assert isinstance(decoder, TransferDecoder)
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    f = TransferNetwork()
    tuned = [*decoder.hear.parameters(), *decoder.generate.parameters(), *f.parameters()]
    optimiser = torch.optim.AdamW(tuned, lr=5e-4)
    for _ in tqdm(range(recipe.steps // 2), desc=name, mininterval=5):
        lesson = lessons.draw(rng)
        with torch.no_grad():
            code = system.encode(lesson.reference)
        plain, _, _ = decoder.rows(lesson.speech, decoder.init_state(len(code), code))
        frames = code.view(len(code), len(TEMPLATES), MOTION)
        style = frames[:, torch.arange(plain.shape[1]) % len(TEMPLATES)]
        share = float(torch.rand(()))
        loss = 30.0 * l1(plain, lesson.motion, lesson.mask)
        loss = loss + constraint(f, plain, frames) + regulariser(f, plain, style, share)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(tuned, 1.0)
        optimiser.step()


def measure(system: System, reference: Reference, tracks: Sequence[Track]) -> dict[str, Any]:
    """Of kept-back stretches together: mean absolute error of the face, r of the opening, and its
    deviation over the truth's."""
    made_rows, truth_rows = [], []
    with torch.no_grad():
        code = system.encode(reference)
        for track in tracks:
            cut = slice(0, len(track) - AHEAD)
            rows = (heard(track, 1, cut), track.prosody[cut])
            speech = Speech(*(torch.from_numpy(r.astype(np.float32))[None] for r in rows))
            made_rows.append(system.step(speech, system.init_state(1, code))[0][0].numpy())
            truth_rows.append(moved(track, cut))
    made = np.concatenate(made_rows)[:, :BLENDSHAPES]
    truth = np.concatenate(truth_rows)[:, :BLENDSHAPES]
    one, two = opening(made), opening(truth)
    figures = {
        "face_error": np.abs(made - truth).mean(),
        "opening_r": pearson(one, two),
        "opening_spread": one.std() / max(float(two.std()), 1e-6),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}
