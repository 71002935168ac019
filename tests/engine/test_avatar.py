"""An avatar's drawers: what draws it, and what stands in when time is short."""

import itertools
from pathlib import Path

import numpy as np

from engine.avatar import Avatar
from engine.face.background import Plain
from engine.face.learned import Config
from engine.render.neural import Neural
from engine.render.setting import Setting
from tests.golden.pictures import motion
from tests.looks import dressed

POSED = motion((12, 4, 2, 0, 0, 0), jawOpen=0.5)


def test_an_avatar_is_drawn_at_less_cost_step_by_step(tmp_path: Path) -> None:
    path = dressed(tmp_path / "mira", Config("large", "teacher"), noise=0.03, beside=True)
    behind = Setting(look="neural", background=Plain("#102030"))
    avatar = Avatar.load(path, size=64, setting=behind)
    small = avatar.plain()
    assert small is not None and small is avatar.plain()
    toon = small.plain()
    assert toon is not None and toon is small.plain() and toon.plain() is None
    ladder = (avatar, small, toon)
    assert [a.drawer for a in ladder] == ["neural", "neural small", "toon"]
    assert [a.look for a in ladder] == ["neural", "neural", "toon"]
    assert small.precision == avatar.precision != "" and toon.precision == ""
    pictures = [a.render(POSED).i420.astype(int) for a in ladder]
    assert all((a != b).any() for a, b in itertools.combinations(pictures, 2))
    corner = [picture[:4, :4] for picture in pictures]  # the same background
    assert max(np.abs(corner[0] - other).max() for other in corner[1:]) <= 2
    other = avatar.staged(Setting(look="neural")).plain()
    assert other is not None and other.drawer == "neural small"
    assert isinstance(other.renderer, Neural) and isinstance(small.renderer, Neural)
    assert other.renderer.graph is small.renderer.graph, "one network for all settings"
    alone = Neural(path, 64).lighter()
    assert alone is not None and alone.lighter() is None
    np.testing.assert_array_equal(alone.staged(behind).render(POSED).i420, small.render(POSED).i420)
