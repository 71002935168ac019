"""The gallery runs headless and writes one sheet per avatar."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demos.gallery import main
from engine.errors import PackageError
from engine.face.package import names


def test_quick_gallery(tmp_path: Path) -> None:
    assert main([str(tmp_path / "out"), "--quick"]) == 0
    for name in names():
        sheet = np.asarray(Image.open(tmp_path / "out" / f"{name}_quick.png"))
        assert sheet.shape == (256, 1024, 3)
        panels = np.split(sheet.astype(int), 4, axis=1)
        assert all(np.abs(panels[0] - p).max() > 50 for p in panels[1:])


def test_unknown_avatar(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="neither bundled"):
        main([str(tmp_path), "--avatar", "nobody"])
