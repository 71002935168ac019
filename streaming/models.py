"""Model files fetched once into the user's cache: the tracker's networks out of a pinned wheel."""

from pathlib import Path


def face_models(cache: Path | None = None) -> Path:
    """The folder with the tracker's .tflite files, fetched the first time and checked each time.

    `cache`: another folder than the user's. Raises TransportError where they cannot be fetched or
    are not the pinned ones.
    """
    raise NotImplementedError
