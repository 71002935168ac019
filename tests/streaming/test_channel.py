"""Channel: bounded by time, drops the oldest, ends cleanly."""

import asyncio

import pytest

from streaming.channel import Channel
from streaming.errors import SessionClosed
from tests.virtual_time import run


def test_oldest_goes_first_when_full() -> None:
    channel: Channel[int] = Channel(100, lambda item: 20)
    for item in range(9):
        channel.put(item)
    assert len(channel) == 5 and channel.held_ms == 100 and channel.dropped == 4

    async def main() -> list[int]:
        channel.close()
        return [item async for item in channel]

    assert run(main()) == [4, 5, 6, 7, 8]


def test_one_long_item_is_kept() -> None:
    channel: Channel[int] = Channel(100, lambda item: 500)
    channel.put(1)
    channel.put(2)
    assert len(channel) == 1


def test_reader_wakes_and_ends() -> None:
    async def main() -> list[int]:
        channel: Channel[int] = Channel(100, lambda item: 20)
        got: list[int] = []

        async def read() -> None:
            async for item in channel:
                got.append(item)

        reader = asyncio.create_task(read())
        for item in range(3):
            await asyncio.sleep(1)
            channel.put(item)
        await asyncio.sleep(1)
        channel.close()
        await reader
        with pytest.raises(SessionClosed, match="closed"):
            channel.put(4)
        return got

    assert run(main()) == [0, 1, 2]


def test_take_gives_what_is_there_up_to_a_number() -> None:
    async def main() -> list[list[int]]:
        channel: Channel[int] = Channel(1000, lambda item: 20)
        for item in range(7):
            channel.put(item)
        taken = [await channel.take(5), await channel.take(5)]
        assert channel.held_ms == 0
        channel.close()
        with pytest.raises(SessionClosed, match="empty"):
            await channel.take(5)
        return taken

    assert run(main()) == [[0, 1, 2, 3, 4], [5, 6]]


def test_clear_forgets() -> None:
    channel: Channel[int] = Channel(100, lambda item: 20)
    channel.put(1)
    channel.clear()
    assert len(channel) == 0 and channel.held_ms == 0 and channel.dropped == 0
