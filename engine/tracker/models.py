"""The networks of the tracker: which files they are, checked and loaded on LiteRT.

Contract: nothing is fetched here (streaming.models fetches); a file is used only if its checksum
is the pinned one. `ai_edge_litert` is imported here alone, and only when models are loaded.
"""

from pathlib import Path


class Models:
    """Detector, landmarks and what else the given files hold. Not for two threads at once."""

    @classmethod
    def load(cls, folder: Path | None, face_model: Path | None = None) -> "Models":
        """From the folder that streaming.models.face_models returns, or from a
        `face_landmarker.task` (better coefficients; the folder is then not needed).

        Raises RuntimeUnavailable naming what is missing (extra `tracker`, files) and how to get
        it, WeightsError for a file whose checksum is not the pinned one.
        """
        raise NotImplementedError
