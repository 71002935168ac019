"""Finds named vertices on a bust by what its shapes do, the same names on any identity."""

import numpy as np

from engine.train.bust import F64, I64, Bust


def _nearest(points: F64, among: I64, target: F64) -> int:
    return int(among[np.linalg.norm(points[among] - target, axis=1).argmin()])


def find(bust: Bust, skin: I64, mouth: I64) -> dict[str, int]:
    """Landmark name -> MakeHuman vertex; `skin` and `mouth` are the quads of these parts."""
    rest = bust.positions
    outer = np.unique(skin)
    face = np.unique(np.concatenate([outer, np.unique(mouth)]))
    opened = bust.shape("jawOpen")
    middle = face[(np.abs(rest[face, 0]) < 0.01) & (rest[face, 2] > 0)]
    middle = middle[(rest[middle, 1] > -0.78) & (rest[middle, 1] < -0.45)]
    drop = -opened[middle, 1]
    upper, lower = middle[drop < 0.3 * drop.max()], middle[drop > 0.6 * drop.max()]
    posed = rest + opened
    found = {
        "lip_upper_inner": int(upper[posed[upper, 1].argmin()]),
        "lip_lower_inner": int(lower[posed[lower, 1].argmax()]),
    }
    rim = np.intersect1d(outer, np.unique(mouth))
    for side, sign, eye in (("left", 1, "l"), ("right", -1, "r")):
        found[f"mouth_corner_{side}"] = int(rim[(rest[rim, 0] * sign).argmax()])
        lashes = np.unique(bust.group(f"{eye}-eyelashes-2"))
        lash_x = rest[lashes, 0] * sign
        front = outer[rest[outer, 2] > -0.1]
        found[f"eye_outer_{side}"] = _nearest(rest, front, rest[lashes[lash_x.argmax()]])
        found[f"eye_inner_{side}"] = _nearest(rest, front, rest[lashes[lash_x.argmin()]])
        blink = bust.shape(f"eyeBlink{side.title()}")
        lid = int(outer[np.linalg.norm(blink[outer], axis=1).argmax()])
        found[f"lid_upper_{side}"] = lid
        still = front[np.linalg.norm(blink[front], axis=1) < 0.3 * np.linalg.norm(blink[lid])]
        found[f"lid_lower_{side}"] = _nearest(rest, still, rest[lid] + blink[lid])
    nose = outer[np.abs(rest[outer, 0]) < 0.01]
    found["nose_tip"] = int(nose[rest[nose, 2].argmax()])
    chin = nose[(rest[nose, 1] < -0.72) & (rest[nose, 1] > -1.0) & (rest[nose, 2] > -0.1)]
    found["chin"] = int(chin[(rest[chin, 2] - rest[chin, 1]).argmax()])
    shoulders = outer[rest[outer, 1] < -1.5]
    found["shoulder_left"] = int(shoulders[rest[shoulders, 0].argmax()])
    found["shoulder_right"] = int(shoulders[rest[shoulders, 0].argmin()])
    top = outer[rest[outer, 1].argmax()]
    found["crown"] = int(top)
    return found
