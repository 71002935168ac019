"""Which movements of a foreign rig make which ARKit shape: names, and a table of substitutes.

Contract: `channel` knows ARKit names in any dress, `viseme` the fifteen Oculus visemes; `TABLE`
says what stands in for a shape that a rig lacks, best first. A term is a source, its weight and
the part of the face where it counts.
"""

import re
from typing import NamedTuple

from engine.face.blendshapes import ARKIT

_PLAIN = {name.lower(): name for name in ARKIT}
_VISEMES = {
    "sil": "sil", "pp": "PP", "ff": "FF", "th": "TH", "dd": "DD", "kk": "kk", "ch": "CH",
    "ss": "SS", "nn": "nn", "rr": "RR", "aa": "aa", "e": "E", "i": "I", "ih": "I", "o": "O",
    "oh": "O", "u": "U", "ou": "U",
}  # fmt: skip


def channel(name: str) -> tuple[str, bool] | None:
    """(ARKit name, whether `name` is that and no more) of `EyeBlinkLeft`, `eyeBlink_L`,
    `blendShape1.eyeBlinkLeft`, `head_eye_blink_left`; None if none or several are meant."""
    bare = re.sub(r"[._]\d+$", "", name.strip()[:200])  # numbered copies
    bare = re.sub(r"(?:[_.\- ]+[lL]|(?<=[a-z])L)$", "Left", bare)
    bare = re.sub(r"(?:[_.\- ]+[rR]|(?<=[a-z])R)$", "Right", bare)
    plain = re.sub(r"[^a-z0-9]", "", bare.lower())
    if plain in _PLAIN:
        return _PLAIN[plain], True
    found = [key for key in _PLAIN if key in plain]
    longest = [key for key in found if not any(key != other and key in other for other in found)]
    if len(longest) != 1:
        return None
    rest = plain.replace(longest[0], "", 1)
    # What is left over must not name another part of the face: `jawOpenSmile` is no jawOpen.
    if re.search(r"eye(?!s?mesh)|mouth|jaw|brow|cheek|nose|smile|lip|corrective|tongue", rest):
        return None
    return _PLAIN[longest[0]], False


def viseme(name: str) -> str | None:
    """Oculus viseme of `viseme_PP`, `vrc.v_oh`, `Head.viseme_ih`, in the spelling of `TABLE`."""
    match = re.search(r"(?:viseme|(?:^|[._])v)[_.\- ]?([a-z]{1,3})$", name.strip().lower()[:200])
    return _VISEMES.get(match.group(1)) if match else None


class Term(NamedTuple):
    """weight times a source's movement, on a part of the face (`engine.train.areas`)."""

    source: str  # "viseme_aa", a VRM preset, or an ARKit shape the file has
    weight: float = 1.0
    area: str = "all"


def _both(name: str, *choices: tuple[Term, ...]) -> dict[str, list[tuple[Term, ...]]]:
    """Rows for both sides: `*` in an area or source becomes left or right."""
    return {
        f"{name}{side}": [
            tuple(
                t._replace(source=t.source.replace("*", side),
                           area=t.area.replace("*", side.lower()))
                for t in choice
            )
            for choice in choices
        ]
        for side in ("Left", "Right")
    }  # fmt: skip


