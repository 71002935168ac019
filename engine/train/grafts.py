"""Few people become many: real expressions on other people's rest, mirrored, turned, relabelled.

Contract: everything is in the head's frame of engine.train.faces, so a graft costs no picture.
"""

from collections.abc import Sequence

import numpy as np

from engine.face.blendshapes import ARKIT, INDEX
from engine.face.camera import rotation
from engine.frames import BLENDSHAPES, F32
from engine.tracker.coefficients import SUBSET, given
from engine.tracker.models import Net
from engine.train.faces import FLIP, Faces, normal

_MESH = 468
# Iris points change sides; the net lists each centre, then four rim points.
_IRISES = [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]


def twins(shape: F32) -> np.ndarray:
    """Row of each landmark's mirror image, from the mean head [468, 3]."""
    other = shape * np.array([-1, 1, 1], np.float32)
    nearest = np.linalg.norm(other[:, None] - shape[None], axis=-1).argmin(1)
    return np.concatenate([nearest, _IRISES])


def _other(name: str) -> str:
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    return name.removesuffix("Right") + "Left" if name.endswith("Right") else name


SWAP = np.array([INDEX[_other(name)] for name in ARKIT])
_SIDES = np.diag([-1, 1, 1]).astype(np.float32)


def mirrored(points: F32, turns: F32, weights: F32, twin: np.ndarray) -> tuple[F32, F32, F32]:
    """The same faces in a mirror."""
    flipped = points[:, twin] * np.array([-1, 1, 1], np.float32)
    turned = np.asarray(_SIDES @ turns @ _SIDES, np.float32)
    return np.asarray(flipped, np.float32), turned, weights[:, SWAP]


class Grafts:
    """Draws new faces from some people's clips and from avatars' looks."""

    def __init__(
        self, clips: Sequence[Faces], avatars: Sequence[Faces], net: Net, rng: np.random.Generator
    ) -> None:
        self._clips, self._net, self._rng = clips, net, rng
        many = {
            person: sum(c.person == person for c in clips) for person in {c.person for c in clips}
        }
        # People count by the root of how much there is of them.
        self._chance = np.array([len(c) / many[c.person] ** 0.5 for c in clips])
        self._chance /= self._chance.sum()
        self._seen = [np.median(c.seen, 0) for c in clips]
        self._model = [np.median(c.model, 0) for c in clips]
        self._weights = [np.median(c.weights, 0) for c in clips]
        self._looks = [np.median(a.model[a.weights.max(1) < 0.5], 0) for a in avatars]

    def _clip(self) -> int:
        return int(self._rng.choice(len(self._clips), p=self._chance))

    def _rest(self) -> F32:
        """Somebody's face at rest: between two people and an avatar, bent at random."""
        rng, share = self._rng, self._rng.random()
        face = share * self._model[self._clip()] + (1 - share) * self._model[self._clip()]
        if self._looks and rng.random() < 0.4:
            look = self._looks[int(rng.integers(len(self._looks)))]
            face = face + rng.uniform(0, 0.8) * (look - face)
        centres = face[rng.integers(_MESH, size=6)]
        for centre, shift in zip(centres, rng.normal(0, 0.05, (6, 3)), strict=True):
            near = np.exp(-2 * ((face - centre) ** 2).sum(-1, keepdims=True))
            face = face + near * shift
        return np.asarray(face * rng.normal(1, 0.05, 3), np.float32)

    def _meaning(self, face: F32, turn: F32) -> F32:
        """What MediaPipe's network says of a face in the head's frame."""
        return given(self._net, ((face @ turn.T) * FLIP * 150 + 300).astype(np.float32))

    def expressions(self, count: int, rests: int = 400) -> tuple[F32, F32, F32]:
        """Real movements as the wheel's networks see them, on other people's rest: points, turns,
        weights; the movement's own change of weights is added to what the rest means."""
        rng, straight = self._rng, np.eye(3, dtype=np.float32)
        bases = [self._rest() for _ in range(rests)]
        means = [self._meaning(base, straight) for base in bases]
        points, turns, weights = [], [], []
        for _ in range(count):
            at, bias, base = self._clip(), self._clip(), int(rng.integers(rests))
            clip, size = self._clips[at], rng.uniform(0.7, 1.3)
            row = int(rng.integers(len(clip)))
            error = rng.random() * (self._seen[bias] - self._model[bias])
            points.append(bases[base] + error + size * (clip.seen[row] - self._seen[at]))
            turns.append(clip.turns[row])
            moved = means[base] + size * (clip.weights[row] - self._weights[at])
            weights.append(np.clip(moved, -0.2, 1.2))
        return normal(np.array(points, np.float32)), np.array(turns), np.array(weights, np.float32)

    def mixtures(self, count: int) -> tuple[F32, F32, F32]:
        """Mixed expressions on other people's rest, turned at random; MediaPipe's network says
        what they mean, the wheel's error is added afterwards."""
        rng = self._rng
        points, turns, weights = [], [], []
        for _ in range(count):
            moved = np.zeros((len(self._model[0]), 3), np.float32)
            for share in (rng.uniform(0.6, 1.5), rng.uniform(0, 1) * (rng.random() < 0.5)):
                at = self._clip()
                row = int(rng.integers(len(self._clips[at])))
                moved = moved + share * (self._clips[at].model[row] - self._model[at])
            face = self._rest() + moved
            turn = rotation(*rng.normal(0, [12, 8, 5]))
            weights.append(self._meaning(face, turn))
            bias = self._clips[self._clip()]
            row = int(rng.integers(len(bias)))
            points.append(face + rng.uniform(0.5, 1.1) * (bias.seen[row] - bias.model[row]))
            turns.append(turn)
        return normal(np.array(points, np.float32)), np.array(turns), np.array(weights, np.float32)


def table(points: F32, turns: F32) -> F32:
    """Faces in the head's frame -> the regressor's features [N, 440]."""
    rows = points[:, SUBSET].reshape(len(points), -1)
    return np.concatenate([rows, turns[:, :2, 2]], axis=1).astype(np.float32)


assert len(SWAP) == BLENDSHAPES
