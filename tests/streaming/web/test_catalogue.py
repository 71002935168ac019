"""Loading: one load for all who ask at once, and a failed one is never kept."""

import asyncio
import time

import pytest

from engine.errors import PackageError
from engine.frames import Motion, Video
from engine.render.setting import Setting
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


def test_what_a_dearer_look_costs_is_measured_once_before_anybody_wears_it() -> None:
    class Learned(FakeAvatar):
        @classmethod
        def load(cls, name_or_path: str = "", size: int = 64, lookahead_ms: int = 20) -> FakeAvatar:
            return cls(name_or_path, size, lookahead_ms, learned=True)

        def render(self, motion: Motion) -> Video:
            if self.look == "neural":
                drawn.append(motion)
                time.sleep(0.02)
            return super().render(motion)

    drawn: list[Motion] = []

    async def main() -> None:
        catalogue = Catalogue(Learned, list(STYLES), MIRA, "neutral")
        entry = await catalogue.entry(MIRA)
        assert not drawn, "nobody has asked for it"
        dear = await catalogue.dressed(entry.actor, Setting(look="neural"))
        assert dear.actor.look == "neural" and dear.engine_ms >= 20
        measured = len(drawn)
        again = await catalogue.dressed(entry.actor, Setting(look="neural", outline=0.5))
        assert again.engine_ms == dear.engine_ms and len(drawn) == measured
        plain = await catalogue.dressed(entry.actor, Setting(outline=0.5))
        assert plain.engine_ms == entry.engine_ms
        catalogue.close()

    asyncio.run(main())
