"""Bundled styles can be looked up, told apart and blended."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import PackageError
from engine.style.library import DEFAULT, StyleLibrary, blend


def test_bundled_styles() -> None:
    names = StyleLibrary().names()
    assert names[0] == DEFAULT == "neutral" and len(names) >= 4
    assert {"cheerful", "calm", "emphatic"} <= set(names)
    codes = np.stack([StyleLibrary().get(name).code for name in names])
    apart = np.linalg.norm(codes[:, None] - codes[None], axis=2)
    assert apart[~np.eye(len(names), dtype=bool)].min() > 1.0


def test_unknown_style_names_the_known_ones() -> None:
    with pytest.raises(PackageError, match="neutral"):
        StyleLibrary().get("nosuch")


def test_a_path_is_a_style_too(tmp_path: Path) -> None:
    library = StyleLibrary()
    mixed = blend(library.get("neutral"), library.get("cheerful"), 0.5)
    mixed.save(tmp_path / "mix.style")
    assert library.get(tmp_path / "mix.style").name == mixed.name


def test_blend_ends_and_middle() -> None:
    library = StyleLibrary()
    a, b = library.get("neutral"), library.get("emphatic")
    np.testing.assert_array_equal(blend(a, b, 0.0).code, a.code)
    np.testing.assert_array_equal(blend(a, b, 1.0).code, b.code)
    np.testing.assert_allclose(blend(a, b, 0.5).code, (a.code + b.code) / 2, atol=1e-6)
    with pytest.raises(PackageError, match="weight"):
        blend(a, b, 1.2)


def test_broken_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "styles.safetensors").write_bytes(b"nothing")
    with pytest.raises(PackageError):
        StyleLibrary(tmp_path / "styles.safetensors")
    with pytest.raises(PackageError, match="not found"):
        StyleLibrary(tmp_path / "absent.safetensors")
