"""What is missing is named with the way to get it; nothing unpinned is loaded."""

import sys
from pathlib import Path

import pytest

from engine.errors import RuntimeUnavailable, WeightsError
from engine.tracker import models
from engine.tracker.models import CHECKSUMS, FACE_MODEL_BYTES, Models


def test_without_litert_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(RuntimeUnavailable) as caught:
        models.Net(b"", "any")
    assert str(caught.value) == (
        "the tracker needs ai-edge-litert, which is not installed (found: import of "
        "ai_edge_litert.interpreter halted; None in sys.modules); install Vivify with its extra "
        '`tracker`, from the checkout: pip install -e ".[tracker]"'
    )


def test_no_folder_says_how_to_fetch() -> None:
    with pytest.raises(RuntimeUnavailable, match="no model files .* streaming.models.face_models"):
        Models.load(None)


def test_missing_files_are_named(tmp_path: Path) -> None:
    present = next(iter(CHECKSUMS))
    (tmp_path / present).write_bytes(b"x")
    with pytest.raises(RuntimeUnavailable, match="lacks face_landmark.tflite, iris_landmark"):
        Models.load(tmp_path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    for name in CHECKSUMS:
        (tmp_path / name).write_bytes(b"not a model")
    with pytest.raises(WeightsError, match="has sha256 .* expected .* delete it and fetch"):
        Models.load(tmp_path)


@pytest.mark.parametrize("size", [10, FACE_MODEL_BYTES])
def test_another_face_model_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(bytes(size))
    with pytest.raises(WeightsError, match=f"has {size} bytes and sha256 .* expected the official"):
        Models.load(None, path)


def test_a_missing_face_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match="no.task is not a file"):
        Models.load(None, tmp_path / "no.task")
