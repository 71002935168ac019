"""Critics that are taught before the generators and then frozen (StyleTalk++ section 4.2): the
lip-sync discriminator and the expression style discriminator.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from engine.avatar import DEFAULT_AVATAR
from engine.frames import BLENDSHAPES
from engine.nets.papers.critics import SYNC_TICKS, StyleClassifier, SyncCritic
from engine.train.paper_lessons import Lesson, PaperLessons
from engine.train.paper_mouth import mouth


class Critics(nn.Module):
    """Both; `people`: the classes of the style discriminator."""

    def __init__(self, people: int) -> None:
        super().__init__()
        basis, rest = mouth(DEFAULT_AVATAR)
        self.sync = SyncCritic(torch.from_numpy(basis), torch.from_numpy(rest))
        self.style = StyleClassifier(people)


def sync_lesson(critic: SyncCritic, lesson: Lesson) -> Tensor:
    """Mouth and sound of the same stretch against stretches of other times and speakers."""
    weights, ppg = lesson.motion[..., :BLENDSHAPES], lesson.speech.ppg
    away = int(torch.randint(SYNC_TICKS, ppg.shape[1] - SYNC_TICKS, ()))
    half = len(ppg) // 2
    elsewhere = torch.cat([ppg[:half].roll(away, 1), ppg[half:].roll(1, 0)])
    right = critic(weights, ppg).clamp(1e-3, 1 - 1e-3)
    wrong = critic(weights, elsewhere).clamp(1e-3, 1 - 1e-3)
    return torch.mean(right.log() + (1 - wrong).log()) / -2


def teach_critics(lessons: PaperLessons, steps: int, seed: int, path: Path) -> Critics:
    """Critics from `path`, or taught now and written there."""
    torch.manual_seed(seed)
    critics = Critics(len(lessons.people))
    if path.is_file():
        found = load_file(path)
        if found["style.patches.layers.8.bias"].shape[0] == len(lessons.people):
            critics.load_state_dict({k: v.float() for k, v in found.items()})
            return critics.requires_grad_(False).eval()
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(critics.parameters(), lr=2e-3, weight_decay=0.01)
    shown = {"sync": 0.7, "style": float(np.log(len(lessons.people)))}
    progress = tqdm(range(steps), desc="critics", mininterval=5)
    for step in progress:
        lesson = lessons.draw(rng)
        sync = sync_lesson(critics.sync, lesson)
        said = critics.style(lesson.motion[..., :BLENDSHAPES])
        style = nn.functional.nll_loss(said, lesson.person)
        optimiser.zero_grad()
        (sync + style).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        for name, value in (("sync", sync), ("style", style)):
            shown[name] = 0.95 * shown[name] + 0.05 * float(value.detach())
        if step % 20 == 0:
            progress.set_postfix({k: f"{v:.3f}" for k, v in shown.items()})
    save_file({k: v.half().contiguous() for k, v in critics.state_dict().items()}, path)
    return critics.requires_grad_(False).eval()
