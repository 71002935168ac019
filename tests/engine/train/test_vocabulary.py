"""Names of other rigs, and what stands in for a shape."""

import pytest

from engine.face.blendshapes import ARKIT
from engine.train.vocabulary import TABLE, channel, other, viseme


@pytest.mark.parametrize(("name", "meant"), [
    ("eyeBlinkLeft", "eyeBlinkLeft"), ("EyeBlinkLeft", "eyeBlinkLeft"),
    ("eyeBlink_L", "eyeBlinkLeft"), ("eyeBlinkL", "eyeBlinkLeft"),
    ("Eye_Blink_L", "eyeBlinkLeft"), ("eye_blink_left", "eyeBlinkLeft"),
    ("blendShape1.eyeBlinkLeft", "eyeBlinkLeft"), ("Face.M_mouthSmile_R", "mouthSmileRight"),
    ("JAWOPEN", "jawOpen"), ("jawOpen.001", "jawOpen"), ("CTRL_expressions_jawOpen", "jawOpen"),
    ("browInnerUp_L", "browInnerUp"), ("cheekPuffRight", "cheekPuff"),
    ("mouthLeft", "mouthLeft"), ("mouthLowerDown_L", "mouthLowerDownLeft"),
    ("Fcl_MTH_A", None), ("blink", None), ("viseme_aa", None), ("mouthOpen", None), ("", None),
    ("jawOpenSmile", None), ("eyeBlinkLeft_mouthSmileLeft", None), ("eyeBlink", None),
])  # fmt: skip
def test_names_of_arkit_in_any_dress(name: str, meant: str | None) -> None:
    found = channel(name)
    assert (found[0] if found else None) == meant


def test_every_name_of_arkit_means_itself() -> None:
    for name in ARKIT:
        for dress in (name, name.upper(), f"head_{name}", f"a.b.{name}", f"{name}.002"):
            assert (channel(dress) or ("",))[0] == name


@pytest.mark.parametrize(("name", "meant"), [
    ("viseme_aa", "aa"), ("viseme_PP", "PP"), ("vrc.v_oh", "O"), ("Head.viseme_I", "I"),
    ("viseme_ou", "U"), ("v_ch", "CH"), ("viseme_sil", "sil"), ("Wave_xx", None), ("aa", None),
])  # fmt: skip
def test_visemes(name: str, meant: str | None) -> None:
    assert viseme(name) == meant


def test_others() -> None:
    assert other("mouthOpen") == "mouthOpen" and other("Face.Fcl_EYE_Close_L") == "blinkLeft"
    assert other("hat") is None


def test_the_table_names_shapes_and_parts_of_the_face() -> None:
    assert set(TABLE) <= set(ARKIT)
    for name, choices in TABLE.items():
        for term in (t for choice in choices for t in choice):
            assert term.source != name and "*" not in term.source + term.area
            assert set(term.area.split()) <= {"all", "left", "right", "mouth", "eyes", "brows"}
