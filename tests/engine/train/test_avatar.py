"""A recipe becomes a package that the loader accepts."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from engine.errors import PackageError
from engine.face.blendshapes import ARKIT
from engine.face.package import ASSETS, Package, load
from engine.train.avatar import build, main, read
from engine.train.bust import neck_weight, smooth
from engine.train.clay import Clay
from engine.train.pack import sparse
from engine.train.recipe import parse

PLAIN = {"format": "vivify-recipe", "version": 1, "name": "a", "title": "A"}


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
        ({"wears": ["glasses"]}, "thing to wear 'glasses'.*sunglasses"),
        ({"wears": ["cap", "studs", "beanie"]}, "cap and beanie, both on the head"),
        ({"wears": ["glasses_round", "sunglasses"]}, "both before the eyes: keep one"),
        ({"wears": ["studs", "studs"]}, "studs and studs, both at the ear lobes"),
    ],
)
def test_a_recipe_of_unknown_things_names_the_choices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object], message: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(PLAIN | change))
    assert refused(path, tmp_path / "out", capsys, message)
    assert not (tmp_path / "out" / "a").exists()


def refused(path: Path, out: Path, capsys: pytest.CaptureFixture[str], message: str) -> bool:
    """Whether the command ends with status 2 and one line that matches."""
    assert main([str(path), "--quick", "--out", str(out)]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    return bool(re.search(f"engine.train avatar: {re.escape(str(path))}.*{message}", last))


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(PLAIN))
    (tmp_path / "file").write_text("")
    assert refused(path, tmp_path / "file", capsys, "cannot be written to .*file")


def test_two_recipes_of_one_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(json.dumps(PLAIN))
    assert main([str(tmp_path / "one.json"), str(tmp_path / "two.json")]) == 2
    assert "both named a" in capsys.readouterr().err


def test_a_package_that_fails_the_checks_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "avatar.json").write_text("the old one")

    def broken(folder: Path) -> Package:
        raise PackageError("broken")

    monkeypatch.setattr("engine.train.avatar.load", broken)
    with pytest.raises(PackageError, match="broken"):
        build(parse(PLAIN), Clay.load(), tmp_path / "a", quick=True)
    assert (tmp_path / "a" / "avatar.json").read_text() == "the old one"
    assert [p.name for p in tmp_path.rglob("*")] == ["a", "avatar.json"]


def test_triangles_are_counted_and_many_are_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mira = load("mira")
    monkeypatch.setattr("engine.train.avatar.build", lambda *_: mira)
    path = str(ASSETS / "mira" / "recipe.json")
    assert main([path, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert f"mira: {len(mira.mesh.triangle)} triangles (skin" in said.out
    assert "more than" not in said.err
    monkeypatch.setattr("engine.train.pack.FAST", 100)
    assert main([path, "--out", str(tmp_path)]) == 0
    assert "more than 100 triangles" in capsys.readouterr().err


def test_a_missing_or_broken_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="cannot be read"):
        read(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(PackageError, match="bad.json is not valid JSON"):
        read(tmp_path / "bad.json")
