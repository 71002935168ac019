"""Style: one talking style as a small vector, and its `.style` file.

Contract: a `.style` file is safetensors with one tensor `code` and a JSON header (name, encoder
version, how it was made). Everything in it is checked before use; nothing is ever unpickled.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as parse
from safetensors.numpy import save as pack

from engine.errors import PackageError
from engine.frames import F32
from engine.style.encoder import CODE, VERSION

FORMAT = 1
KEY = "vivify"  # of the metadata entry that holds the JSON header
MAX_BYTES = 1 << 20  # a style is some kB; an adapter may come to it one day
BOUND = 8.0  # larger code values were never seen in training
_NAME = re.compile(r"[a-z0-9][a-z0-9 _.+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Style:
    """A named style code. Equal codes move equally, whatever their names."""

    name: str  # lower-case words
    code: F32  # [CODE]
    encoder: str = VERSION  # version of the encoder that made the code
    made: str = ""  # how: clip, manner or blend, for people

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise PackageError(
                f"style name {self.name[:80]!r} is not allowed; expected 1-64 lower-case letters, "
                "digits, spaces or _ . + -"
            )
        if self.code.shape != (CODE,) or self.code.dtype != np.float32:
            raise PackageError(
                f"style {self.name!r} has a code {self.code.dtype} {self.code.shape}, "
                f"expected float32 ({CODE},); make it again"
            )
        if not np.isfinite(self.code).all() or float(np.abs(self.code).max()) > BOUND:
            raise PackageError(
                f"style {self.name!r} holds code values that are not finite or beyond {BOUND}; "
                "the file is damaged: make it again"
            )
        if self.encoder != VERSION:
            raise PackageError(
                f"style {self.name!r} was made by encoder {self.encoder[:40]!r}, this Vivify has "
                f"{VERSION!r}; make it again from its clip with demos.pick_style"
            )

    def save(self, path: Path | str) -> None:
        """Write a `.style` file."""
        header = {
            "format": FORMAT, "name": self.name, "encoder": self.encoder, "made": self.made,
        }  # fmt: skip
        data = pack({"code": self.code}, {KEY: json.dumps(header)})
        Path(path).write_bytes(data)

    @staticmethod
    def load(path: Path | str) -> "Style":
        """Read and check a `.style` file; raises PackageError saying what is wrong with it."""
        path = Path(path)
        if not path.is_file():
            raise PackageError(f"style file {path.name} not found in {path.parent}")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise PackageError(
                f"style file {path.name} has {size} bytes, expected at most {MAX_BYTES}; "
                "it is not a style"
            )
        tensors, header = unpack(path.read_bytes(), path.name)
        if set(tensors) != {"code"}:
            raise PackageError(
                f"style file {path.name} holds tensors {sorted(tensors)[:5]}, expected ['code']"
            )
        known = {"format", "name", "encoder", "made"}
        if set(header) != known or not all(isinstance(header[k], str) for k in known - {"format"}):
            raise PackageError(
                f"style file {path.name} has header keys {sorted(header)[:6]}, "
                f"expected {sorted(known)} with text values"
            )
        if type(header["format"]) is not int or header["format"] != FORMAT:
            raise PackageError(
                f"style file {path.name} has format {header['format']!r}, expected {FORMAT}; "
                "update Vivify"
            )
        return Style(header["name"], tensors["code"], header["encoder"], header["made"])


def unpack(data: bytes, name: str) -> tuple[dict[str, F32], dict[str, Any]]:
    """Tensors and JSON header of a safetensors file of ours; PackageError if it is none."""
    try:
        tensors = parse(data)
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        header = json.loads(metadata[KEY])
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise PackageError(
            f"{name} is not a Vivify style file (safetensors with a {KEY!r} header): "
            f"{type(error).__name__}; make it again or copy it anew"
        ) from error
    if not isinstance(header, dict):
        raise PackageError(f"{name} has a header that is not an object; make it again")
    return tensors, header
