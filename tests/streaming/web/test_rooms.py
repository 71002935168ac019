"""The local session: everybody who watches is told what is live."""

import asyncio
from collections.abc import AsyncIterator

from streaming.clock import LoopClock
from streaming.sound import Sound
from tests.fakes import bursts, microphone, stereo
from tests.streaming.web.rig import Client, eventually, running


def test_who_comes_later_is_told_what_is_live() -> None:
    def listen() -> AsyncIterator[Sound]:
        return microphone(stereo(bursts(20)), LoopClock())

    async def main() -> None:
        async with running(microphone=listen) as server:
            first, second = Client(), Client()
            await first.connect(server, avatar="theo", style="calm")  # wishes; it is live already
            await eventually(lambda: first.stats() != {})
            stats = first.stats()
            assert (stats["avatar"], stats["style"]) == ("mira", "neutral")
            first.say("avatar", "theo")
            first.say("style", "cheerful")
            await eventually(
                lambda: (first.stats()["avatar"], first.stats()["style"]) == ("theo", "cheerful")
            )
            await second.connect(server)
            await eventually(lambda: second.stats() != {})
            stats = second.stats()
            assert (stats["avatar"], stats["style"]) == ("theo", "cheerful")
            second.say("avatar", "mira")
            await eventually(lambda: first.stats()["avatar"] == "mira")
            await first.close()
            await second.close()

    asyncio.run(main())
