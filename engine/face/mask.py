"""Grey masks kept packed: read once or twice in a session, they would be most of an avatar's
memory otherwise."""

import zlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]


class Masks(Mapping[str, U8]):
    """Name -> [H, W] uint8, unpacked anew at each reading."""

    def __init__(self, masks: Iterable[tuple[str, U8]]) -> None:
        self._packed = {
            name: (mask.shape, zlib.compress(mask.tobytes(), 1)) for name, mask in masks
        }

    def shape(self, name: str) -> tuple[int, ...]:
        """(H, W), without unpacking."""
        return self._packed[name][0]

    def __getitem__(self, name: str) -> U8:
        shape, packed = self._packed[name]
        return np.frombuffer(zlib.decompress(packed), np.uint8).reshape(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)
