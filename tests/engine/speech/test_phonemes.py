"""The phone order others rely on, and the viseme projection."""

import numpy as np

from engine.speech.phonemes import INDEX, IPA, PHONES, VISEMES, viseme_projection


def test_order_is_fixed() -> None:
    assert PHONES[:5] == ("SIL", "AA", "AE", "AH", "AO") and PHONES[-1] == "ZH"
    assert len(PHONES) == len(set(PHONES)) == 40 and list(PHONES[1:]) == sorted(PHONES[1:])
    assert set(IPA) == set(PHONES) and len(set(IPA.values())) == 40


def test_projection_is_a_partition() -> None:
    projection = viseme_projection()
    assert projection.shape == (40, 14)
    np.testing.assert_array_equal(projection.sum(axis=1), 1)
    assert projection[INDEX["M"], list(VISEMES).index("PP")] == 1