# ARKit shape -> choices, best first; all sources of a choice must be there.
TABLE: dict[str, list[tuple[Term, ...]]] = {
    "jawOpen": [(Term("viseme_aa"),), (Term("aa"),), (Term("jaw bone"),), (Term("oh"),),
                (Term("viseme_O"),), (Term("mouthOpen"),)],
    "mouthFunnel": [(Term("viseme_O"), Term("jawOpen", -0.35)),
                    (Term("viseme_CH"), Term("jawOpen", -0.1)),
                    (Term("oh"), Term("jawOpen", -0.35))],
    "mouthPucker": [(Term("viseme_U"), Term("jawOpen", -0.1)),
                    (Term("ou"), Term("jawOpen", -0.1))],
    # Closed lips at an open jaw: what mouthClose adds is what opening took away.
    "mouthClose": [(Term("jawOpen", -0.9, "mouth"),)],
    **_both("mouthPress", (Term("viseme_PP", 1.0, "*"),)),
    "mouthRollLower": [(Term("viseme_FF"),)],
    "mouthRollUpper": [(Term("viseme_PP", 0.6),)],
    **_both("mouthStretch", (Term("viseme_I", 0.8, "*"), Term("jawOpen", -0.1, "*")),
            (Term("viseme_E", 0.8, "*"), Term("jawOpen", -0.25, "*")),
            (Term("ih", 0.8, "*"), Term("jawOpen", -0.1, "*")),
            (Term("ee", 0.8, "*"), Term("jawOpen", -0.25, "*"))),
    **_both("mouthSmile", (Term("mouthSmile", 1.0, "*"),), (Term("happy", 1.0, "mouth *"),),
            (Term("relaxed", 1.0, "mouth *"),)),
    **_both("mouthFrown", (Term("mouthSad", 1.0, "*"),), (Term("sad", 1.0, "mouth *"),),
            (Term("angry", 1.0, "mouth *"),)),
    **_both("mouthUpperUp", (Term("viseme_SS", 0.6, "*"),)),
    **_both("mouthLowerDown", (Term("viseme_SS", 0.5, "*"),)),
    "tongueOut": [(Term("viseme_TH"), Term("jawOpen", -0.15))],
    **_both("eyeBlink", (Term("blink*"),), (Term("blink", 1.0, "*"),),
            (Term("eyesClosed", 1.0, "*"),)),
    **_both("eyeWide", (Term("eyesWide", 1.0, "*"),), (Term("surprised", 1.0, "eyes *"),)),
    **_both("eyeSquint", (Term("eyeBlink*", 0.35),)),
    **_both("cheekSquint", (Term("eyesFun", 0.6, "*"),), (Term("relaxed", 0.5, "eyes *"),)),
    "browInnerUp": [(Term("browsSad"),), (Term("sad", 1.0, "brows"),),
                    (Term("surprised", 1.0, "brows"),)],
    **_both("browOuterUp", (Term("browsSurprised", 0.8, "*"),),
            (Term("surprised", 0.8, "brows *"),)),
    **_both("browDown", (Term("browsAngry", 1.0, "*"),), (Term("angry", 1.0, "brows *"),)),
    "eyeLookUpLeft": [(Term("lookUp", 1.0, "left"),), (Term("left eye bone up"),)],
    "eyeLookUpRight": [(Term("lookUp", 1.0, "right"),), (Term("right eye bone up"),)],
    "eyeLookDownLeft": [(Term("lookDown", 1.0, "left"),), (Term("left eye bone down"),)],
    "eyeLookDownRight": [(Term("lookDown", 1.0, "right"),), (Term("right eye bone down"),)],
    "eyeLookOutLeft": [(Term("lookLeft", 1.0, "left"),), (Term("left eye bone left"),)],
    "eyeLookInLeft": [(Term("lookRight", 1.0, "left"),), (Term("left eye bone right"),)],
    "eyeLookInRight": [(Term("lookLeft", 1.0, "right"),), (Term("right eye bone left"),)],
    "eyeLookOutRight": [(Term("lookRight", 1.0, "right"),), (Term("right eye bone right"),)],
}  # fmt: skip
# Names outside the two standards, as they end, in small letters: Ready Player Me's, and those of
# VRoid Studio, whose faces have their parts apart.
EXTRA = {
    "mouthopen": "mouthOpen", "mouthsmile": "mouthSmile", "eyesclosed": "eyesClosed",
    "fcl_mth_a": "aa", "fcl_mth_i": "ih", "fcl_mth_u": "ou", "fcl_mth_e": "ee", "fcl_mth_o": "oh",
    "fcl_mth_fun": "mouthSmile", "fcl_mth_sorrow": "mouthSad", "fcl_brw_angry": "browsAngry",
    "fcl_brw_sorrow": "browsSad", "fcl_brw_surprised": "browsSurprised",
    "fcl_eye_spread": "eyesWide", "fcl_eye_close_l": "blinkLeft", "fcl_eye_close_r": "blinkRight",
    "fcl_eye_close": "blink", "fcl_eye_fun": "eyesFun",
}  # fmt: skip


def other(name: str) -> str | None:
    """Source in `TABLE` that is meant by a name which is neither ARKit's nor a viseme."""
    plain = name.strip().lower()[:200]
    return next((source for end, source in EXTRA.items() if plain.endswith(end)), None)
