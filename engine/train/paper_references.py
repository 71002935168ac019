"""Reference clips of the bundled manners: six seconds of motion and posteriors each, and the manner
of another track to be recognised by; what the papers' encoders need where there is no data.

Contract: synthetic motion of the teacher only, never a recorded person's.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from engine.eval.likeness import manner
from engine.train.manner import BUNDLED
from engine.train.paper_lessons import moved
from engine.train.tracks import Track

TICKS = 150


def write_references(tracks: Sequence[Track], path: Path) -> None:
    """NAME.motion [TICKS, MOTION] f16, NAME.ppg [TICKS, 80] in 1/255, NAME.manner [156] f16."""
    tensors: dict[str, torch.Tensor] = {}
    for name in BUNDLED:
        own = [t for t in tracks if t.name == name and len(t) > 2 * TICKS]
        if not own:
            continue
        at = liveliest(own[0])
        cut = slice(at, at + TICKS)
        heard = np.asarray(own[0].ppg[1, cut], np.float32)
        # Of another track where there is one, else of the half that the clip is not from.
        rest = slice(None)
        if len(own) == 1:
            rest = slice(len(own[0]) // 2) if at > len(own[0]) // 2 else slice(at + TICKS, None)
        face = np.asarray(own[-1].weights[rest], np.float32)
        tensors[f"{name}.motion"] = torch.from_numpy(moved(own[0], cut)).half()
        tensors[f"{name}.ppg"] = torch.from_numpy(np.round(255 * heard)).to(torch.uint8)
        tensors[f"{name}.manner"] = torch.from_numpy(manner(face)).half()
    if tensors:
        save_file(tensors, path)


def liveliest(track: Track) -> int:
    """First tick of the stretch of TICKS in which most is said."""
    said = np.nan_to_num(np.asarray(track.opening, np.float32)) > 0.1
    total = np.concatenate([[0], np.cumsum(said)])
    return int((total[TICKS:] - total[:-TICKS]).argmax())
