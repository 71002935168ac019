"""`python -m engine.train motion`: teach the decoder from phone times and real motion, export it.

Contract: hears only posteriors of our own causal model (all look-aheads mixed); kept-out speakers
are never read; the schedule is fixed and the exported weights are a running average, so nothing is
selected on kept-out speakers. Writes decoder.onnx, decoder_style.onnx and styles.safetensors.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save as pack
from tqdm import tqdm

from engine.avatar import DEFAULT_AVATAR
from engine.eval.recordings import DATA
from engine.nets.decoder import DecoderNet
from engine.nets.decoder_state import RENEWS, DecoderConfig
from engine.runtime import ASSETS, Graph, load
from engine.style.code import KEY
from engine.style.encoder import VERSION as ENCODER
from engine.style.encoder import Encoder, fit, statistics
from engine.train import troupe
from engine.train.decoder_export import export_decoder
from engine.train.lesson_loss import Batch, face_loss, lips_loss
from engine.train.manner import BUNDLED
from engine.train.split import check
from engine.train.teacher import steady
from engine.train.tracks import Track


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the result depends on besides the data."""

    steps: int = 1200
    batch: int = 32
    crop: int = 80  # ticks
    rate: float = 2e-3
    warmup: int = 100
    weight_decay: float = 0.01
    average: float = 0.995
    code_noise: float = 0.15
    # Shares of a batch: bundled manners, random manners, real people.
    shares: tuple[float, float, float] = (0.45, 0.4, 0.15)
    # How often the branches are fed their own output instead of the teacher's, at the end.
    own: float = 0.9
    seed: int = 0


TINY = Recipe(
    steps=6, batch=4, crop=40, warmup=2,
)  # fmt: skip


def make_tracks(options: argparse.Namespace, recipe: Recipe, graph: Graph) -> list[Track]:
    """Teacher's tracks and, with the training data, real people's."""
    cast = troupe.TINY if options.tiny else troupe.Cast()
    return troupe.make(None if options.tiny else options.data, cast, graph, recipe.seed)


def windows(track: Track, ticks: int = 500) -> np.ndarray:
    """Statistics of the whole track and of its 20 s windows: short clips vary more."""
    parts = range(0, len(track) - ticks + 1, ticks)
    rows = [statistics(track.weights[i : i + ticks], track.pose[i : i + ticks]) for i in parts]
    return np.stack([track.statistics, *rows])


def start_from_table(net: DecoderNet) -> None:
    """Lips start as the viseme table weighted by the two posteriors of a tick."""
    table = torch.from_numpy(steady()[:, list(net.config.strong)]).T
    with torch.no_grad():
        net.lips_out.weight[:, : net.config.width] *= 0.1
        net.lips_out.weight[:, net.config.width :] = 0.5 * torch.cat([table, table], 1)
        net.lips_out.bias.zero_()


class Lessons:
    """Random crops of the tracks with their style codes."""

    def __init__(self, tracks: list[Track], encoder: Encoder, recipe: Recipe) -> None:
        self._tracks = [t for t in tracks if len(t) > recipe.crop + 1]
        self._codes = encoder.project(np.stack([t.statistics for t in self._tracks]))
        self._recipe = recipe
        kinds = [0 if t.name in BUNDLED else 1 if t.name == "random" else 2 for t in self._tracks]
        # Within a kind by length; real people by its root, or one speaker would be all of them.
        size = np.array(
            [len(t) ** (0.5 if k == 2 else 1.0) for t, k in zip(self._tracks, kinds, strict=True)]
        )
        for kind, share in enumerate(recipe.shares):
            chosen = np.array(kinds) == kind
            if chosen.any():
                size[chosen] *= share / size[chosen].sum()
        self._chance = size / size.sum()

    def draw(self, rng: np.random.Generator) -> Batch:
        """One batch; crop starts and look-aheads are random."""
        r, rows = self._recipe, []
        for i in rng.choice(len(self._tracks), r.batch, p=self._chance):
            track = self._tracks[i]
            at = 1 + int(rng.integers(len(track) - r.crop - 1))
            cut, ahead = slice(at, at + r.crop), int(rng.choice(3, p=(0.25, 0.5, 0.25)))
            code = self._codes[i] + r.code_noise * rng.standard_normal(self._codes.shape[1])
            rows.append(
                (
                    track.ppg[ahead, cut],
                    track.prosody[cut],
                    track.noise[cut],
                    track.weights[cut],
                    track.pose[cut],
                    track.events[cut],
                    code,
                    track.mask,
                    track.pose_mask,
                    track.weights[at - 1],
                    track.pose[at - 1],
                    _held(track, at - 1),
                )  # fmt: skip
            )
        arrays = [np.stack([np.asarray(row[k]) for row in rows]) for k in range(len(rows[0]))]
        return Batch(*(torch.from_numpy(a.astype(np.float32)) for a in arrays))


