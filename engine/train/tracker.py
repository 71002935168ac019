"""`python -m engine.train tracker`: landmarks -> ARKit-52 where no face_landmarker.task is at hand.

Contract: taught by MediaPipe's own coefficients on people who are not kept back, and by renders of
our avatars where MediaPipe is blind; which channels are good enough is decided on people left out
of a first fit, never on kept-back ones. Writes tracker.safetensors and prints what it measured.
`--tiny` fits a few renders within a minute.
"""

import argparse
import json
import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from tqdm import tqdm

from engine.errors import RuntimeUnavailable
from engine.eval.recordings import DATA
from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import BLENDSHAPES, F32
from engine.runtime import ASSETS
from engine.tracker.coefficients import VERSION, Regressor
from engine.tracker.models import FACE_MODEL, Models
from engine.tracker.pose import Rigid
from engine.train.faces import Faces, renders, videos
from engine.train.grafts import SWAP, Grafts, mirrored, table, twins

OUT = ASSETS
WORK = Path("../build/tracker")
TINY = Path("../build/tiny/tracker")
_GEOMETRY = "geometry_pipeline_metadata_landmarks.binarypb"
# Left out of the first fit, to see which channels follow strangers; the `grid` speakers too.
_STRANGERS = ("grid_s30", "grid_s34")
# MediaPipe is blind for these (its tracks hold noise): only renders teach them.
_BLIND = ("cheekPuff", "jawForward", "jawLeft", "jawRight", "noseSneerLeft", "noseSneerRight",
          "tongueOut")  # fmt: skip
