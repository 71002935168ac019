"""Training of the papers' systems: lessons, critics, a whole tiny run that can be continued."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import WeightsError
from engine.frames import BLENDSHAPES
from engine.motion.noise import UNIFORM, WIDTH
from engine.motion.prosody import FEATURES
from engine.nets.papers.speech import MOTION, PPG, Reference, Speech
from engine.nets.papers.system import PaperConfig, load
from engine.style.encoder import statistics
from engine.train import papers
from engine.train.drills import chances
from engine.train.paper_critics import Critics, sync_lesson
from engine.train.paper_lessons import REFERENCE, SHARES, PaperLessons
from engine.train.paper_mouth import POINTS, mouth
from engine.train.paper_references import TICKS, liveliest
from engine.train.paper_runs import PaperRecipe, teach
from engine.train.tracks import Track

RECIPE = PaperRecipe(steps=2, batch=4, crop=48, warmup=1)


def track(name: str, person: str, ticks: int = 320) -> Track:
    rng = np.random.default_rng(len(person))
    weights = (0.3 * rng.random((ticks, BLENDSHAPES))).astype(np.float16)
    pose = rng.standard_normal((ticks, 6)).astype(np.float32)
    return Track(
        name=name, person=person, ppg=rng.dirichlet(np.ones(80), (3, ticks)).astype(np.float16),
        aux=np.zeros((3, ticks, 6), np.float16),
        prosody=rng.standard_normal((ticks, 2 * FEATURES)).astype(np.float16),
        opening=np.where(np.arange(ticks) < 100, 0.0, 0.5).astype(np.float32),
        noise=np.zeros((ticks, WIDTH), np.float16), weights=weights, pose=pose,
        events=np.zeros((ticks, UNIFORM), np.uint8), mask=np.ones(BLENDSHAPES, np.float32),
        pose_mask=1.0, statistics=statistics(weights.astype(np.float32), pose),
    )  # fmt: skip


def some() -> list[Track]:
    return [track("neutral", "neutral"), track("calm", "calm"), track("real x", "x"),
            track("random", "random 00")]  # fmt: skip


def test_lessons_pair_speech_and_reference() -> None:
    lessons = PaperLessons(some(), 6, 48)
    lesson = lessons.draw(np.random.default_rng(0), paired=True)
    assert lesson.speech.ppg.shape == (6, 48, PPG) and lesson.motion.shape == (6, 48, MOTION)
    assert lesson.reference.motion.shape == (6, REFERENCE, MOTION)
    torch.testing.assert_close(lesson.reference.motion[:, :48], lesson.motion)
    loose = lessons.draw(np.random.default_rng(0))
    assert not torch.equal(loose.reference.motion[:, :48], loose.motion)
    with pytest.raises(ValueError, match="none longer"):
        PaperLessons([track("neutral", "neutral", 60)], 4, 48)


def test_chances_are_those_of_the_decoder() -> None:
    found = chances(some(), SHARES)
    assert found.sum() == pytest.approx(1.0 - 0.15) or found.sum() == pytest.approx(1.0)
    assert found[0] == pytest.approx(found[1]) and found[2] > 0


def test_liveliest_stretch_is_where_something_is_said() -> None:
    assert 100 <= liveliest(track("neutral", "neutral")) <= 320 - TICKS


def test_mouth_is_linear_in_the_blendshapes() -> None:
    basis, rest = mouth("mira")
    assert basis.shape == (BLENDSHAPES, POINTS, 3) and rest.shape == (POINTS, 3)
    assert np.abs(basis[24]).max() > 0.1, "the jaw moves the mouth"
    assert np.abs(basis[0]).max() < 0.05, "a brow does not"


def test_sync_lesson_prefers_what_belongs_together() -> None:
    torch.manual_seed(0)
    lessons = PaperLessons(some(), 4, 48)
    critics = Critics(4)
    loss = sync_lesson(critics.sync, lessons.draw(np.random.default_rng(0)))
    assert torch.isfinite(loss) and loss.requires_grad


@pytest.mark.parametrize(
    "config",
    [
        PaperConfig("vast", "vast", enhanced=False),
        PaperConfig("fusion", "styletalk"),
        PaperConfig("face", "styletalk", without=("sync",)),
        PaperConfig("head", "styletalk"),
        PaperConfig("transfer", "templates"),
    ],
    ids=lambda c: c.family,
)
def test_systems_learn_and_travel(config: PaperConfig, tmp_path: Path) -> None:
    lessons = PaperLessons(some(), 4, 48)
    system, about = teach("x", config, lessons, Critics(len(lessons.people)), RECIPE)
    assert all(np.isfinite(v) for v in about["loss"].values())
    path = tmp_path / "x.safetensors"
    system.save(path, about)
    again = load(path)
    assert again.config == config
    x = Speech(torch.rand(1, 6, PPG), torch.randn(1, 6, 12))
    reference = Reference(torch.rand(1, 40, MOTION), torch.rand(1, 40, 80))
    with torch.no_grad():
        made = [one.step(x, one.init_state(1, one.encode(reference)))[0] for one in (system, again)]
    torch.testing.assert_close(made[0], made[1], atol=2e-2, rtol=0)  # half precision


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not found"):
        load(tmp_path / "none.safetensors")
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"\x10" + bytes(40))
    with pytest.raises(WeightsError, match="does not fit"):
        load(path)


def test_tiny_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        papers.main(["--tiny"])
    runs = ["fusion", "transfer", "face_no_split", "adapted"]
    some_runs = ["--tiny", "--out", str(tmp_path), "--only", *runs]
    assert papers.main(some_runs) == 0
    found = {path.name for path in tmp_path.iterdir()}
    assert {"fusion.safetensors", "transfer.safetensors", "references.safetensors",
            "critics.safetensors", "transfer_singing_ballad.safetensors"} <= found  # fmt: skip
    times = {name: (tmp_path / name).stat().st_mtime_ns for name in found}
    assert papers.main(["--tiny", "--out", str(tmp_path), "--only", "fusion"]) == 0
    kept = "fusion.safetensors"
    assert (tmp_path / kept).stat().st_mtime_ns == times[kept]
