"""The joint model learns inside the mouth, holds the rest, and is measured beside its rivals."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.frames import F32
from engine.train.neural import contest, joint
from engine.train.neural.features import PATH, Eye
from engine.train.neural.inpaint import PARTS, SIDE
from engine.train.neural.joint import Album, Study
from engine.train.neural.pairs import PAGES
from engine.train.neural.regions import MOUTH, SKIN
from engine.train.neural.shots import MOTION, PPG, Shot, write
from engine.train.neural.texturer import SHIPPED, Joint, shipped

_GRID = 256
_OPEN = np.s_[140:180, 100:160]  # of the grid: the inside of a mouth


def _uv() -> F32:
    """Each pixel of the grid sees its place on the page, the mouth's the page's mouth."""
    y, x = np.mgrid[:_GRID, :_GRID].astype(np.float32)
    place = np.stack([2 * x + 33.0, 2 * y + 33.0], -1)
    place[_OPEN] = 590.0, 420.0
    return np.asarray(np.repeat((place / SIDE)[:, :, None], 4, 2), np.float32)


def _page() -> Image.Image:
    page = np.zeros((SIDE, SIDE, 4), np.uint8)
    page[..., :3] = (200, 150, 120)
    page[400:440, 576:, :3] = 40
    page[400:440, 576:, 3] = round(255 * PARTS["mouth"])
    return Image.fromarray(page, "RGBA")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people whose mouths are lighter inside than their portraits think."""
    out = tmp_path_factory.mktemp("pairs")
    (out / PAGES).mkdir()
    region = np.full((_GRID, _GRID), SKIN, np.uint8)
    region[_OPEN] = MOUTH
    target = np.full((2 * _GRID, 2 * _GRID, 3), (200, 150, 120), np.uint8)
    target[280:360, 200:320] = 120
    motion = np.zeros(MOTION, np.float32)
    for name, held in (("one", False), ("other", True)):
        shot = Shot(
            _uv(), np.zeros((_GRID, _GRID, 3), np.float32), np.zeros((_GRID, _GRID), np.float32),
            np.ones((_GRID, _GRID), np.float32), region, target, np.zeros(PPG, np.float32), motion,
        )  # fmt: skip
        write(out, name, 5, [shot] * 5, held=held, about={})
        _page().save(out / PAGES / f"{name}.png")
    return out


def test_it_learns_the_mouth_and_holds_the_rest(folder: Path) -> None:
    torch.manual_seed(0)
    album, model = Album(folder), Joint("small")
    model.net.requires_grad_(False)
    study, rng = Study(album, Eye.load(PATH)), np.random.default_rng(0)
    before = contest.pictures(model, album, album.shots.held[0])[0].astype(float)
    optimiser = torch.optim.Adam(model.texturer.parameters(), lr=2e-3)
    for _ in range(15):
        optimiser.zero_grad()
        study.loss(model, rng).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    change = contest.pictures(model, album, album.shots.held[0])[0] - before
    inside = change[300:340, 230:290].mean()  # levels, towards 120
    assert inside > 5
    assert np.abs(change[:200]).mean() < 0.5 * inside


def test_both_rivals_are_compared(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(contest, "fetched", lambda: None)  # such squares have no landmarks
    album, plain = Album(folder), Joint("small")
    rows: contest.Rows = {
        "warp": lambda clip: contest.pictures(plain, album, clip),
        "still": lambda clip: [album.source(clip)] * clip.length,
    }
    said = contest.compare(rows, album.shots.held, tmp_path / "people")
    assert "psnr" in said
    with Image.open(tmp_path / "people.png") as sheet:
        assert sheet.size[0] > 300
    assert (tmp_path / "people.json").exists()


def test_training_writes_what_portraits_load(folder: Path, tmp_path: Path) -> None:
    short = [str(folder), "--out", str(tmp_path), "--minutes", "0.01"]
    assert joint.main([*short, "--texture-only"]) == 0
    model, about = shipped(tmp_path / SHIPPED.name)
    assert model.size == "small"
    assert about["steps"] >= 1
    assert about["portraits"] == 1
