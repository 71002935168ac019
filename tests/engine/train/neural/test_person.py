"""What is held out of a person's videos is never trained on."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytest import MonkeyPatch

from engine.errors import TrackingError
from engine.eval.ssim import psnr
from engine.face.learned import FILE
from engine.face.package import ASSETS, Package
from engine.nets.unet import UNetConfig
from engine.tracker.models import Models
from engine.train.bust import I64
from engine.train.neural import person
from engine.train.neural.course import TINY, fit
from engine.train.neural.filming import SIZE, Camera, Scene
from engine.train.neural.footage import Footage, pictures
from engine.train.neural.shots import Shots
from engine.train.neural.showing import CLIP, NEAREST, PLATE, WARPED, Gallery


def clips(count: int, frames: int) -> list[Footage]:
    empty = np.zeros((frames, 0), np.float32)
    return [
        Footage(Path(f"{i}.mp4"), np.arange(frames), np.arange(frames) * 640, empty, empty,
                np.zeros(0, np.float32))
        for i in range(count)
    ]  # fmt: skip


def test_of_few_videos_the_end_is_held_out() -> None:
    taught, held = person.split(clips(2, 400), 0.25)
    assert taught == [slice(0, 300)] * 2
    assert held == [slice(300, None)] * 2


def test_of_many_videos_whole_ones_are() -> None:
    taught, held = person.split(clips(10, 75), 0.2)
    assert [t is None for t in taught] == [h is not None for h in held]
    assert sum(t is None for t in taught) == 2


def test_nothing_is_held_out_unless_asked() -> None:
    taught, held = person.split(clips(3, 200), 0.0)
    assert held == [None] * 3 and taught == [slice(0, None)] * 3


def test_too_little_is_refused() -> None:
    with pytest.raises(TrackingError, match="4.0 s"):
        person.split(clips(1, 100), 0.0)


def test_a_part_too_short_to_measure_is_refused_before_training() -> None:
    with pytest.raises(TrackingError, match="0.4 s of 0.mp4"):
        person.split(clips(1, 1000), 0.01)


def test_a_video_becomes_a_package_that_draws_its_person(
    fitted: tuple[Package, I64], scene: Scene, tmp_path: Path
) -> None:
    package, vertex = fitted
    source = tmp_path / "avatar"
    shutil.copytree(ASSETS / "mira", source)
    (source / FILE).unlink(missing_ok=True)
    camera = Camera(package, vertex)
    parts = [(scene, slice(0, 5))]
    plates = person.film(tmp_path / "shots", package, camera, parts, [(scene, slice(5, None))])
    shots = Shots(tmp_path / "shots")
    assert sorted(clip.about["mode"] for clip in shots.train) == ["clip", "plate"]
    assert len(shots.held) == 2 and len(shots) == 10
    config = UNetConfig.of("small", x2=False)
    painter, about = fit(shots, config, replace(TINY, steps=8), tmp_path / "work", eye=None)
    person._sign(source, person._likeness("Mira"), plates["mira"])
    made = person.bind(source, tmp_path / "out", camera, painter, about, spoken=False)
    assert made.manifest.likeness is not None and made.manifest.likeness.consent is not None
    assert made.learned is not None and made.learned.config.default
    gallery = Gallery(made, camera, parts)
    truth = list(pictures(scene.footage, SIZE))[6]
    drawn = gallery.draw(scene, 6, truth, plates["mira"])
    assert set(drawn) == {CLIP, PLATE, NEAREST, WARPED}
    # What lies outside the face is its own surroundings, whatever was learnt in eight steps.
    outside = ~camera.hole(scene.motion(6), 0.09)
    assert (drawn[WARPED][outside] == truth[outside]).all()
    assert psnr(drawn[CLIP], truth) > 15


def test_consent_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        person.main(["clip.mp4", "--out", "nowhere"])
    assert "--consent" in capsys.readouterr().err


def test_consent_that_no_package_could_hold_is_refused_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert person.main(["a.mp4", "--out", str(tmp_path), "--consent", "two\nlines"]) == 2
    assert "--consent" in capsys.readouterr().err


def test_a_missing_video_is_an_error_in_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, models: Models, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr(person, "networks", lambda path: models)
    video = str(tmp_path / "a.mp4")
    assert person.main([video, "--out", str(tmp_path / "out"), "--consent", "me"]) == 2
    assert "there is no video" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        person.main([video, "--out", str(tmp_path), "--consent", "me", "--hold-out", "2"])
    assert "--hold-out is 2.0" in capsys.readouterr().err