def _held(track: Track, at: int) -> np.ndarray:
    """Where the events up to tick `at` have led, as DecoderNet.renew would hold it."""
    normal = track.noise[:, track.events.shape[1] :]
    held = np.zeros(8, np.float32)
    for kind, columns in enumerate(RENEWS):
        past = np.flatnonzero(track.events[: at + 1, kind])
        if len(past):
            held[list(columns)] = normal[past[-1], list(columns)]
    return held


def train(lessons: Lessons, net: DecoderNet, recipe: Recipe) -> DecoderNet:
    """The loop; returns the running average of the weights."""
    rng = np.random.default_rng(recipe.seed + 1)
    start_from_table(net)
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: (
            min(1.0, (step + 1) / recipe.warmup)
            * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * step / recipe.steps)))
        ),
    )
    average = {name: p.detach().clone() for name, p in net.state_dict().items()}
    shown: dict[str, float] = {}
    progress = tqdm(range(recipe.steps), desc="motion", mininterval=5)
    for step in progress:
        own = recipe.own * min(1.0, 2.0 * step / recipe.steps)
        batch = lessons.draw(rng)
        style = net.prepare(batch.code)
        lips, mouth = lips_loss(net, batch, style, own)
        face, gesture = face_loss(net, batch, style, own)
        optimiser.zero_grad()
        (lips + face).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        keep = min(recipe.average, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, value in net.state_dict().items():
                average[name].lerp_(value, 1.0 - keep)
        for name, value in {**mouth, **gesture}.items():
            shown[name] = 0.95 * shown.get(name, value) + 0.05 * value
        if step % 20 == 0:
            progress.set_postfix({k: f"{v:.4f}" for k, v in shown.items()})
    net.load_state_dict(average)
    return net


def write_styles(tracks: list[Track], encoder: Encoder, path: Path) -> None:
    """The bundled styles: each the code of the mean statistics of its tracks."""
    tensors = {f"encoder.{k}": v for k, v in asdict(encoder).items()}
    made = {}
    for name in BUNDLED:
        own = [t for t in tracks if t.name == name]
        tensors[f"style.{name}"] = encoder.project(np.mean([t.statistics for t in own], axis=0))
        seconds = sum(len(t) for t in own) / 25
        made[name] = f"statistics of {seconds:.0f} s of the teacher's manner {name!r}"
    header = {"encoder": ENCODER, "styles": made}
    path.write_bytes(pack(tensors, {KEY: json.dumps(header)}))


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.train motion`."""
    parser = argparse.ArgumentParser(prog="python -m engine.train motion", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the training data")
    parser.add_argument("--out", type=Path, default=None, help="folder (default: the assets)")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tiny", action="store_true", help="a minute on the bundled clips")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    recipe = TINY if options.tiny else Recipe(seed=options.seed)
    if options.steps:
        recipe = Recipe(**{**asdict(recipe), "steps": options.steps})
    if options.out is None and options.tiny:
        parser.error("--tiny makes a toy: give --out FOLDER so that it can't replace the assets")
    out = options.out or ASSETS
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    torch.manual_seed(recipe.seed)
    tracks = make_tracks(options, recipe, load(ASSETS / "ppg.onnx"))
    minutes = sum(len(t) for t in tracks) / 25 / 60
    print(f"{len(tracks)} tracks, {minutes:.0f} min, made in {time.monotonic() - began:.0f} s")
    encoder = fit(np.concatenate([windows(t) for t in tracks]))
    net = train(Lessons(tracks, encoder, recipe), DecoderNet(DecoderConfig()), recipe)
    split = {name: round(share, 3) for name, share in check(DEFAULT_AVATAR).items()}
    about = {"recipe": asdict(recipe), "encoder": ENCODER, "mouth_share": split}
    difference = export_decoder(net, out, about)
    write_styles(tracks, encoder, out / "styles.safetensors")
    print(f"exported to {out.name}, parity {difference:.1e}, {time.monotonic() - began:.0f} s")
    return 0
