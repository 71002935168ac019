"""The table of lip shapes: whole, bounded, and by hand where lips close."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.errors import WeightsError
from engine.speech.phonemes import PHONES
from engine.train.shapes import FITTED, FIXED, LEARNT, PARTS, hand, read_fitted, targets


def test_the_bundled_file_is_whole_and_keeps_what_closes() -> None:
    fitted = read_fitted()
    assert set(fitted) == set(LEARNT) <= set(PARTS)
    held = np.isin(PHONES, FIXED)
    for part, row in fitted.items():
        assert row.shape == (len(PHONES),)
        np.testing.assert_allclose(row[held], hand(part)[held], atol=1e-3)
    about = json.loads(FITTED.read_text())
    assert set(about["ticks"]) == set(PHONES) and "studio" in about["people"]


def test_rounding_is_where_english_rounds() -> None:
    first, last = targets(read_fitted())
    pucker = dict(zip(PHONES, first["pucker"], strict=True))
    assert min(pucker[p] for p in ("UW", "W", "R")) > 2 * max(pucker[p] for p in ("AE", "S", "IY"))
    # OW glides to UW.
    at = PHONES.index("OW")
    assert last["pucker"][at] == pytest.approx(0.7 * first["pucker"][PHONES.index("UW")])


@pytest.mark.parametrize("damage", ["{", '{"targets": {}}', "[]"])
def test_a_torn_file_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "shapes.json"
    path.write_text(damage)
    with pytest.raises(WeightsError, match=r"shapes\.json"):
        read_fitted(path)


def test_targets_out_of_range_are_refused(tmp_path: Path) -> None:
    about = json.loads(FITTED.read_text())
    about["targets"]["upper"]["AA"] = 7.0
    path = tmp_path / "shapes.json"
    path.write_text(json.dumps(about))
    with pytest.raises(WeightsError, match="upper"):
        read_fitted(path)
