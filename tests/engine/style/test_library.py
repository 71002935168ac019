"""Bundled styles can be looked up, told apart and blended."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import PackageError
from engine.style.code import Style
from engine.style.encoder import CODE, STATISTICS
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


def test_blends_move_monotonically() -> None:
    library = StyleLibrary()
    a, b = library.get("calm"), library.get("theatrical")
    way = [blend(a, b, w).code for w in np.linspace(0, 1, 6)]
    far = [float(np.linalg.norm(code - a.code)) for code in way]
    assert (np.diff(far) > 0.1).all()
    amplitude = [float(np.dot(code - a.code, b.code - a.code)) for code in way]
    assert (np.diff(amplitude) > 0).all()


def test_adapters_blend_too() -> None:
    code = np.zeros(CODE, np.float32)
    a = Style("a", code, adapter={"rest": np.full(58, 1.0, np.float32)})
    b = Style("b", code, adapter={"head": np.full(12, 2.0, np.float32)})
    mixed = blend(a, b, 0.25).adapter
    np.testing.assert_allclose(mixed["rest"], 0.75)
    np.testing.assert_allclose(mixed["head"], 0.5)
    with pytest.raises(PackageError, match="shape"):
        blend(a, Style("c", code, adapter={"rest": np.zeros(3, np.float32)}), 0.5)


def test_references_are_other_clips_of_the_bundled_styles() -> None:
    library = StyleLibrary()
    for name, row in library.references().items():
        assert name in library.names() and row.shape == (STATISTICS,) and np.isfinite(row).all()
        # The code of the other half of its clips is nearer to its own than to any other.
        own = library.encoder.project(row)
        apart = {n: float(np.linalg.norm(library.get(n).code - own)) for n in library.names()}
        assert min(apart, key=lambda n: apart[n]) == name


def test_broken_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "styles.safetensors").write_bytes(b"nothing")
    with pytest.raises(PackageError):
        StyleLibrary(tmp_path / "styles.safetensors")
    with pytest.raises(PackageError, match="not found"):
        StyleLibrary(tmp_path / "absent.safetensors")
