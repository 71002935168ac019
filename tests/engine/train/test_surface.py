"""Materials of glTF and MToon as colours, shadows and uvs."""

import base64
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.train import gltf, surface, vrm
from engine.train.mesh import _folded, tile, weld
from tests.engine.train.glb import Writer, tiny

pytest.importorskip("pygltflib", reason="needs the extra 'import'")


def png(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def read(material: dict[str, Any], pixels: np.ndarray | None = None,
         change: Any = None) -> surface.Surface:  # fmt: skip
    writer: Writer = tiny()
    if pixels is not None:
        writer.put("images", {"uri": png(pixels)})
        writer.put("textures", {"source": 0})
    writer.put("materials", material)
    if change is not None:
        change(writer)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.glb"
        path.write_bytes(writer.data())
        found = gltf.read(path)
        return surface.read(found, vrm.read(found), 0, set())


def test_colours_are_srgb_and_shadows_are_darker() -> None:
    found = read({"name": "Hair 髪", "pbrMetallicRoughness": {"baseColorFactor": [0.2, 0.5, 1, 1]}})
    np.testing.assert_allclose(found.color, [0.4845, 0.7354, 1.0], atol=1e-3)
    assert found.name == "hair" and (found.tint < 1).all() and found.lit
    assert found.picture is None and found.visible and found.outlined is None


def test_a_factor_is_multiplied_into_the_picture() -> None:
    grey = np.full((4, 4, 3), 255, np.uint8)
    pbr = {"baseColorTexture": {"index": 0}, "baseColorFactor": [0.2140, 1, 1, 1]}
    found = read({"pbrMetallicRoughness": pbr}, grey)
    assert found.picture is not None and found.picture[0, 0].tolist() == [127, 255, 255]


def test_toon_shading_of_both_versions() -> None:
    new = read({"extensions": {"VRMC_materials_mtoon": {
        "shadeColorFactor": [0.2140, 0.2140, 0.2140], "shadingShiftFactor": -0.2,
        "shadingToonyFactor": 0.8, "outlineWidthMode": "worldCoordinates",
        "outlineColorFactor": [0, 0, 0]}}})  # fmt: skip
    np.testing.assert_allclose(new.tint, 0.5, atol=0.01)
    assert new.threshold == pytest.approx(0.2) and new.softness == pytest.approx(0.2)
    assert new.outlined and new.outline is not None and not new.outline.any()

    def old(writer: Writer) -> None:
        writer.tree["extensions"] = {"VRM": {"materialProperties": [{
            "shader": "VRM/MToon", "floatProperties": {"_ShadeShift": 0, "_ShadeToony": 0.8},
            "vectorProperties": {"_ShadeColor": [0.5, 0.5, 0.5, 1]}}]}}  # fmt: skip

    found = read({}, change=old)
    np.testing.assert_allclose(found.tint, 0.5, atol=0.01)
    assert found.threshold == pytest.approx(0.1) and found.outlined is False
    assert not read({"extensions": {"KHR_materials_unlit": {}}}).lit


def test_what_is_too_transparent_is_not_seen() -> None:
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[..., 3] = 90
    pbr = {"baseColorTexture": {"index": 0}}
    assert not read({"alphaMode": "BLEND", "pbrMetallicRoughness": pbr}, pixels).visible
    mask = read({"alphaMode": "MASK", "alphaCutoff": 0.3, "pbrMetallicRoughness": pbr}, pixels)
    assert mask.visible and mask.alpha is None  # nothing of it is cut
    pixels[4:, :, 3] = 0
    pixels[:4, :, 3] = 255
    pixels[:4, :, 0] = 200
    half = read({"alphaMode": "BLEND", "pbrMetallicRoughness": pbr}, pixels)
    assert half.alpha is not None and half.picture is not None
    assert half.picture[5, 4, 0] > 120  # colours run on under what is cut away


def test_texture_transform() -> None:
    info = {"index": 0, "extensions": {"KHR_texture_transform": {
        "offset": [0.25, 0.5], "scale": [2, 4], "rotation": np.pi / 2, "texCoord": 1}}}  # fmt: skip
    found = read({"pbrMetallicRoughness": {"baseColorTexture": info}},
                 np.zeros((4, 4, 3), np.uint8))  # fmt: skip
    assert found.uv_set == 1
    np.testing.assert_allclose(found.uv_turn @ [1, 0, 1], [0.25, -1.5], atol=1e-9)


def test_repeated_pictures_fold_back() -> None:
    uv = np.array([[3.1, -0.9], [3.4, -0.9], [3.4, -0.5], [1.9, 0.2], [2.3, 0.2], [2.3, 0.4]])
    moved, triangle, old, beyond = _folded(uv, np.array([[0, 1, 2], [3, 4, 5]]), (10497, 10497))
    np.testing.assert_allclose(moved[triangle[0]], [[0.1, 0.1], [0.4, 0.1], [0.4, 0.5]], atol=1e-9)
    np.testing.assert_allclose(moved[triangle[1]], [[0.9, 0.2], [1.3, 0.2], [1.3, 0.4]], atol=1e-9)
    assert beyond and sorted(old) == list(range(6))
    two = tile(np.arange(12, dtype=np.uint8).reshape(2, 2, 3), (33648, 10497))
    assert (
        two.shape == (4, 4, 3) and (two[:2, 2] == two[:2, 1]).all() and (two[2:] == two[:2]).all()
    )


def test_welding_follows_the_files_normals() -> None:
    at = np.zeros((4, 3))
    up, side = [0, 1.0, 0], [1.0, 0, 0]
    still, other = np.zeros(3), np.array([0, -0.2, 0])
    group = weld(at, np.array([up, up, side, up]), np.stack([still, still, still, other]))
    assert group[0] == group[1] and len(set(group)) == 3
