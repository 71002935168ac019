"""Pairs: further pictures of a person, laid under the portrait that one of them makes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import TrackingError
from engine.face.blendshapes import INDEX
from engine.face.package import Package
from engine.frames import BLENDSHAPES
from engine.train.neural import pairs
from engine.train.neural.inpaint import SIDE
from engine.train.neural.joint import Album
from engine.train.neural.pairs import PAGES, Look
from engine.train.neural.unwrap import SIZE, Unwrapped


def test_a_motion_of_the_rig_is_told_to_the_portrait(
    portrayed: Unwrapped, drawn: Package
) -> None:  # fmt: skip
    weights = np.zeros(BLENDSHAPES, np.float32)
    weights[INDEX["eyeBlinkLeft"]], weights[INDEX["jawOpen"]] = 1, 0.4
    found = pairs.seen(portrayed, drawn, weights, np.zeros(6, np.float32))
    assert found.weights[INDEX["eyeBlinkLeft"]] == 1
    assert found.weights[INDEX["jawOpen"]] == pytest.approx(0.4)
    calm = pairs.seen(portrayed, drawn, portrayed.weights, np.zeros(6, np.float32))
    assert np.abs(calm.weights).max() < 1e-6


def test_the_portrait_lies_over_its_own_picture(portrayed: Unwrapped, drawn: Package) -> None:
    shot = next(pairs.shots(portrayed, drawn, [Look(portrayed.picture, portrayed.points)]))
    assert shot.target.shape == (SIZE, SIZE, 3)
    np.testing.assert_array_equal(shot.target, portrayed.picture)
    assert np.abs(shot.motion).max() < 0.2
    assert (shot.region == 2).any()
    assert (shot.coverage > 0).mean() > 0.99  # the sheet covers all


def test_a_video_of_nobody_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # fmt: skip
    def unseen(*given: object) -> None:
        raise TrackingError("no face")

    blank = np.zeros((64, 64, 3), np.uint8)
    monkeypatch.setattr(pairs, "read", lambda path: iter([blank] * 3))
    monkeypatch.setattr(pairs, "marks", unseen)
    with pytest.raises(TrackingError, match="0 pictures show a face"):
        pairs.looks(tmp_path / "a.mp4", None, 1, 5)  # type: ignore[arg-type]


def test_clips_and_pages_are_written(
    monkeypatch: pytest.MonkeyPatch, portrayed: Unwrapped, tmp_path: Path
) -> None:
    monkeypatch.setattr(pairs, "unwrap", lambda *given: portrayed)

    def mounted(*given: object) -> Package:
        return _package[0]

    monkeypatch.setattr(pairs, "mount", mounted)
    look = Look(portrayed.picture, portrayed.points)
    found = pairs.pair(tmp_path, "you_0", look, [look, look], None, False)  # type: ignore[arg-type]
    assert found == 2
    album = Album(tmp_path)
    assert album.page["you_0"].shape == (SIDE, SIDE, 4)
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / PAGES / "you_0.png"))[32:-128, 32:-128, :3][:10],
        album.source(album.shots.clips[0])[:10],
    )


_package: list[Package] = []


@pytest.fixture(autouse=True)
def _kept(drawn: Package) -> None:
    _package[:] = [drawn]
