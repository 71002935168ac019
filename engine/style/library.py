"""StyleLibrary: many named styles in one file, and the encoder they were made with.

Contract: read-only; the bundled one is `engine/assets/styles.safetensors`.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from engine.errors import PackageError
from engine.frames import F32
from engine.runtime import ASSETS
from engine.style.code import Style, unpack
from engine.style.encoder import Encoder

BUNDLED = ASSETS / "styles.safetensors"
DEFAULT = "neutral"
_PREFIX, _REFERENCE = "style.", "reference."


class StyleLibrary:
    """Look up styles by name. Raises PackageError when the file is missing or broken."""

    def __init__(self, path: Path | str = BUNDLED) -> None:
        path = Path(path)
        if not path.is_file():
            raise PackageError(
                f"style library {path.name} not found in {path.parent}; it is part of the "
                "checkout: restore it with git"
            )
        self._styles, self.encoder, self._references = _read(path, path.stat().st_mtime_ns)

    def names(self) -> list[str]:
        """Names of the styles, the default one first."""
        return sorted(self._styles, key=lambda name: (name != DEFAULT, name))

    def get(self, name_or_path: str | Path) -> Style:
        """A style by name, or from a `.style` file. Raises PackageError."""
        name = str(name_or_path)
        if name in self._styles:
            return self._styles[name]
        if name.endswith(".style") or os.path.isfile(name):
            return Style.load(name)
        raise PackageError(
            f"style {name[:80]!r} is unknown; expected one of {self.names()} or a .style file"
        )

    def references(self) -> dict[str, F32]:
        """Style name -> statistics (engine.style.encoder) of clips of that style which its code was
        not made from: what motion in the style should be like. Styles without such clips lack."""
        return dict(self._references)


def blend(a: Style, b: Style, weight: float) -> Style:
    """The style `weight` of the way from `a` (0) to `b` (1). Raises PackageError outside [0, 1]."""
    if not 0.0 <= weight <= 1.0:
        raise PackageError(f"blend weight is {weight}, expected 0 to 1")
    code = np.asarray((1.0 - weight) * a.code + weight * b.code, np.float32)
    name = f"{a.name[:24]}+{b.name[:24]} {weight:.2f}"
    made = f"blend of {a.name} and {b.name}, weight {weight:.3f}"
    return Style(name, code, a.encoder, made, _between(a.adapter, b.adapter, weight))


def _between(a: Mapping[str, F32], b: Mapping[str, F32], weight: float) -> dict[str, F32]:
    """Adapters part of the way; a style without one changes nothing."""
    mixed = {}
    for name in sorted({*a, *b}):
        some = a[name] if name in a else b[name]
        left, right = a.get(name, np.zeros_like(some)), b.get(name, np.zeros_like(some))
        if left.shape != right.shape:
            raise PackageError(
                f"the adapters differ in the shape of {name[:40]!r}; make both styles again"
            )
        mixed[name] = np.asarray((1.0 - weight) * left + weight * right, np.float32)
    return mixed


@cache
def _read(path: Path, changed: int) -> tuple[dict[str, Style], Encoder, dict[str, F32]]:
    """Styles, encoder and reference statistics of a library file; read once per process and
    version of the file (`changed`)."""
    tensors, header = unpack(path.read_bytes(), path.name)
    try:
        encoder = Encoder(*(tensors[f"encoder.{k}"] for k in ("mean", "scale", "face", "head")))
        styles = {
            name: Style(name, tensors[_PREFIX + name], header["encoder"], made)
            for name, made in header["styles"].items()
        }
        references = {
            name: tensors[_REFERENCE + name] for name in styles if _REFERENCE + name in tensors
        }
    except (KeyError, AttributeError) as error:
        raise PackageError(
            f"style library {path.name} lacks {error}; restore it with git"
        ) from error
    return styles, encoder, references
