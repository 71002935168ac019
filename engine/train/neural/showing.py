"""Unseen parts of a person's videos, drawn from the motion tracked in them, beside their rivals.

Contract: ours goes through engine.render.neural, as live, driven by the motion tracked in the true
video: this measures the renderer. `sound`: driven by our own line's lips instead, in a plain style,
with the tracked head: that is what VAST's row is, whose motion comes from speech. `clip`: the
network sees each picture's own surroundings (VAST's template video); `plate` and `sound`: one still
picture of the same video, as a call has. Metrics are those of engine.eval.pair.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from engine.eval.pair import Pair, Scores
from engine.face.package import Package
from engine.frames import U8
from engine.render.neural import Neural
from engine.render.setting import Setting
from engine.tracker.models import Models
from engine.train.neural.filming import SIZE, WIDEN, Camera, Scene
from engine.train.neural.footage import pictures
from engine.train.neural.rivals import Nearest, Warped

CLIP, PLATE, SOUND = "ours, clip", "ours, plate", "ours, sound"
NEAREST, WARPED = "nearest", "warped"
# VAST, Table 1, GRID: driven by speech; speakers s1 and s25, other split, other landmarks.
VAST: Scores = {"ssim": 0.922, "cpbd": 0.2265, "cpbd_truth": 0.2650, "lmd": 1.444, "m_lmd": 1.479}
_CLOSE = 128  # px of the strip's part around the mouth
_SEAM = 0.015  # of the picture
_MOST = 4000  # training pictures that the nearest is looked for among

Part = tuple[Scene, slice]


class Gallery:
    """Ours and the rivals of one person."""

    def __init__(self, package: Package, camera: Camera, taught: Sequence[Part]) -> None:
        self._neural, self._camera = Neural(package, SIZE, Setting(mark=False)), camera
        weights, pose, seen = [], [], []
        step = max(1, sum(len(_frames(part)) for part in taught) // _MOST)
        for scene, frames in taught:
            chosen = _frames((scene, frames))[::step]
            weights.append(scene.aligned.weights[chosen])
            pose.append(scene.aligned.pose[chosen])
            seen += _shown(scene, set(chosen.tolist()))
        known = np.concatenate(weights), np.concatenate(pose), np.array(seen)
        self._nearest = Nearest(*known)
        calm = int((np.square(known[0]).sum(1) + np.square(known[1][:, :3] / 10).sum(1)).argmin())
        begin = taught[0][0].motion(0)
        portrait = replace(begin, weights=known[0][calm], pose=known[1][calm])
        self._warped = Warped(package, portrait, known[2][calm])

    def draw(self, scene: Scene, frame: int, truth: U8, plate: U8) -> dict[str, U8]:
        """All pictures of one frame, by their name; without sound none of `SOUND`."""
        motion = replace(scene.motion(frame), ppg=scene.ppg[frame])
        # Nothing of the truth may shine through where the face is drawn; at the very edge of what
        # the network does not see, what lies behind closes the seam, as a plate does live.
        inner = self._camera.hole(motion, WIDEN - _SEAM)
        around = np.where(inner[..., None], 0, truth).astype(np.uint8)
        made = {
            CLIP: self._neural.render_over(motion, around),
            PLATE: self._neural.render_over(motion, plate),
            NEAREST: self._nearest.picture(motion),
            WARPED: self._warped.picture(motion, truth, inner),
        }
        if scene.said is not None:
            spoken = replace(motion, weights=scene.said[frame])
            made[SOUND] = self._neural.render_over(spoken, plate)  # another jaw, another hole
        return made

    def measure(
        self, held: Sequence[Part], plates: Mapping[str, U8], models: Models | None,
        strips: Path | None = None,
    ) -> dict[str, Scores]:  # fmt: skip
        """Means over all held frames, by name. `plates`: of each scene; `strips`: folder for a PNG
        of each part: truth and the others, three moments below each other."""
        sums: dict[str, list[tuple[int, Scores]]] = {}
        for scene, frames in held:
            chosen = _frames((scene, frames))
            pairs: dict[str, Pair] = {}
            kept, wanted = (
                [],
                set(chosen[[len(chosen) // 5, len(chosen) // 2, -len(chosen) // 8]].tolist()),
            )
            for t, truth in zip(chosen, _shown(scene, set(chosen.tolist())), strict=True):
                made = self.draw(scene, int(t), truth, plates[scene.name])
                for name, picture in made.items():
                    pairs.setdefault(name, Pair(models)).add(picture, truth)
                if int(t) in wanted:
                    kept.append(strip([truth, *made.values()], self._mouth(scene, int(t))))
            for name, pair in pairs.items():
                sums.setdefault(name, []).append((len(chosen), pair.scores()))
            if strips is not None:
                Image.fromarray(np.concatenate(kept)).save(strips / f"{scene.name}.png")
        return {name: _mean(rows) for name, rows in sums.items()}

    def _mouth(self, scene: Scene, frame: int) -> tuple[int, int]:
        x, y = scene.footage.placed(SIZE)[frame, [13, 14], :2].mean(0)
        return int(x), int(y)


def strip(row: Sequence[U8], mouth: tuple[int, int]) -> U8:
    """Pictures side by side, their mouths twice as large below."""
    side, half = len(row[0]), _CLOSE // 2
    x, y = (min(max(at, half), side - half) for at in mouth)
    parts = [picture[y - half : y + half, x - half : x + half] for picture in row]
    close = [np.asarray(Image.fromarray(p).resize((side, side), Image.Resampling.BICUBIC))
             for p in parts]  # fmt: skip
    return np.concatenate([np.concatenate(row, 1), np.concatenate(close, 1)])


def _frames(part: Part) -> np.ndarray:
    return np.arange(*part[1].indices(len(part[0].ppg)))


def _shown(scene: Scene, wanted: set[int]) -> list[U8]:
    return [p for t, p in enumerate(pictures(scene.footage, SIZE)) if t in wanted]


def _mean(rows: Sequence[tuple[int, Scores]]) -> Scores:
    """By frames; counts are sums."""
    total = sum(count for count, _ in rows)
    out: Scores = {}
    for name in rows[0][1]:
        values = [(count, scores[name]) for count, scores in rows if name in scores]
        plain = sum(value for _, value in values)
        out[name] = plain if name in ("pictures", "lost") else sum(
            count * value for count, value in values
        ) / total  # fmt: skip
    return out
