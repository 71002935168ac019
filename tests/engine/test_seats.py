"""Rows of a batch keep their styles from call to call, and always hold the right ones."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.motion.decoder import StyleWeights
from engine.seats import Seats

STYLES = [
    StyleWeights(*(np.full((1, 2), 100 * i + k, np.float32) for k in range(12))) for i in range(6)
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=9), max_size=8))
def test_rows_hold_what_they_are_said_to(calls: list[list[int]]) -> None:
    seats = Seats()
    for wanted in calls:
        order, rows = seats.place([STYLES[i] for i in wanted])
        assert sorted(order) == list(range(len(wanted)))
        for row, i in enumerate(order):
            for leaf, weights in zip(rows, STYLES[wanted[i]], strict=True):
                np.testing.assert_array_equal(leaf[row], weights[0])
        assert all(len(leaf) == len(wanted) and leaf.flags.c_contiguous for leaf in rows)


def test_nothing_is_copied_while_the_same_styles_come_in_any_order() -> None:
    seats = Seats()
    seats.place([STYLES[i] for i in (0, 1, 2, 2)])
    assert seats.copied == 4
    for wanted in ([2, 1, 0, 2], [2, 2, 1, 0]):
        seats.place([STYLES[i] for i in wanted])
    assert seats.copied == 4
    seats.place([STYLES[i] for i in (0, 3, 2, 2)])
    assert seats.copied == 5, "one came anew"