_MOVES = 0.01  # standard deviation from which a channel counts as moving in a clip
_BAD = 0.25  # correlation on strangers below which a channel is not used
_GOOD_RENDERED = 0.5  # what channels that only renders teach need there


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the result depends on besides the data."""

    steps: int = 3000
    batch: int = 256
    width: int = 128
    rate: float = 2e-3
    weight_decay: float = 0.01
    noise: float = 0.1  # of the features' standard deviation
    renders: int = 1200  # of each avatar
    size: int = 256  # pixels
    expressions: int = 20000
    mixtures: int = 16000
    # Shares of expressions, mixtures and renders.
    shares: tuple[float, float, float] = (2.0, 1.0, 0.3)
    seed: int = 0


TINY_RECIPE = Recipe(steps=60, renders=12, size=128)


@dataclass(frozen=True, slots=True)
class Lesson:
    """Rows to learn from."""

    points: F32  # [N, 478, 3] in the head's frame
    turns: F32  # [N, 3, 3]
    weights: F32  # [N, 52]
    mask: F32  # [52] which of them are taught
    share: float


def geometry(face_model: Path) -> tuple[F32, Rigid]:
    """The mean head [468, 3] in cm and its rigid points, out of a face_landmarker.task."""
    with zipfile.ZipFile(face_model) as bundle:
        fields = list(_fields(bundle.read(_GEOMETRY)))
    mesh = next(value for key, value in fields if key == 1)
    assert isinstance(mesh, bytes)
    numbers = [value for _, value in _fields(mesh) if isinstance(value, float)]
    shape = np.array(numbers, np.float32).reshape(-1, 5)[:, :3]
    basis = [dict(_fields(value)) for key, value in fields if key == 2 and isinstance(value, bytes)]
    points = np.array([row[1] for row in basis], np.int64)
    weight = np.array([row[2] for row in basis], np.float32)
    return shape, Rigid(points, shape[points], weight)


def _fields(content: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Numbers and values of a protocol buffer: integers, floats and nested bytes."""
    at = 0

    def integer() -> int:
        nonlocal at
        value = shift = 0
        while True:
            value |= (content[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if content[at - 1] < 128:
                return value

    while at < len(content):
        key = integer()
        if key & 7 == 0:
            yield key >> 3, integer()
        elif key & 7 == 5:
            at += 4
            yield key >> 3, struct.unpack("<f", content[at - 4 : at])[0]
        elif key & 7 == 2:
            length = integer()
            at += length
            yield key >> 3, content[at - length : at]
        else:
            raise ValueError(f"wire type {key & 7} in the face geometry, expected 0, 2 or 5")


def _mirror(lesson: Lesson, twin: np.ndarray) -> Lesson:
    faces = mirrored(lesson.points, lesson.turns, lesson.weights, twin)
    return Lesson(*faces, lesson.mask, lesson.share)


def fit(
    lessons: Sequence[Lesson], twin: np.ndarray | None, rigid: Rigid, recipe: Recipe
) -> dict[str, np.ndarray]:
    """Named tensors of a Regressor without a mask yet; `twin`: see twins, None for no mirrors."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    if twin is not None:
        lessons = [*lessons, *(_mirror(lesson, twin) for lesson in lessons)]
    x = np.concatenate([table(a.points, a.turns) for a in lessons])
    y = np.concatenate([a.weights for a in lessons])
    mask = np.concatenate([np.tile(a.mask, (len(a.points), 1)) for a in lessons])
    chance = np.concatenate([np.full(len(a.points), a.share / len(a.points)) for a in lessons])
    chance /= chance.sum()
    mean = chance @ x
    scale = np.sqrt(chance @ (x - mean) ** 2) + 1e-3
    taught = np.maximum(chance @ mask, 1e-9)
    level = chance @ (mask * y) / taught
    reach = np.sqrt(chance @ (mask * (y - level) ** 2) / taught).clip(0.03)
    layers = torch.nn.Linear(x.shape[1], recipe.width), torch.nn.Linear(recipe.width, BLENDSHAPES)
    torch.nn.init.zeros_(layers[1].weight)
    layers[1].bias.data = torch.from_numpy(level.astype(np.float32))
    net = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=recipe.steps, pct_start=0.1
    )
    entry = torch.from_numpy(((x - mean) / scale).clip(-6, 6).astype(np.float32))
    aim, seen = (torch.from_numpy(a.astype(np.float32)) for a in (y / reach, mask))
    size = torch.from_numpy(reach.astype(np.float32))
    for _ in tqdm(range(recipe.steps), desc="fit", unit="step"):
        rows_now = torch.from_numpy(rng.choice(len(x), recipe.batch, p=chance))
        noisy = entry[rows_now] + recipe.noise * torch.randn(recipe.batch, x.shape[1])
        error = (net(noisy) / size - aim[rows_now]) * seen[rows_now]
        optimiser.zero_grad()
        (error**2).mean().backward()
        optimiser.step()
        schedule.step()
    return {
        "points": rigid.points, "shape": rigid.shape, "rigidity": rigid.weight,
        "mean": mean.astype(np.float32), "scale": scale.astype(np.float32),
        "mask": np.ones(BLENDSHAPES, np.float32),
    } | {
        f"{kind}.{i}": getattr(layers[i], kind).detach().numpy().astype(np.float16)
        for i in range(2) for kind in ("weight", "bias")
    }  # fmt: skip


def predict(regressor: Regressor, faces: Faces) -> F32:
    """Weights [N, 52] of all faces, by the shipped arithmetic."""
    return np.array([regressor.answer(row) for row in table(faces.seen, faces.turns)])


def correlations(pairs: Sequence[tuple[F32, F32]]) -> F32:
    """Mean over clips of r [52] between found and true weights; NaN where nothing moves."""
    rows = np.full((len(pairs), BLENDSHAPES), np.nan)
    for row, (found, true) in zip(rows, pairs, strict=True):
        for k in np.flatnonzero(true.std(0) > _MOVES):
            flat = found[:, k].std() < 1e-6
            row[k] = 0.0 if flat else np.corrcoef(found[:, k], true[:, k])[0, 1]
    seen = ~np.isnan(rows)
    mean = np.where(seen, rows, 0).sum(0) / np.maximum(seen.sum(0), 1)
    return np.asarray(np.where(seen.any(0), mean, np.nan), np.float32)


def _lessons(
    clips: Sequence[Faces], avatars: Sequence[Faces], models: Models | None, recipe: Recipe
) -> list[Lesson]:
    """What a fit sees: grafts of the clips' people, and renders."""
    blind = np.array([name in _BLIND for name in ARKIT], np.float32)
    every = np.ones(BLENDSHAPES, np.float32)
    lessons = [
        Lesson(a.seen, a.turns, a.weights, blind if clips else every, recipe.shares[2] / 2)
        for a in avatars
    ]
    if clips and models is not None and models.blendshapes is not None:
        grafts = Grafts(clips, avatars, models.blendshapes, np.random.default_rng(recipe.seed))
        sighted = every - blind
        lessons += [
            Lesson(*grafts.expressions(recipe.expressions), sighted, recipe.shares[0]),
            Lesson(*grafts.mixtures(recipe.mixtures), sighted, recipe.shares[1]),
        ]
    return lessons


def _used(strangers: F32, rendered: F32) -> F32:
    """Mask [52]: channels that follow, both sides alike; those that no stranger moves stay in."""
    blind = np.array([name in _BLIND for name in ARKIT])
    both = np.nan_to_num(strangers, nan=1.0)
    both = (both + both[SWAP]) / 2
    shown = np.nan_to_num(rendered + rendered[SWAP]) / 2
    return np.asarray(np.where(blind, shown >= _GOOD_RENDERED, both >= _BAD), np.float32)


def _is_stranger(clip: Faces) -> bool:
    single = clip.name.startswith("grid_") and clip.name.count("_") == 1
    return single or clip.person in _STRANGERS


def _teach(
    options: argparse.Namespace, recipe: Recipe
) -> tuple[dict[str, np.ndarray], dict[str, F32]]:
    """Both fits, and r [52] on strangers, renders and kept-back clips."""
    wheel = Models.load(options.models)
    task = Models.load(None, options.face_model)
    shape, rigid = geometry(options.face_model)
    twin = twins(shape)
    clips = videos(options.data, options.work, (wheel, task), rigid)
    avatars = renders(recipe.renders, recipe.size, wheel, rigid, recipe.seed)
    unseen = renders(recipe.renders // 8, recipe.size, wheel, rigid, recipe.seed + 1)
    trained = [c for c in clips if not c.back]
    strange = [c for c in trained if _is_stranger(c)]
    known = [c for c in trained if not _is_stranger(c)]
    first = Regressor.of(fit(_lessons(known, avatars, task, recipe), twin, rigid, recipe))
    tensors = fit(_lessons(trained, avatars, task, recipe), twin, rigid, recipe)
    last = Regressor.of(tensors)
    found = {
        "strangers": correlations([(predict(first, c), c.tracked) for c in strange]),
        "renders": correlations([(predict(last, a), a.weights) for a in unseen]),
        "kept back": correlations([(predict(last, c), c.tracked) for c in clips if c.back]),
    }
    tensors["mask"] = _used(found["strangers"], found["renders"])
    return tensors, found


def _tell(tensors: dict[str, np.ndarray], found: dict[str, F32]) -> None:
    """A row a channel; the last line is one JSON object."""
    print(f"{'channel':22s} used " + " ".join(f"{name:>10s}" for name in found))
    for k, name in enumerate(ARKIT):
        cells = " ".join(f"{values[k]:10.2f}" for values in found.values())
        print(f"{name:22s} {'yes' if tensors['mask'][k] else 'no':4s} {cells}")
    used = tensors["mask"] > 0
    print(json.dumps({
        "used": int(used.sum()),
        **{name: round(float(np.nanmean(values[used])), 3) for name, values in found.items()},
        "jawOpen": {n: round(float(v[INDEX["jawOpen"]]), 3) for n, v in found.items()},
    }))  # fmt: skip


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine.train tracker", description=__doc__)
    parser.add_argument("--models", type=Path, required=True,
                        help="folder that streaming.models.face_models() returns")  # fmt: skip
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the training data")
    parser.add_argument("--face-model", type=Path, help=f"default DATA/face/{FACE_MODEL}")
    parser.add_argument("--work", type=Path, default=WORK, help="landmarks kept between runs")
    parser.add_argument("--out", type=Path, help="default: engine/assets; with --tiny ../build")
    parser.add_argument("--tiny", action="store_true", help="a few renders, within a minute")
    options = parser.parse_args(argv)
    options.face_model = options.face_model or options.data / "face" / FACE_MODEL
    options.out = options.out or (TINY if options.tiny else OUT)
    return options


def main(argv: list[str]) -> int:
    """Returns 0."""
    options = _options(argv)
    torch.set_num_threads(1)
    if options.tiny:
        wheel, shipped = Models.load(options.models), Regressor.load()
        avatars = renders(TINY_RECIPE.renders, TINY_RECIPE.size, wheel, shipped.rigid, 0)
        tensors = fit(_lessons([], avatars, None, TINY_RECIPE), None, shipped.rigid, TINY_RECIPE)
        last = Regressor.of(tensors)
        found = {"renders": correlations([(predict(last, a), a.weights) for a in avatars])}
    else:
        if not options.face_model.is_file():
            raise RuntimeUnavailable(f"{options.face_model} is not a file; give --face-model")
        tensors, found = _teach(options, Recipe())
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "tracker.safetensors"
    save_file(tensors, path, {"vivify": json.dumps({"version": VERSION})})
    _tell(tensors, found)
    return 0
