"""One picture becomes a package that shows it, and moves; unfit pictures are refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import TrackingError
from engine.face.blendshapes import INDEX
from engine.face.package import Package
from engine.frames import BLENDSHAPES, F32, U8, Motion
from engine.render.neural import Neural
from engine.render.renderer import Renderer
from engine.tracker.models import Models
from engine.train.neural import portrait
from engine.train.neural.unwrap import SIZE, Unwrapped, unwrap

_FACE = np.s_[150:380, 150:360]


def _calm() -> Motion:
    return Motion(0, np.zeros(BLENDSHAPES, np.float32), np.zeros(6, np.float32))


def _apart(one: U8, other: U8) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


def test_the_package_shows_the_picture(portrayed: Unwrapped, drawn: Package) -> None:
    found = Neural(drawn, SIZE).render_rgb(_calm())
    assert _apart(found[_FACE], portrayed.picture[_FACE]) < 5
    # Around the face nothing moves: it is the picture, pixel by pixel.
    assert _apart(found[420:, :100], portrayed.picture[420:, :100]) < 1


def test_it_talks_blinks_and_turns(portrayed: Unwrapped, drawn: Package) -> None:
    neural = Neural(drawn, SIZE)
    calm = neural.render_rgb(_calm())
    truth = Renderer(portrayed.package, SIZE)
    for weights, pose in (({"jawOpen": 0.6}, 0), ({}, 12.0)):
        motion = _calm()
        for name, value in weights.items():
            motion.weights[INDEX[name]] = value
        motion.pose[0] = pose
        wanted, found = truth.render_rgb(motion), neural.render_rgb(motion)
        assert _apart(found[_FACE], wanted[_FACE]) < 0.8 * _apart(calm[_FACE], wanted[_FACE])


def test_it_says_whom_it_shows_and_has_two_looks(portrayed: Unwrapped, drawn: Package) -> None:
    assert drawn.manifest.likeness is not None
    assert drawn.learned is not None
    assert drawn.learned.config.kind == "portrait"
    toon = Renderer(drawn, SIZE).render_rgb(_calm())
    assert _apart(toon[_FACE], portrayed.picture[_FACE]) < 8


def test_a_photo_of_a_drawing_is_unwrapped(
    portrayed: Unwrapped, models: Models, tmp_path: Path
) -> None:  # fmt: skip
    found = unwrap(portrayed.picture, models, tmp_path / "rig", "you")
    inner = found.screen()[found.vertex[[1, 13, 33, 263, 61, 291]], :2]
    seen = found.points[[1, 13, 33, 263, 61, 291], :2]
    assert np.linalg.norm(inner - seen, axis=1).max() < 6


def test_unfit_pictures_are_refused(
    monkeypatch: pytest.MonkeyPatch, models: Models, tmp_path: Path
) -> None:  # fmt: skip
    blank = np.full((200, 200, 3), 90, np.uint8)
    with pytest.raises(TrackingError, match="no face"):
        unwrap(blank, models, tmp_path / "a", "you")
    small = np.zeros((478, 3), np.float32)
    small[152, 1] = 30.0
    found: F32 = small
    monkeypatch.setattr("engine.train.neural.unwrap.marks", lambda rgb, models: found)
    with pytest.raises(TrackingError, match="30 pixels high"):
        unwrap(blank, models, tmp_path / "b", "you")


def test_the_command_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    base = ["--out", str(tmp_path / "out")]
    assert portrait.main([str(tmp_path / "none.png"), *base, "--consent", "me"]) == 2
    assert "cannot be read" in capsys.readouterr().err
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert portrait.main([str(tmp_path / "a.png"), *base, "--consent", "two\nlines"]) == 2
    assert "by" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
