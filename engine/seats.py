"""The derived styles of a batch, one row a session, laid out once and kept where they lie.

A style's weights are 320 kB and the same from tick to tick; copying them for every call would cost
more than the decoder itself. Sessions are therefore put on rows that hold their style already.

Contract: holds copies of styles and no session; what `place` returns is overwritten by the next
`place`.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from engine.motion.decoder import StyleWeights
from engine.stage import leaves, tree_map


class Seats:
    """Grows to the largest batch and stays so."""

    def __init__(self) -> None:
        self._held: list[StyleWeights | None] = []  # whose weights lie on each row
        self._rows: StyleWeights | None = None
        self.copied = 0  # rows written since the beginning

    def place(self, styles: Sequence[StyleWeights]) -> tuple[list[int], StyleWeights]:
        """Styles of batch 1 -> which of them sits on each row, and all rows as one batch.

        The same StyleWeights object counts as the same style: states are values, so nobody
        changes one.
        """
        rows = self._reserve(styles)
        count = len(styles)
        waiting: dict[int, list[int]] = defaultdict(list)
        for i in reversed(range(count)):
            waiting[id(styles[i])].append(i)
        order = [-1] * count
        for row, held in enumerate(self._held[:count]):
            if held is not None and waiting.get(id(held)):
                order[row] = waiting[id(held)].pop()
        rest = iter([i for same in waiting.values() for i in reversed(same)])
        for row in range(count):
            if order[row] < 0:
                order[row] = next(rest)
                self._seat(row, styles[order[row]], rows)
        return order, tree_map(lambda a: a[:count], rows)

    def _seat(self, row: int, style: StyleWeights, rows: StyleWeights) -> None:
        for place, weights in zip(leaves(rows), leaves(style), strict=True):
            place[row] = weights[0]
        self._held[row] = style
        self.copied += 1

    def _reserve(self, styles: Sequence[StyleWeights]) -> StyleWeights:
        if self._rows is None or len(styles) > len(self._held):
            size = max(len(styles), 2 * len(self._held))
            self._held = [None] * size
            self._rows = tree_map(lambda a: np.empty((size, *a.shape[1:]), a.dtype), styles[0])
        return self._rows
