"""A recipe becomes a package that the loader accepts."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.errors import PackageError
from engine.face.blendshapes import ARKIT
from engine.face.package import ASSETS, load
from engine.train.avatar import main, read
from engine.train.bust import neck_weight, smooth
from engine.train.pack import sparse


def test_sparse_shapes_are_close_to_the_dense_ones() -> None:
    random = np.random.default_rng(1)
    shapes = random.normal(size=(52, 30, 3)) * (random.random((52, 30, 1)) > 0.7) * 0.1
    shapes[7] = 0
    packed = sparse(shapes)
    for k in range(52):
        rows = slice(packed["shape_start"][k], packed["shape_start"][k + 1])
        dense = np.zeros((30, 3))
        dense[packed["shape_row"][rows]] = packed["shape_delta"][rows] * packed["shape_scale"][k]
        np.testing.assert_allclose(dense, shapes[k], atol=2e-3)


def test_neck_weight_runs_from_shoulder_to_jaw() -> None:
    points = np.array([[0, y, -0.3] for y in np.linspace(-2.0, 0.0, 50)])
    weight = neck_weight(points)
    assert weight[0] == 0 and weight[-1] == 1 and (np.diff(weight) >= 0).all()
    assert np.abs(np.diff(weight)).max() < 0.12
    assert smooth(0, 1, np.array([-1.0, 0.5, 2.0])).tolist() == [0, 0.5, 1]


def test_a_recipe_becomes_a_package(tmp_path: Path) -> None:
    source = ASSETS / "vix" / "recipe.json"
    assert main([str(source), "--quick", "--out", str(tmp_path)]) == 0
    package = load(tmp_path / "vix")
    assert package.name == "vix" and "CC0" in package.licence
    assert read(tmp_path / "vix" / "recipe.json") == read(source)
    mesh = package.mesh
    assert len(mesh.shape_scale) >= len(ARKIT) and np.isfinite(mesh.position).all()
    assert len(mesh.triangle) < 22_000
    materials = {material.name for material in package.manifest.materials}
    assert {"skin", "eye", "teeth", "tongue", "lash"} <= materials
    inks = {layer.ink for layer in package.manifest.textures["skin"].layers}
    assert {"fur_light", "fur_dark", "mouth_line"} <= inks


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hair": {"cut": "mullet"}}, "mullet.*bob"),
        ({"identity": {"targets": {"head-ovl": 1}}}, "head-oval"),
    ],
)
def test_a_recipe_of_unknown_things_names_the_choices(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    plain = {"format": "vivify-recipe", "version": 1, "name": "a", "title": "A"}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(plain | change))
    with pytest.raises(PackageError, match=message):
        main([str(path), "--quick", "--out", str(tmp_path)])


def test_a_missing_or_broken_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="cannot be read"):
        read(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(PackageError, match="bad.json is not valid JSON"):
        read(tmp_path / "bad.json")
