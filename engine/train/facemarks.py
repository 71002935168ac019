"""Points of the face that painters need, on any identity: vertices of the clay, by name.

The clay's topology never changes, so a vertex keeps its place on the face (the wing of the nose,
the fold of the lid) whatever the identity does to its position. All lie on the subject's left or
in the middle.
"""

import numpy as np

from engine.train.bust import F64, Bust

VERTICES = {
    "nose_root": 136, "nose_bridge": 135, "nose_tip": 294, "nose_base": 317,
    "nose_wing": 2976, "wing_top": 4584, "wing_back": 4546, "wing_foot": 2977, "nostril": 3076,
    "philtrum": 1977, "upper_lip_peak": 3135, "lower_lip_edge": 495, "under_lip": 2242,
    "cheek": 4780, "cheek_bone": 4662, "eye_bag": 4551, "laugh": 4624, "lid_fold": 2793,
    "ear": 4892, "temple": 2960,
}  # fmt: skip


LIDS = {"lid_line_upper": ("l-eyelashes-2", 1.0), "lid_line_lower": ("l-eyelashes-1", -1.0)}
COLUMNS = 7  # points along a lid


def facemarks(bust: Bust) -> dict[str, F64]:
    """Rest positions [3] by name, dm; `lid_line_*`: the lids' edges [COLUMNS, 3] from the nose."""
    found = {name: bust.positions[vertex] for name, vertex in VERTICES.items()}
    return found | {name: _lid(bust, group, up) for name, (group, up) in LIDS.items()}


def _lid(bust: Bust, group: str, up: float) -> F64:
    """Where lashes grow: in each column the vertex nearest to the eye's opening."""
    points = bust.positions[np.unique(bust.group(group))]
    x = points[:, 0]
    edges = np.linspace(x.min(), x.max(), COLUMNS + 1)
    rows = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        column = points[(x >= low - 1e-9) & (x <= high + 1e-9)]
        if len(column):
            rows.append(column[(up * column[:, 1]).argmin()])
    line = np.array(rows)
    at = np.linspace(0, len(line) - 1, COLUMNS)
    return np.stack([np.interp(at, np.arange(len(line)), line[:, k]) for k in range(3)], 1)
