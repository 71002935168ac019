"""Style: one talking style as a small vector, and its `.style` file.

Contract: a `.style` file is safetensors with a tensor `code`, perhaps tensors `adapter.*`, and a
JSON header (name, encoder version, how it was made). Everything in it is checked before use;
nothing is ever unpickled.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as parse
from safetensors.numpy import save as pack

from engine.errors import PackageError
from engine.frames import F32, POSE
from engine.style.encoder import CODE, EXPRESSION, VERSION

FORMAT = 1
KEY = "vivify"  # of the metadata entry that holds the JSON header
MAX_BYTES = 1 << 20  # a style is some kB, with an adapter some ten more
BOUND = 8.0  # larger code values were never seen in training
ADAPTER_BOUND = 20.0
MAX_MADE = 400  # characters of the account of how a style was made
_ADAPTER = "adapter."
_NAME = re.compile(r"[a-z0-9][a-z0-9 _.+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Style:
    """A named style code. Equal codes move equally, whatever their names."""

    name: str  # lower-case words
    code: F32  # [CODE]
    encoder: str = VERSION  # version of the encoder that made the code
    made: str = ""  # how: clip, manner or blend, for people
    # What a fine-tuning added to the weights derived from the code, by the names of
    # engine.motion.decoder.StyleWeights, without the batch axis; the decoder checks the shapes.
    adapter: Mapping[str, F32] = field(default_factory=dict)

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
        if len(self.made) > MAX_MADE or not self.made.isprintable():
            raise PackageError(
                f"style {self.name!r} tells how it was made in {len(self.made)} characters, "
                f"expected at most {MAX_MADE} printable ones; make it again"
            )
        for key, value in self.adapter.items():
            if value.dtype != np.float32 or not np.isfinite(value).all():
                raise PackageError(
                    f"style {self.name!r} has an adapter {key[:40]!r} that is not finite float32; "
                    "make it again"
                )
            if float(np.abs(value).max(initial=0.0)) > ADAPTER_BOUND:
                raise PackageError(
                    f"style {self.name!r} has an adapter {key[:40]!r} beyond {ADAPTER_BOUND}; "
                    "the file is damaged: make it again"
                )

    def save(self, path: Path | str) -> None:
        """Write a `.style` file."""
        Path(path).write_bytes(self.pack())

    def pack(self) -> bytes:
        """The content of a `.style` file."""
        header = {
            "format": FORMAT, "name": self.name, "encoder": self.encoder, "made": self.made,
        }  # fmt: skip
        parts = {"code": self.code, **{_ADAPTER + k: v for k, v in self.adapter.items()}}
        # safetensors writes memory as it lies, whatever the order of the axes.
        tensors = {name: np.ascontiguousarray(value) for name, value in parts.items()}
        return pack(tensors, {KEY: json.dumps(header)})

    @staticmethod
    def load(path: Path | str) -> "Style":
        """Read and check a `.style` file; raises PackageError saying what is wrong with it."""
        path = Path(path)
        if not path.is_file():
            raise PackageError(f"style file {path.name} not found in {path.parent}")
        if path.stat().st_size > MAX_BYTES:
            raise _too_large(path.name, path.stat().st_size)
        return Style.parse(path.read_bytes(), path.name)

    @staticmethod
    def parse(data: bytes, file: str) -> "Style":
        """Check the content of a `.style` file; `file` is its name in messages (PackageError)."""
        if len(data) > MAX_BYTES:
            raise _too_large(file, len(data))
        tensors, header = unpack(data, file)
        code = tensors.pop("code", None)
        if code is None or not all(name.startswith(_ADAPTER) for name in tensors):
            raise PackageError(
                f"style file {file} holds tensors {sorted(tensors)[:5]}, expected 'code' and "
                f"perhaps '{_ADAPTER}*'"
            )
        known = {"format", "name", "encoder", "made"}
        if set(header) != known or not all(isinstance(header[k], str) for k in known - {"format"}):
            raise PackageError(
                f"style file {file} has header keys {sorted(header)[:6]}, "
                f"expected {sorted(known)} with text values"
            )
        if type(header["format"]) is not int or header["format"] != FORMAT:
            raise PackageError(
                f"style file {file} has format {header['format']!r}, expected {FORMAT}; "
                "update Vivify"
            )
        adapter = {name.removeprefix(_ADAPTER): value for name, value in tensors.items()}
        return Style(header["name"], code, header["encoder"], header["made"], adapter)


def with_head(style: Style, head: Style) -> Style:
    """The face of `style` with the head movement of `head` (StyleTalk++ 3.1: two references)."""
    code = np.concatenate([style.code[:EXPRESSION], head.code[EXPRESSION:]])
    made = f"{style.made}; head: {head.made}"[:MAX_MADE]
    adapter = {
        name: _joined(name, style.adapter.get(name), head.adapter.get(name))
        for name in sorted({*style.adapter, *head.adapter})
    }
    return Style(style.name, code.astype(np.float32), style.encoder, made, adapter)


def _joined(name: str, face: F32 | None, head: F32 | None) -> F32:
    """One adapted field: what of it moves the face from one style, what moves the head from the
    other; a style without an adapter changes nothing."""
    some = face if face is not None else head
    assert some is not None
    mine = np.zeros_like(some) if face is None else face.copy()
    theirs = np.zeros_like(some) if head is None else head
    if mine.shape != theirs.shape:
        raise PackageError(f"the adapters differ in the shape of {name[:40]!r}; make them again")
    # Within the decoder's StyleWeights; a field that is not named here moves the face alone.
    begin = {"head": 0, "rest": -len(POSE), "gain": some.shape[-1] // 2, "event": -1}.get(name)
    if begin is not None:
        mine[..., begin:] = theirs[..., begin:]
    return mine


def _too_large(file: str, size: int) -> PackageError:
    return PackageError(
        f"style file {file} has {size} bytes, expected at most {MAX_BYTES}; it is not a style"
    )


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
