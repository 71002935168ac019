"""Tables print aligned and land between the card's markers."""

from pathlib import Path

import pytest

from engine.errors import VivifyError
from engine.eval import card
from engine.eval.card import BEGIN, END, Section

TABLE = Section("Heights", "In metres.", ("name", "m"), (("Ann", "1.7"), ("Bartholomew", "1.8")))


def test_columns_are_aligned() -> None:
    lines = TABLE.markdown().splitlines()
    assert lines[0] == "### Heights" and lines[2] == "In metres."
    assert len({len(line) for line in lines[4:]}) == 1
    assert lines[5].strip("|-") == ""


def test_card_is_filled_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "model.md"
    path.write_text(f"# model\n\n{BEGIN}`x` -->\nold\n{END}\n\n## Limits\n")
    for _ in range(2):
        card.write(path, "python -m x", [TABLE, TABLE], "x.png")
    text = path.read_text()
    assert text.startswith("# model\n") and text.endswith(f"{END}\n\n## Limits\n")
    assert text.count("### Heights") == 2 and text.count("](x.png)") == 1
    assert "old" not in text and "`python -m x` -->" in text


def test_card_without_a_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.md"
    path.write_text(f"# model\n{END}\n")
    with pytest.raises(VivifyError, match=r"model\.md has no place"):
        card.write(path, "x", [TABLE], "x.png")


def test_numbers_are_short() -> None:
    assert card.share(0.5036) == ".504" and card.share(1.0) == "1.000"
    assert card.share(float("nan")) == "-" and card.points(-0.0234) == "-2.3"
