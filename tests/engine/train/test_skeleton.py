"""Node trees: world matrices, and arms that are spread."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from engine.train import gltf, scene, vrm
from engine.train.skeleton import lower_arms, walk
from tests.engine.train.glb import Writer, tiny

pytest.importorskip("pygltflib", reason="needs the extra 'import'")


def read(writer: Writer) -> gltf.Gltf:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.glb"
        path.write_bytes(writer.data())
        return gltf.read(path)


def test_transforms_multiply_down_the_tree() -> None:
    writer = tiny()
    half = float(np.sqrt(0.5))
    writer.tree["nodes"] = [
        {"children": [1], "rotation": [0, half, 0, half], "translation": [1, 2, 3]},
        {"translation": [1, 0, 0], "scale": [2, 2, 2], "children": [2]},
        {"matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 5, 0, 1]},
    ]
    tree = walk(read(writer))
    np.testing.assert_allclose(tree.world[1][:3, 3], [1, 2, 2], atol=1e-9)
    np.testing.assert_allclose(tree.world[2][:3, 3], [1, 12, 2], atol=1e-9)
    assert tree.below(1) == {1, 2}


@pytest.mark.parametrize("sign", [1, -1])
def test_spread_arms_are_lowered_and_hanging_ones_stay(sign: int) -> None:
    writer = tiny()
    side = "left" if sign > 0 else "right"
    writer.tree["nodes"] += [
        {"translation": [0.2 * sign, 1.4, 0], "children": [2]},
        {"translation": [0.3 * sign, 0, 0], "children": [3]},
        {"translation": [0.2 * sign, 0, 0]},
    ]
    writer.tree["scenes"][0]["nodes"] = [0, 1]
    tree = walk(read(writer))
    bones = {f"{side}UpperArm": 1, f"{side}LowerArm": 2}
    lower_arms(tree, bones)
    np.testing.assert_allclose(tree.world[1][:3, 3], [0.2 * sign, 1.4, 0], atol=1e-9)
    elbow, hand = tree.world[2][:3, 3], tree.world[3][:3, 3]
    assert 0.2 < elbow[0] * sign < 0.35 and elbow[1] < 1.15
    assert np.linalg.norm(hand - elbow) == pytest.approx(0.2)
    before = hand.copy()
    lower_arms(tree, bones)
    np.testing.assert_array_equal(tree.world[3][:3, 3], before)


def test_a_skin_carries_its_vertices() -> None:
    writer = tiny()
    writer.put("nodes", {"name": "Head", "translation": [0, 1, 0]})
    bind = np.eye(4, dtype=np.float32)
    bind[1, 3] = -0.5  # bound half a metre lower than it stands now
    writer.put("skins", {"joints": [1], "inverseBindMatrices": writer.array(bind.T[None])})
    writer.tree["nodes"][0] |= {"skin": 0, "translation": [9, 9, 9]}  # a skin overrules its node
    writer.tree["scenes"][0]["nodes"] = [0, 1]
    writer.tree["meshes"][0]["primitives"][0]["attributes"] |= {
        "JOINTS_0": writer.array(np.zeros((357, 4), np.uint8)),
        "WEIGHTS_0": writer.array(np.tile(np.array([255, 0, 0, 0], np.uint8), (357, 1)), True),
    }
    found = read(writer)
    body = scene.assemble(found, vrm.read(found))
    plain = read(tiny())
    rest = scene.assemble(plain, vrm.read(plain))
    np.testing.assert_allclose(body.position, rest.position + [0, 0.5, 0], atol=1e-6)
    assert body.share["head"].min() == 1 and not rest.share["head"].any()
