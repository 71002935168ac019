"""What the systems of the papers are measured on: sounds with phones, styles with references, and
with the data folder recorded people who were kept back.

Contract: a style reference never overlaps the clip that is measured, nor the motion by which a
style is recognised; of a person it is made of clips that may be trained on, where there are any.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load
from tqdm import tqdm

from engine.errors import WeightsError
from engine.eval.paper_motion import Ears, Prompt, prompt_of
from engine.eval.performances import Performance, kept_back, read_performances
from engine.eval.recordings import bundled, measuring_set, read_data
from engine.eval.synchrony import Clip, prepare
from engine.frames import F32, SAMPLES_PER_FRAME
from engine.motion.decoder import DecoderInput
from engine.nets.papers.speech import part

STYLES = 10  # to be told apart
SPOKEN = 3  # bundled clips spoken in every style
_PER_PERSON = 5  # kept-back clips of one person measured
_REFERENCE = 150  # ticks
_LONGEST = 375  # ticks of one kept-back clip
_LIPS = 24  # kept-out recordings measured with the data folder


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sound with aligned phones."""

    clip: Clip
    heard: DecoderInput


@dataclass(frozen=True, slots=True)
class Look:
    """A style: its reference and the manner of another motion in it."""

    name: str
    prompt: Prompt
    manner: F32  # [156]


@dataclass(frozen=True, slots=True)
class Person:
    """A kept-back clip of somebody."""

    name: str
    heard: DecoderInput
    weights: F32  # [T, 52]
    pose: F32  # [T, 6]
    mask: F32  # [52]
    has_head: bool
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Scenes:
    """Everything, heard once."""

    spoken: list[Spoken]
    looks: list[Look]
    people: list[Person]


def read_looks(path: Path) -> list[Look]:
    """The reference clips of `python -m engine.train papers`. Raises WeightsError."""
    if not path.is_file():
        raise WeightsError(
            f"{path.name} not found in {path.parent.name}; restore it with git or run "
            "python -m engine.train papers"
        )
    tensors = load(path.read_bytes())
    names = sorted({key.rsplit(".", 1)[0] for key in tensors})
    # Singing is not spoken; the neutral style comes first.
    names = sorted((n for n in names if "singing" not in n), key=lambda n: (n != "neutral", n))
    looks = []
    for name in names[:STYLES]:
        weights, pose = part(tensors[f"{name}.motion"].astype(np.float32))
        ppg = np.asarray(tensors[f"{name}.ppg"] / np.float32(255), np.float32)
        manner = tensors[f"{name}.manner"].astype(np.float32)
        looks.append(Look(name, Prompt(weights, pose, ppg), manner))
    return looks


def read_scenes(assets: Path, data: Path | None, clips: int | None, lookahead_ms: int) -> Scenes:
    """Scenes of the checkout, or of the data folder; `clips` limits every kind."""
    ears = Ears(lookahead_ms)
    recordings = bundled() if data is None else measuring_set(read_data(data))
    if data is not None:  # spread over speakers, the same ones every time
        recordings = recordings[:: max(1, len(recordings) // _LIPS)][:_LIPS]
    spoken = []
    for recording in tqdm(recordings[:clips], desc="speech", leave=False):
        clip = prepare(recording)
        spoken.append(Spoken(clip, ears.hear(clip.pcm)))
    looks = read_looks(assets / "references.safetensors")
    people = [] if data is None else read_people(data, ears, clips)
    return Scenes(spoken, looks, people)


def read_people(data: Path, ears: Ears, clips: int | None) -> list[Person]:
    """Kept-back clips, at most _PER_PERSON of a person."""
    groups: dict[str, list[Performance]] = {}
    for clip in read_performances(data):
        groups.setdefault(clip.person, []).append(clip)
    found = []
    for group in tqdm(groups.values(), desc="people", leave=False):
        back = [clip for clip in group if kept_back(clip)]
        known = [clip for clip in group if not kept_back(clip)]
        if not known:  # nothing of this person may be trained on: the first clips are the reference
            known, back = back[: (len(back) + 1) // 2], back[(len(back) + 1) // 2 :]
        if not back or not known:
            continue
        prompt = reference(known, ears)
        for clip in back[: min(clips or _PER_PERSON, _PER_PERSON)]:
            ticks = min(len(clip.weights), _LONGEST)
            heard = ears.hear(clip.pcm[: ticks * SAMPLES_PER_FRAME])
            ticks = min(ticks, heard.ppg.shape[1])
            found.append(
                Person(
                    clip.name, heard, clip.weights[:ticks], clip.pose[:ticks], clip.mask,
                    clip.has_head, prompt,
                )
            )  # fmt: skip
    return found


def reference(known: Sequence[Performance], ears: Ears) -> Prompt:
    """_REFERENCE ticks from the beginnings of somebody's clips."""
    prompts: list[Prompt] = []
    left = _REFERENCE
    for clip in known:
        ticks = min(left, len(clip.weights))
        heard = ears.hear(clip.pcm[: ticks * SAMPLES_PER_FRAME])
        prompts.append(prompt_of(clip.weights[:ticks], clip.pose[:ticks], heard))
        left -= len(prompts[-1].weights)
        if left < 25:
            break
    rows = ([getattr(p, name) for p in prompts] for name in ("weights", "pose", "ppg"))
    return Prompt(*(np.concatenate(column) for column in rows))
