"""Tables of avatars and batches: what the numba line computes one by one."""

import gc

import numpy as np
import pytest

from engine.errors import FrameError
from engine.face.package import load
from engine.frames import Motion
from engine.render.figures import Batch, Figures, coloured, gathered
from engine.render.gbuffer import Visibility
from engine.render.setting import Setting
from engine.render.toon import Toon
from kernels.cuda.layout import FIGURE, View
from kernels.look import Scene
from tests.kernels.cuda.shim import Held, Shim

MIRA = load("mira")


def motion(seed: int) -> Motion:
    random = np.random.default_rng(seed)
    pose = np.float32(random.uniform(-1, 1, 6) * [60, 40, 40, 0.3, 0.2, 0.5])
    swing = np.float32(random.uniform(-9, 9, 3)) if seed % 2 else None
    return Motion(seed * 640, random.random(52, np.float32), pose, swing=swing)


def test_shapes_are_gathered_by_vertex_and_triangles_by_group() -> None:
    mesh, arrays = MIRA.mesh, gathered(Visibility(MIRA, 64, 64), MIRA)
    random = np.random.default_rng(0)
    weights = random.random(len(mesh.shape_scale)).astype(np.float32)
    dense = mesh.position.astype(float)
    for k, (first, last) in enumerate(zip(mesh.shape_start, mesh.shape_start[1:], strict=False)):
        move = mesh.shape_delta[first:last] * float(weights[k] * mesh.shape_scale[k])
        dense[mesh.shape_row[first:last]] += move
    for v in random.choice(len(dense), 60, replace=False):
        own = arrays["push"][arrays["push_start"][v] : arrays["push_start"][v + 1]]
        shape = own[:, 3].astype(int)
        assert (np.diff(shape) > 0).all()
        share = (weights * mesh.shape_scale)[shape, None]
        moved = arrays["rest"][v, :3] + (own[:, :3].view(np.int16) * share).sum(0)
        np.testing.assert_allclose(moved, dense[v], atol=1e-5)
        group = arrays["weld"][v]
        fan = arrays["fan"][arrays["fan_start"][group] : arrays["fan_start"][group + 1], :3]
        around = (mesh.weld[mesh.triangle] == mesh.weld[v]).sum(1)
        np.testing.assert_array_equal(fan, np.repeat(mesh.triangle, around, 0))


def test_a_batch_is_what_its_figures_compute_one_by_one() -> None:
    packages = [load("kenji"), MIRA, load("vix")]
    figures = Figures(Shim(), 120, 90)
    settings = [Setting(light=(0.2, 0.1, 1)), Setting(outline=0), Setting(outline=2)]
    rows = [figures.add(p, s) for p, s in zip(packages, settings, strict=True)]
    motions = [motion(n) for n in range(3)]
    batch = Batch.of(5, figures.most.shapes)
    figures.fill(batch, rows, motions)
    assert list(batch.who) == [0, 1, 2, 0, 0] and not batch.poses[3:].any()
    for b, (package, move) in enumerate(zip(packages, motions, strict=True)):
        seen, toon = Visibility(package, 120, 90), Toon(package, 120, 90, settings[b])
        weights = seen.figure.weights(move.weights)
        np.testing.assert_array_equal(batch.weights[b, : len(weights)], weights)
        poses, _ = seen.figure.poses(move.pose)
        np.testing.assert_allclose(batch.poses[b], poses, atol=2e-6)
        if move.swing is not None:
            np.testing.assert_allclose(batch.swings[b], seen.figure.swung(move.swing), atol=2e-6)
        view = batch.view[b]
        assert view[View.SWINGS] == (move.swing is not None)
        np.testing.assert_allclose(view[View.LIGHT_X : View.LIGHT_Z + 1], toon.light, rtol=1e-6)
        assert (view[View.LINE] > 0) == (settings[b].outline > 0)
        np.testing.assert_array_equal(batch.scene[b, : len(toon.scene)], toon.scene)
        assert batch.scene[b, Scene.NEAR] == view[View.NEAR_DM]


def test_settings_of_one_avatar_share_its_mesh() -> None:
    figures = Figures(Shim(), 64, 64, room=3)
    one = figures.add(MIRA)
    two = figures.add(MIRA, Setting(palette={"hair": "#112233"}))
    held = figures.rows
    assert isinstance(held, Held)
    rows = held.array
    assert rows.dtype == FIGURE and rows[one]["fan"] == rows[two]["fan"] != 0
    assert rows[one]["table"] != rows[two]["table"]
    assert (
        rows[one]["triangles"] == figures.most.triangles == len(Visibility(MIRA, 64, 64).triangles)
    )


def test_rows_are_freed_and_taken_again() -> None:
    figures = Figures(Shim(), 64, 64, room=1)
    row = figures.add(MIRA)
    with pytest.raises(FrameError, match="1 looks are on the device"):
        figures.add(MIRA)
    figures.remove(row)
    gc.collect()
    assert figures.add(load("kenji")) == row


def test_backdrops_are_words() -> None:
    toon = Toon(MIRA, 32, 48, Setting())
    words = coloured(toon)["backdrop"]
    bytes_ = words[..., None].view(np.uint8)
    np.testing.assert_array_equal(bytes_[..., :3], toon.backdrop)
