"""Derived colours look right from the palest to the darkest skin, and follow what is chosen."""

import json

import numpy as np
import pytest

from engine.errors import PackageError
from engine.face.fields import Fields
from engine.face.package import ASSETS
from engine.face.palette import CHOSEN, FIXED, RULES, code, derived, from_oklch, oklch, parse, rgb

SKINS = ("#fdeee4", "#f8cfb4", "#efc49c", "#d8a079", "#bf8257", "#8a5638", "#5a3322", "#3d2317")
HAIRS = ("#ffffff", "#d9d6dc", "#e8c070", "#e889aa", "#74402c", "#1f1d24", "#000000")
CLOTHS = ("#ffffff", "#3d6fb4", "#101418")


def light(color: tuple[float, float, float]) -> float:
    return oklch(color)[0]


def test_oklch_and_back() -> None:
    random = np.random.default_rng(0)
    for color in random.random((200, 3)):
        r, g, b = (float(c) for c in color)
        np.testing.assert_allclose(from_oklch(*oklch((r, g, b))), (r, g, b), atol=2e-3)
    assert code(rgb("#12abef")) == "#12abef"
    # White has lightness 1 and no colour; what no screen shows loses colour, not its hue.
    assert oklch((1.0, 1.0, 1.0))[:2] == pytest.approx((1, 0), abs=1e-3)
    vivid = oklch(from_oklch(0.6, 0.5, 30.0))
    assert vivid[0] == pytest.approx(0.6, abs=0.02) and vivid[2] == pytest.approx(30, abs=3)


@pytest.mark.parametrize("skin", SKINS)
def test_a_skin_has_its_shadow_line_and_lips(skin: str) -> None:
    c = derived({"skin": skin})
    base = light(c["skin"])
    assert light(c["skin_line"]) < light(c["nose_line"]) < light(c["skin_shadow"]) < base
    assert light(c["crease"]) < base and light(c["mole"]) < light(c["freckles"]) < base
    assert light(c["skin_light"]) > base
    assert (
        light(c["mouth_line"]) < light(c["lips_dark"]) < light(c["lips"]) < light(c["lips_light"])
    )
    # Blood is red: from hue 0 (pink) to 45 (warm), never violet or yellow.
    assert all(-15 < oklch(c[name])[2] < 45 for name in ("lips", "lips_dark", "blush"))
    turn = oklch(c["skin_shadow"])[2] - oklch(c["skin"])[2]
    assert -25 < turn <= 0, "a shadow is warmer than the skin, not another colour"
    assert oklch(c["skin_shadow"])[1] < 0.12, "a shadow does not glow"


@pytest.mark.parametrize("hair", HAIRS)
@pytest.mark.parametrize("skin", (SKINS[0], SKINS[3], SKINS[-1]))
def test_hair_has_depth_and_brows_are_seen_on_the_skin(hair: str, skin: str) -> None:
    c = derived({"hair": hair, "skin": skin})
    assert light(c["hair_line"]) <= light(c["hair_shadow"]) <= light(c["hair"]) + 1e-6
    assert light(c["hair_light"]) >= light(c["hair"]) - 1e-6
    assert light(c["brow"]) < light(c["skin"]) - 0.15
    assert light(c["lash"]) < 0.45


@pytest.mark.parametrize("cloth", CLOTHS)
def test_cloth_keeps_its_hue_in_the_shadow(cloth: str) -> None:
    c = derived({"cloth": cloth, "trim": cloth})
    for name in ("cloth", "trim"):
        assert light(c[f"{name}_line"]) < light(c[f"{name}_shadow"]) < light(c[name])


def test_what_is_named_stays_and_the_rest_follows() -> None:
    c = derived({"skin": "#8a5638", "lips": "#ff0000"})
    assert code(c["lips"]) == "#ff0000" and oklch(c["lips_dark"])[2] == pytest.approx(29, abs=15)
    pale, dark = derived({"skin": SKINS[0]}), derived({"skin": SKINS[-1]})
    for name, rule in RULES.items():
        if rule.of == "skin" or rule.of == "lips":
            assert light(dark[name]) < light(pale[name]), name
    assert set(derived({})) == {*CHOSEN, *FIXED, *RULES}


def test_a_bundled_face_follows_a_change_of_skin_or_hair() -> None:
    follow = {n for n, rule in RULES.items() if rule.of in ("skin", "hair", "iris")} - {"lips"}
    for path in ASSETS.glob("*/recipe.json"):
        named = set(json.loads(path.read_text()).get("palette", {}))
        assert not named & follow, f"{path.parent.name} names what should be derived"


@pytest.mark.parametrize(
    ("value", "message"),
    [({"skin": "red"}, "skin"), ({"no way": "#ffffff"}, "plain name"), (3, "palette")],
)
def test_a_bad_palette_is_refused(value: object, message: str) -> None:
    with pytest.raises(PackageError, match=message):
        parse(Fields(value, "palette"))
    with pytest.raises(PackageError, match="at most"):
        parse(Fields({f"c{i}": "#ffffff" for i in range(200)}, "palette"))
