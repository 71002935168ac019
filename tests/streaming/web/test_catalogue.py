"""Loading: one load for all who ask at once, and a failed one is never kept."""

import asyncio

import pytest

from engine.errors import PackageError
from streaming.web.catalogue import Catalogue, Choice
from tests.fakes import STYLES, FakeAvatar

MIRA = Choice("mira", 128, 20)


def test_portraits_are_drawn_once_and_warm_nothing_up() -> None:
    drawn: list[FakeAvatar] = []

    class Shelf(FakeAvatar):
        @classmethod
        def load(cls, name_or_path: str = "", size: int = 64, lookahead_ms: int = 20) -> FakeAvatar:
            drawn.append(FakeAvatar(name_or_path, size, lookahead_ms))
            return drawn[-1]

    async def main() -> None:
        catalogue = Catalogue(Shelf, list(STYLES), MIRA, "neutral")
        many = await asyncio.gather(*(catalogue.portrait("theo") for _ in range(5)))
        assert len(drawn) == 1 and drawn[0].rendered == 1
        large, small = many[0]
        assert len(small) < len(large) and small.startswith(b"\x89PNG")
        with pytest.raises(PackageError, match="not offered"):
            await catalogue.portrait("../secret")
        catalogue.close()

    asyncio.run(main())


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
