"""The 40 PPG classes in their fixed order, their IPA names and their projection onto 14 visemes."""

import numpy as np

from engine.frames import F32

# SIL, then the 39 ARPAbet phones of the CMU dictionary in its order, stress stripped.
PHONES: tuple[str, ...] = (
    "SIL",
    *"AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH "
    "UH UW V W Y Z ZH".split(),
)
assert len(PHONES) == 40

INDEX: dict[str, int] = {phone: i for i, phone in enumerate(PHONES)}

IPA: dict[str, str] = {
    "SIL": "", "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "B": "b",
    "CH": "tʃ", "D": "d", "DH": "ð", "EH": "ɛ", "ER": "ɝ", "EY": "eɪ", "F": "f", "G": "ɡ",
    "HH": "h", "IH": "ɪ", "IY": "i", "JH": "dʒ", "K": "k", "L": "l", "M": "m", "N": "n",
    "NG": "ŋ", "OW": "oʊ", "OY": "ɔɪ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t",
    "TH": "θ", "UH": "ʊ", "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip

VISEMES: dict[str, tuple[str, ...]] = {
    "sil": ("SIL",),
    "PP": ("P", "B", "M"),
    "FF": ("F", "V"),
    "TH": ("TH", "DH"),
    "DD": ("T", "D", "L", "N"),
    "SS": ("S", "Z"),
    "CH": ("CH", "JH", "SH", "ZH"),
    "kk": ("K", "G", "NG", "HH", "Y"),
    "RR": ("R", "ER"),
    "aa": ("AA", "AE", "AH", "AY", "AW"),
    "E": ("EH", "EY"),
    "I": ("IH", "IY"),
    "O": ("AO", "OW", "OY"),
    "U": ("UH", "UW", "W"),
}
assert sorted(p for ps in VISEMES.values() for p in ps) == sorted(PHONES)
CLOSED: tuple[int, ...] = tuple(INDEX[phone] for phone in VISEMES["PP"])  # the lips meet


def viseme_projection() -> F32:
    """[40, 14] 0/1 matrix: posteriors [..., 40] @ projection = viseme posteriors [..., 14]."""
    projection = np.zeros((len(PHONES), len(VISEMES)), np.float32)
    for column, phones in enumerate(VISEMES.values()):
        projection[[INDEX[p] for p in phones], column] = 1.0
    return projection
