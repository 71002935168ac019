"""What some pose shows stays, with its neighbours; what none shows goes."""

from dataclasses import replace

import numpy as np
import pytest

from engine.face.package import Package, load
from engine.render.renderer import Renderer
from engine.train import prune
from tests.golden.pictures import motion


def with_core(package: Package) -> Package:
    """The avatar with a small triangle in the middle of its skull, the last one."""
    mesh, count = package.mesh, len(package.mesh.position)
    core = np.array([[0, 0.3, -0.6], [0.02, 0.3, -0.6], [0, 0.32, -0.6]], np.float32)
    names = ("uv", "outline", "proxy", "ambient", "loose", "breath")
    rows = {name: getattr(mesh, name) for name in names}
    grown = {name: np.concatenate([row, row[:3]]) for name, row in rows.items()}
    weld = int(mesh.weld.max()) + 1 + np.arange(3)
    return replace(package, mesh=replace(
        mesh, **grown,
        position=np.concatenate([mesh.position, core]),
        neck=np.concatenate([mesh.neck, np.ones(3, np.float32)]),
        weld=np.concatenate([mesh.weld, weld]).astype(np.int32),
        triangle=np.concatenate([mesh.triangle, [count + np.arange(3)]]).astype(np.int32),
        material=np.append(mesh.material, mesh.material[0]),
    ))  # fmt: skip


def test_only_what_is_never_seen_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    motions = [motion(), motion((40, 0, 0, 0, 0, 0), jawOpen=1.0), motion((-40, 0, 0, 0, 0, 0))]
    monkeypatch.setattr(prune, "_motions", lambda: motions)
    monkeypatch.setattr(prune, "SIZE", 256)
    package = with_core(load("mira"))
    mesh = package.mesh
    keep = prune.seen(package)
    assert not keep[-1] and 0.3 < keep.mean() < 1
    assert keep[mesh.neck[mesh.triangle].min(1) < 1].all()  # cloth and neck, seen or not
    tensors = {"triangle": mesh.triangle, "material": mesh.material, "uv": mesh.uv}
    left = prune.prune(tensors, package)
    assert len(left["triangle"]) == len(left["material"]) == keep.sum()
    assert left["uv"] is tensors["uv"]
    fewer = replace(
        package, mesh=replace(mesh, triangle=left["triangle"], material=left["material"])
    )
    whole, small = Renderer(package, 256), Renderer(fewer, 256)
    for posed in motions:
        same = whole.gbuffer(posed).mask == small.gbuffer(posed).mask
        assert same.mean() > 0.9995


def test_all_poses_within_reach_are_tried() -> None:
    motions = prune._motions()
    poses = np.stack([m.pose for m in motions])
    assert (poses.min(0) <= [-42, -28, -26, -0.2, -0.15, 0]).all()
    assert (poses.max(0) >= [42, 28, 26, 0.2, 0.15, 0.35]).all()
    assert {m.weights.max() for m in motions} == {0.0, 1.0}
