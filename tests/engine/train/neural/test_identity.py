"""A rig fitted to landmarks lies on them, at rest as the person mostly is."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import TrackingError
from engine.face.blendshapes import INDEX
from engine.face.mesh import Figure
from engine.face.package import ASSETS, load
from engine.frames import BLENDSHAPES, Motion
from engine.render.renderer import Renderer
from engine.train.avatar import read
from engine.train.clay import Clay
from engine.train.neural.alignment import POINTS, Aligner
from engine.train.neural.identity import anchored, sit

SIZE, LOOKS = 256, 8


def test_a_persons_mesh_lies_on_their_landmarks(tmp_path: Path) -> None:
    package = load("mira")
    vertex = anchored(Clay.load(), read(ASSETS / "mira" / "recipe.json"), package)
    rng = np.random.default_rng(0)
    weights = np.zeros((LOOKS, BLENDSHAPES), np.float32)
    weights[:, INDEX["jawOpen"]] = rng.uniform(0, 0.5, LOOKS)
    points = np.zeros((LOOKS, 478, 3), np.float32)
    figure, camera = Figure(package), package.manifest.camera
    for row, own in zip(points, weights, strict=True):
        # A person who sits a little turned and low.
        pose = np.array([8 + rng.normal(0, 2), -4 + rng.normal(0, 2), 3, 0.02, -0.04, 0])
        posed = figure.vertices(Motion(0, own, pose.astype(np.float32)))[vertex]
        row[:POINTS] = camera.project(posed, SIZE, SIZE)
        row[:POINTS, 2] = -posed[:, 2] * SIZE / (2 * 1.8)  # depth in pixels, towards the camera
    rgb = Renderer(package, SIZE).render_rgb(Motion(0, weights[0], np.zeros(6, np.float32)))
    found = sit(
        points, weights, (rgb, points[0]), tmp_path / "you", SIZE, "you", quick=True, looks=LOOKS
    )
    assert found.error < 2.5
    assert load(tmp_path / "you").name == "you"
    assert not found.package.mesh.breath.any() and not found.package.mesh.loose.any()
    # A Motion of zeros is the person as they mostly are.
    mine = Aligner(found.package, found.vertex, SIZE)
    at_rest = mine.project(np.zeros(BLENDSHAPES, np.float32), np.zeros(6))
    usual = np.median(points[:, :POINTS, :2], axis=0)
    nose = np.array([1, 4, 168, 6])
    assert np.abs(at_rest[nose] - usual[nose]).max() < 5


def test_too_few_frames_are_refused(tmp_path: Path) -> None:
    points, weights = np.zeros((3, 478, 3), np.float32), np.zeros((3, 52), np.float32)
    with pytest.raises(TrackingError, match="3 frames"):
        sit(points, weights, (np.zeros((8, 8, 3), np.uint8), points[0]), tmp_path, 8, "you")
