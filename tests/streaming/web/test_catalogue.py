"""Loading: one load for all who ask at once, and a failed one is never kept."""

import asyncio

import pytest

from engine.errors import PackageError
from streaming.web.catalogue import Catalogue, Choice
from tests.fakes import STYLES, FakeAvatar

MIRA = Choice("mira", 128, 20)


@pytest.mark.parametrize("error", [PackageError, MemoryError, ZeroDivisionError])
def test_a_failed_load_is_tried_again(error: type[Exception]) -> None:
    loads = 0

    class Shelf(FakeAvatar):
        @classmethod
        def load(cls, name_or_path: str = "", size: int = 64, lookahead_ms: int = 20) -> FakeAvatar:
            nonlocal loads
            loads += 1
            if loads == 1:
                raise error("at first")
            return FakeAvatar(name_or_path, size, lookahead_ms)

    async def main() -> None:
        catalogue = Catalogue(Shelf, list(STYLES), MIRA, "neutral")
        failed = await asyncio.gather(
            *(catalogue.entry(MIRA) for _ in range(3)), return_exceptions=True
        )
        assert [type(f) for f in failed] == [error] * 3 and loads == 1
        entries = await asyncio.gather(*(catalogue.entry(MIRA) for _ in range(3)))
        assert loads == 2 and entries[0] is entries[2]
        catalogue.close()

    asyncio.run(main())
