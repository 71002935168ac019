"""The gallery runs headless: sheets with labels, and the README's pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demos import gallery
from demos.gallery import ANGLES, EXPRESSIONS, VISEMES, main
from engine.speech import phonemes


def opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.copy()


def test_quick_gallery(tmp_path: Path) -> None:
    assert main([str(tmp_path / "out"), "--quick", "--avatar", "mira", "--avatar", "theo"]) == 0
    overview = opened(tmp_path / "out" / "cast.png")
    assert overview.width == 2 * 192
    for name in ("mira", "theo"):
        sheet = np.asarray(opened(tmp_path / "out" / f"{name}_quick.png").convert("RGB"))
        assert sheet.shape[1] == 4 * 192 and sheet.shape[0] > 192
        panels = np.split(sheet.astype(int), 4, axis=1)
        assert all(np.abs(panels[0] - p).max() > 50 for p in panels[1:])
        label = sheet[-18:-4, :192]  # dark letters on paper
        assert label.min() < 100 and np.median(label) > 240


def test_whole_gallery_of_one(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--size", "96", "--avatar", "mira"]) == 0
    found = sorted(p.name for p in tmp_path.iterdir())
    themes = ("angles", "expressions", "sizes", "visemes")
    assert found == ["cast.png", *(f"mira_{theme}.png" for theme in themes)]
    visemes = opened(tmp_path / "mira_visemes.png")
    assert visemes.width == 5 * 96 and visemes.height > 3 * 96  # 14 pictures


def test_enough_is_shown() -> None:
    assert len(EXPRESSIONS) >= 12 and len(ANGLES) >= 5
    assert list(VISEMES) == list(phonemes.VISEMES)


def test_pictures_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "names", lambda: ("mira", "theo"))
    monkeypatch.setattr(gallery, "SPEAKERS", {"mira": "cheerful", "theo": "serious"})
    monkeypatch.setattr(gallery, "STRIP_S", 0.5)
    assert main([str(tmp_path), "--strip"]) == 0
    cast = opened(tmp_path / "cast.png")
    assert cast.mode == "RGBA" and cast.getpixel((0, 0))[3] == 0  # clear beside the cards
    with Image.open(tmp_path / "strip.webp") as strip:
        assert strip.n_frames >= 4
    assert (tmp_path / "strip.webp").stat().st_size < 400_000


def test_unknown_avatar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--avatar", "nobody"]) == 1
    assert "neither bundled" in capsys.readouterr().err
