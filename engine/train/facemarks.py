"""Points of the face that painters need, on any identity: vertices of the clay, by name.

The clay's topology never changes, so a vertex keeps its place on the face (the wing of the nose,
the fold of the lid) whatever the identity does to its position. All lie on the subject's left or
in the middle.
"""

from engine.train.bust import F64, Bust

VERTICES = {
    "nose_root": 136, "nose_bridge": 135, "nose_tip": 294, "nose_base": 317,
    "nose_wing": 2976, "wing_top": 4584, "wing_back": 4546, "wing_foot": 2977, "nostril": 3076,
    "philtrum": 1977, "upper_lip_peak": 3135, "lower_lip_edge": 495, "under_lip": 2242,
    "cheek": 4780, "cheek_bone": 4662, "eye_bag": 4551, "laugh": 4624, "lid_fold": 2793,
    "ear": 4892, "temple": 2960,
}  # fmt: skip


def facemarks(bust: Bust) -> dict[str, F64]:
    """Rest positions [3] by name, dm."""
    return {name: bust.positions[vertex] for name, vertex in VERTICES.items()}
