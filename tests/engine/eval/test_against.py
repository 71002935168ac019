"""Looks against true pictures: the toon equals itself, a neural look is measured beside it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import FrameError
from engine.eval import image
from engine.eval.against import Truth, boxes, measure, measured
from engine.face.blendshapes import ARKIT, INDEX
from engine.face.learned import FILE, Config, dump
from engine.face.package import load
from engine.frames import Motion
from engine.render.renderer import Renderer
from tests.looks import dressed, weights

ROWS = 6


def write(folder: Path, avatar: str = "mira", size: int = 128, **more: np.ndarray) -> Path:
    """A truth folder that the toon renderer drew."""
    folder.mkdir()
    renderer = Renderer(avatar, size)
    weights, pose = np.zeros((ROWS, 52), np.float32), np.zeros((ROWS, 6), np.float32)
    weights[:, INDEX["jawOpen"]] = np.linspace(0, 0.6, ROWS)
    start = np.arange(ROWS) * 640
    for n in range(ROWS):
        rgb = renderer.render_rgb(Motion(int(start[n]), weights[n], pose[n]))
        Image.fromarray(rgb).save(folder / f"{n:05d}.png")
    names = np.array(ARKIT)
    np.savez(folder / "motion.npz", start=start, weights=weights, names=names, pose=pose, **more)
    return folder


def test_both_looks_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "truth", ppg=np.zeros((ROWS, 8, 40), np.float16))
    package = dressed(tmp_path / "mira", Config("small", "teacher"))
    command = ["--avatar", str(package), "--truth", str(folder), "--no-landmarks"]
    assert image.main(command) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["looks"]
    assert set(found) == {"toon", "neural"}
    assert found["toon"]["psnr"] == 100 and found["toon"]["psnr_mouth"] == 100
    assert found["neural"]["psnr"] < 40 and found["neural"]["cpu_p50"] > 0
    assert image.main([*command, "--look", "toon"]) == 0
    assert set(json.loads(capsys.readouterr().out.splitlines()[-1])["looks"]) == {"toon"}


def test_a_small_network_beside_a_large_one_is_one_more_look(tmp_path: Path) -> None:
    config = Config("large", "teacher")
    package = load(dressed(tmp_path / "mira", config))
    look = package.learned
    assert look is not None and set(measured(package, "auto")) == {"toon", "neural"}
    small = weights(replace(config, size="small"))
    data = dump(config, look.texture, look.corner_uv, look.weights, small)
    (tmp_path / "mira" / FILE).write_bytes(data)
    package = load(tmp_path / "mira")
    assert set(measured(package, "toon")) == {"toon"}
    found = measured(package, "auto")
    assert set(found) == {"toon", "neural", "neural small"} and found["neural"][0] is package
    lighter, look_asked = found["neural small"]
    assert lighter.learned is not None and lighter.learned.config.size == "small"
    truth = Truth.read(write(tmp_path / "truth"))
    assert measure(lighter, look_asked, truth)["psnr"] < 40


def test_a_package_without_a_neural_look_has_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "truth", swing=np.zeros((ROWS, 3)))
    assert image.main(["--avatar", "noa", "--truth", str(folder), "--no-landmarks"]) == 0
    assert set(json.loads(capsys.readouterr().out.splitlines()[-1])["looks"]) == {"toon"}


def test_the_mouth_is_where_it_is_drawn() -> None:
    still, jaw = np.zeros(52, np.float32), np.zeros(52, np.float32)
    jaw[INDEX["jawOpen"]] = 0.6
    renderer, pose = Renderer("mira", 256), np.zeros(6, np.float32)
    shut, open_ = Motion(0, still, pose), Motion(0, jaw, pose)
    change = np.abs(renderer.render_rgb(open_).astype(int) - renderer.render_rgb(shut)).sum(2)
    found = boxes(renderer, open_)
    assert change[found.mouth].sum() > 0.6 * change.sum()
    assert change[found.head].sum() > 0.85 * change.sum()
    rows, columns = found.mouth
    assert (rows.stop - rows.start) * (columns.stop - columns.start) < 0.06 * change.size


def test_folders_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "truth")
    (folder / "00003.png").unlink()
    with pytest.raises(FrameError, match="holds 5 pictures and 6 rows of motion"):
        Truth.read(folder)
    with pytest.raises(FrameError, match="has no motion.npz"):
        Truth.read(tmp_path)
    odd = write(tmp_path / "odd", ppg=np.zeros((ROWS, 8, 39), np.float32))
    with pytest.raises(FrameError, match=r"ppg is \(6, 8, 39\)"):
        Truth.read(odd)
    with pytest.raises(SystemExit):
        image.main(["--truth", str(folder)])
    with pytest.raises(SystemExit):
        image.main(["--pair", "a", "b", "--avatar", "mira"])
