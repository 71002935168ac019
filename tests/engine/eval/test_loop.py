"""The closed loop holds for the whole cast, and notices what is broken on purpose."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine.eval import image, loop
from engine.eval.signs import SIGNS
from engine.face import package
from engine.face.blendshapes import ARKIT, INDEX
from engine.frames import Motion
from engine.render.renderer import Renderer
from engine.tracker.models import Models

Change = Callable[[Motion], Motion]
DRILLS = {drill.name: drill for drill in loop.DRILLS}
KEY = [DRILLS[name] for name in ("jaw", "lid_left", "lid_right", "gaze_x", "yaw", "roll")]


@pytest.fixture(scope="session")
def models(networks: Path) -> Models:
    pytest.importorskip("ai_edge_litert", reason="needs the extra `tracker`")
    return Models.load(networks)


@cache
def renderer(avatar: str) -> Renderer:
    return Renderer(avatar, loop.SIZE)


def swapped(told: Motion) -> Motion:
    """Left done by the right side and the other way round."""
    weights = told.weights.copy()
    for name in ARKIT:
        if name.endswith("Left"):
            a, b = INDEX[name], INDEX[name.replace("Left", "Right")]
            weights[[a, b]] = weights[[b, a]]
    pose = told.pose * np.array([-1, 1, -1, -1, 1, 1], np.float32)
    return Motion(told.start, weights, pose)


def frozen(*names: str) -> Change:
    def change(told: Motion) -> Motion:
        weights = told.weights.copy()
        weights[[INDEX[name] for name in names]] = 0
        return Motion(told.start, weights, told.pose)

    return change


@pytest.mark.parametrize("avatar", package.names())
def test_seen_by_networks_an_avatar_does_what_it_is_told(avatar: str, models: Models) -> None:
    by, report = image.measure(avatar, models)
    assert report.faults() == []
    assert report.lost == 0 and report.pictures > 100 and set(report.r) == set(DRILLS)
    assert by == (image.NETS if loop.human(package.ASSETS / avatar) else image.MESH)


@pytest.mark.parametrize("avatar", package.names())
def test_the_projected_mesh_does_what_it_is_told(avatar: str) -> None:
    report = loop.run(loop.prober(renderer(avatar)))
    assert report.faults() == [] and min(report.r.values()) > 0.9


def test_by_networks_broken_avatars_are_noticed(models: Models) -> None:
    draw = renderer("theo").render_rgb

    def faults(change: Change, *names: str) -> list[str]:
        eye = loop.watcher(lambda told: draw(change(told)), models)
        report = loop.run(eye, [DRILLS[name] for name in names], ())
        return [fault.split(":")[0] for fault in report.faults()]

    def mirrored(told: Motion) -> np.ndarray:
        return np.ascontiguousarray(draw(told)[:, ::-1])

    assert faults(lambda told: told, "jaw", "lid_left") == []
    assert faults(frozen("jawOpen"), "jaw") == ["jaw"]
    assert faults(frozen("eyeBlinkRight"), "lid_right", "lid_left") == ["lid_right"]
    sides = ["lid_left", "lid_right", "gaze_x", "yaw", "roll"]
    assert faults(swapped, *sides) == sides
    flipped = loop.run(loop.watcher(mirrored, models), [DRILLS[name] for name in sides], ())
    assert [fault.split(":")[0] for fault in flipped.faults()] == sides
    assert flipped.r["yaw"] < -0.9 and flipped.r["gaze_x"] < -0.7


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (frozen("jawOpen"), {"jaw"}),
        (frozen("eyeBlinkLeft"), {"lid_left"}),
        (frozen("mouthSmileLeft", "mouthSmileRight"), {"smile"}),
        (frozen("mouthSmileLeft", "mouthFrownLeft"), {"of the left move the other corner"}),
        (swapped, {"lid_left", "lid_right", "gaze_x", "yaw", "roll", "mouth",
                   "of the right move the other corner"}),
    ],
)  # fmt: skip
def test_by_the_mesh_broken_avatars_are_noticed(change: Change, found: set[str]) -> None:
    mira = renderer("mira")
    report = loop.run(loop.prober(mira, lambda told: mira.vertices(change(told))))
    said = " | ".join(report.faults())
    assert all(name in said for name in found)


def test_a_blink_that_shuts_both_eyes_leaks() -> None:
    mira = renderer("mira")

    def both(told: Motion) -> np.ndarray:
        weights = told.weights.copy()
        left, right = INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]
        weights[[left, right]] = weights[[left, right]].max()
        return mira.vertices(Motion(told.start, weights, told.pose))

    report = loop.run(loop.prober(mira, both), KEY)
    assert report.leaks["lid_right"][0] == "eyeBlinkLeft" and report.leaks["lid_right"][1] > 0.9
    assert any("moves lid_right by 1.00" in fault for fault in report.faults())


def test_nobody_in_the_pictures_is_a_fault() -> None:
    report = loop.run(lambda told: None)
    assert report.lost == 1 and not any(report.r.values())
    assert any("no face is found in 1 of 1" in fault for fault in report.faults())
    rest = dict.fromkeys(SIGNS, 0.0)
    blind = loop.run(lambda told: None if told.weights.any() else rest)
    assert blind.lost > 90 and any("no face" in fault for fault in blind.faults())


def test_what_does_not_move_correlates_with_nothing() -> None:
    assert loop.correlation([0, 1, 2], [5, 5, 5]) == 0
    assert loop.correlation([0, 1], [0, 1]) == 0
    assert loop.correlation([0, 1, 2], [0, -2, -4]) == pytest.approx(-1)


def test_the_suite_prints_one_json_line(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert image.main(["--avatar", "mira"]) == 0
    row = json.loads(capsys.readouterr().out.splitlines()[-1])["avatars"]["mira"]
    assert row["by"] == "mesh" and row["faults"] == []
    assert all(row[name] > 0.9 for name in ("jaw", "lids", "width", "gaze", "yaw", "pitch", "roll"))
